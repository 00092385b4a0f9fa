"""Pictures that are no skies, drawn: pages, screens, charts, textures, noise, things and rooms."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 480, 360
Random = np.random.Generator
WORDS = ("client", "server", "round", "model", "weight", "photograph", "of", "the", "and", "mean", "light", "paper")


def blank(colour: str | tuple[int, int, int] = "white") -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty picture and its pen."""
    image = Image.new("RGB", (WIDTH, HEIGHT), colour)
    return image, ImageDraw.Draw(image)


def colour(rng: Random, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    """A random colour."""
    red, green, blue = rng.integers(low, high, 3).tolist()
    return red, green, blue


def _write(pen: ImageDraw.ImageDraw, rng: Random, box: tuple[int, int, int, int], ink: str, step: int = 14) -> None:
    for y in range(box[1], box[3], step):
        line = " ".join(rng.choice(WORDS, 14))
        pen.text((box[0], y), line[: (box[2] - box[0]) // 6], fill=ink)


def page(rng: Random) -> Image.Image:
    """A printed page."""
    image, pen = blank((250, 248, 240))
    pen.text((40, 20), "3  Method", fill="black", font_size=22)
    _write(pen, rng, (40, 60, 440, 340), "black")
    return image


def scan(rng: Random) -> Image.Image:
    """A page under uneven light, a little turned."""
    turned = page(rng).rotate(4, fillcolor=(120, 110, 100), resample=Image.Resampling.BICUBIC)
    light = np.linspace(0.5, 1.0, WIDTH)[None, :, None]
    return Image.fromarray((np.asarray(turned) * light).astype(np.uint8))


def terminal(rng: Random) -> Image.Image:
    """A dark window with a log."""
    image, pen = blank((20, 22, 28))
    _write(pen, rng, (10, 10, 470, 350), "#9fe08f")
    return image


def screen(rng: Random) -> Image.Image:
    """A window with a bar, buttons and a table."""
    image, pen = blank((246, 247, 250))
    pen.rectangle((0, 0, WIDTH, 36), fill=(33, 37, 60))
    for column in range(5):
        pen.rounded_rectangle((10 + 92 * column, 50, 92 + 92 * column, 78), 6, fill=(60, 110, 220))
        for row in range(9):
            pen.rectangle((10 + 92 * column, 95 + 28 * row, 102 + 92 * column, 123 + 28 * row), outline="#bbbbbb")
            pen.text((16 + 92 * column, 102 + 28 * row), f"{rng.random():.3f}", fill="black")
    return image


def lines(rng: Random) -> Image.Image:
    """A chart of curves."""
    image, pen = blank()
    pen.line((50, 20, 50, 320, 460, 320), fill="black", width=2)
    for ink in ("#0072b2", "#d55e00", "#009e73"):
        heights = 300 - 260 * (1 - np.exp(-np.arange(41) / rng.uniform(4, 15))) + rng.normal(0, 6, 41)
        pen.line([(50 + 10 * x, float(y)) for x, y in enumerate(heights)], fill=ink, width=3)
    return image


def bars(rng: Random) -> Image.Image:
    """A chart of bars."""
    image, pen = blank()
    for number in range(9):
        pen.rectangle((40 + 46 * number, int(rng.integers(40, 300)), 74 + 46 * number, 320), fill=colour(rng, 40, 220))
    return image


def heat(rng: Random) -> Image.Image:
    """A heat map of squares."""
    cells = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    return cells.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)


def noise(rng: Random) -> Image.Image:
    """White noise in colour."""
    return Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))


def stripes(rng: Random) -> Image.Image:
    """Slanted stripes."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    on = (rows + 2 * columns) // 24 % 2
    return Image.fromarray(np.array([colour(rng), colour(rng)], np.uint8)[on])


def bricks(rng: Random) -> Image.Image:
    """A brick wall."""
    image, pen = blank((190, 185, 180))
    for row in range(0, HEIGHT, 24):
        for column in range(-30, WIDTH, 60):
            left = column + row // 24 % 2 * 30
            shade = int(rng.integers(-25, 25))
            pen.rectangle((left, row, left + 56, row + 20), fill=(160 + shade, 75 + shade // 2, 60 + shade // 2))
    return image.filter(ImageFilter.GaussianBlur(0.8))


def wood(rng: Random) -> Image.Image:
    """Boards of wood."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    rings = np.sin(rows / 7 + 3 * np.sin(columns / 90 + rows // 60) + rng.normal(0, 0.15, (HEIGHT, WIDTH)))
    return Image.fromarray((np.array([150, 100, 60]) * (1 + 0.2 * rings[..., None])).clip(0, 255).astype(np.uint8))


def cloth(rng: Random) -> Image.Image:
    """A chequered cloth."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    weave = ((rows // 30 % 2)[..., None] + (columns // 30 % 2)[..., None]) / 2
    return Image.fromarray((255 - weave * (255 - np.array(colour(rng, 0, 180)))).astype(np.uint8))


def leaves(rng: Random) -> Image.Image:
    """A thicket of leaves."""
    image, pen = blank((20, 40, 15))
    for _ in range(900):
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        green = int(rng.integers(60, 190))
        box = (x, y, x + int(rng.integers(8, 30)), y + int(rng.integers(5, 14)))
        pen.ellipse(box, fill=(green // 2, green, green // 4))
    return image


def pebbles(rng: Random) -> Image.Image:
    """A floor of pebbles."""
    image, pen = blank((70, 65, 60))
    for _ in range(700):
        x, y, wide = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT)), int(rng.integers(12, 34))
        shade = int(rng.integers(90, 210))
        pen.ellipse((x, y, x + wide, y + wide * 0.7), fill=(shade, shade - 8, shade - 20), outline=(50, 48, 45))
    return image.filter(ImageFilter.GaussianBlur(1))


def room(rng: Random) -> Image.Image:
    """A room: walls, floor, a picture, a sofa, a lamp."""
    image, pen = blank((225, 215, 195))
    pen.polygon([(0, HEIGHT), (0, 270), (WIDTH, 270), (WIDTH, HEIGHT)], fill=(150, 105, 70))
    pen.rectangle((60, 60, 170, 140), fill=colour(rng), outline=(70, 50, 30), width=6)
    pen.rounded_rectangle((150, 210, 380, 310), 18, fill=colour(rng, 30, 180))
    pen.rectangle((415, 130, 420, 300), fill="black")
    pen.polygon([(390, 135), (445, 135), (432, 90), (403, 90)], fill=(250, 230, 160))
    return image.filter(ImageFilter.GaussianBlur(1.2))


def corridor(rng: Random) -> Image.Image:
    """A corridor with doors, in perspective."""
    image, pen = blank((200, 198, 190))
    pen.polygon([(0, HEIGHT), (190, 210), (290, 210), (WIDTH, HEIGHT)], fill=(110, 100, 95))
    pen.polygon([(0, 0), (190, 150), (290, 150), (WIDTH, 0)], fill=(240, 240, 235))
    for depth in (0.15, 0.45, 0.7):
        left, top, low = 190 * depth, 40 + 120 * depth, HEIGHT - 150 * depth
        pen.polygon([(left, top), (left + 30, top + 22), (left + 30, low - 22), (left, low)], fill=colour(rng, 60, 160))
    return image.filter(ImageFilter.GaussianBlur(1))


def shelf(rng: Random) -> Image.Image:
    """A shelf of books."""
    image, pen = blank((90, 60, 40))
    for row in range(3):
        x = 8
        while x < WIDTH - 20:
            wide = int(rng.integers(10, 26))
            pen.rectangle((x, 12 + 118 * row + int(rng.integers(0, 25)), x + wide, 112 + 118 * row), fill=colour(rng))
            x += wide + 2
    return image


def night(rng: Random) -> Image.Image:
    """House fronts at night, some windows lit, from street to roof."""
    image, pen = blank((28, 26, 34))
    for x in range(8, WIDTH, 34):
        for y in range(8, HEIGHT, 30):
            pen.rectangle((x, y, x + 20, y + 18), fill=(250, 215, 120) if rng.random() < 0.4 else (50, 50, 62))
    return image


def fruit(rng: Random) -> Image.Image:
    """Fruit on a table."""
    image, pen = blank((120, 80, 50))
    for _ in range(14):
        x, y, wide = int(rng.integers(40, 380)), int(rng.integers(80, 260)), int(rng.integers(50, 90))
        ink = ((200, 40, 30), (240, 160, 20), (110, 170, 40))[int(rng.integers(3))]
        pen.ellipse((x, y, x + wide, y + wide), fill=ink)
        pen.ellipse((x + wide * 0.25, y + wide * 0.2, x + wide * 0.4, y + wide * 0.35), fill="white")
    return image.filter(ImageFilter.GaussianBlur(2))


def face(rng: Random) -> Image.Image:
    """A face before a wall, soft as a near portrait."""
    image, pen = blank(colour(rng, 60, 200))
    pen.ellipse((130, 40, 350, 330), fill=(224, 172, 138))
    pen.pieslice((120, 20, 360, 260), 180, 360, fill=(60, 40, 30))
    for x in (190, 270):
        pen.ellipse((x, 160, x + 34, 180), fill="white")
        pen.ellipse((x + 10, 160, x + 26, 180), fill=(50, 80, 60))
    pen.arc((190, 220, 290, 290), 20, 160, fill=(150, 50, 50), width=7)
    return image.filter(ImageFilter.GaussianBlur(3))


def signs(rng: Random) -> Image.Image:
    """A field of black and white squares, as a QR code."""
    cells = Image.fromarray((rng.random((27, 36)) < 0.5).astype(np.uint8) * 255)
    return cells.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST).convert("RGB")


def fractal(rng: Random) -> Image.Image:
    """A part of the Mandelbrot set."""
    real, imaginary = np.meshgrid(np.linspace(-2.2, 0.8, WIDTH), np.linspace(-1.1, 1.1, HEIGHT))
    c, z, steps = real + 1j * imaginary, np.zeros((HEIGHT, WIDTH), complex), np.zeros((HEIGHT, WIDTH))
    for _ in range(40):
        inside = np.abs(z) <= 2
        z[inside] = z[inside] ** 2 + c[inside]
        steps += inside
    inks = np.array([colour(rng) for _ in range(41)], np.uint8)
    return Image.fromarray(inks[steps.astype(int)])


def plan(rng: Random) -> Image.Image:
    """A street map."""
    image, pen = blank((235, 230, 220))
    for _ in range(14):
        ends = [(int(rng.integers(-50, WIDTH + 50)), int(rng.integers(-50, HEIGHT + 50))) for _ in range(2)]
        pen.line(ends, fill=((255, 255, 255), (250, 210, 110))[int(rng.integers(2))], width=int(rng.integers(5, 14)))
    pen.ellipse((300, 40, 450, 150), fill=(190, 220, 170))
    return image


DRAWERS: tuple[Callable[[Random], Image.Image], ...] = (
    page,
    scan,
    terminal,
    screen,
    lines,
    bars,
    heat,
    noise,
    stripes,
    bricks,
    wood,
    cloth,
    leaves,
    pebbles,
    room,
    corridor,
    shelf,
    night,
    fruit,
    face,
    signs,
    fractal,
    plan,
)


def drawings(seed: int = 0) -> Iterator[tuple[str, Image.Image]]:
    """One picture of each kind, with its name."""
    for number, draw in enumerate(DRAWERS):
        yield draw.__name__, draw(np.random.default_rng([seed, number]))
