"""How a strategy looks in every plot, and how a figure becomes the same bytes each time."""

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import matplotlib
import seaborn  # type: ignore[import-untyped, unused-ignore]
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from fedsky import language
from fedsky.history import ALONE, POOLED
from fedsky.report.fonts import Spelling, chinese_font, spelling

from .groups import Group

# Okabe and Ito (2008), told apart by the colour-blind; their yellow is left out of lines, as it fades on white.
BLACK, ORANGE, SKY, GREEN, BLUE, RED, PINK = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
CLASSES = (SKY, ORANGE, GREEN, PINK, BLUE, RED, "#F0E442", BLACK)
SOLID, DASHED, DOTTED, MIXED = "-", (0, (5, 2)), (0, (1, 1.4)), (0, (5, 1.5, 1, 1.5))
Dashes = str | tuple[float, tuple[float, ...]]


@dataclass(frozen=True)
class Look:
    """Colour, marker and line of a group: any one of the three tells it apart."""

    color: str
    marker: str
    line: Dashes


BASELINES = {ALONE: Look(ORANGE, "v", DOTTED), POOLED: Look(BLACK, "^", MIXED)}
# For the federated strategies of a page, in the order of their names.
FEDERATIONS = [
    Look(BLUE, "o", SOLID),
    Look(RED, "s", DASHED),
    Look(GREEN, "D", SOLID),
    Look(PINK, "P", DASHED),
    Look(SKY, "X", DOTTED),
    *(
        Look(color, marker, line)
        for marker, line in (("h", DASHED), ("d", MIXED), ("<", SOLID), (">", DOTTED))
        for color in (GREEN, PINK, SKY, RED, BLUE)
    ),
]
# An outline as matplotlib writes it, its id the font's name, a hyphen and the glyph's number; no other id is like it.
_GLYPH = re.compile(r'<path id="(?P<name>[^"]*-[0-9a-f]+)"[^>]*?/>\s*')
_PICTURE = re.compile(r' id="image[0-9a-f]+"')  # of equal pictures the same, and nothing refers to it
_NAME = re.compile(r'( id="|xlink:href="#|url\(#)([^")]+)')
_PLACE = re.compile(r' (?:d|x|y)="[^"]*"')
VARIANT_MARKERS = "odsphXP<>*"


def looks(groups: Iterable[Group], page: Iterable[Group]) -> dict[str, Look]:
    """A look for the label of each group of a plot; page: all groups of the page, so that each looks alike throughout.

    Variants of one strategy share its hue and differ in shade, marker and line; a variant looks alike in all contexts.
    """
    names = sorted({group.strategy for group in page if group.role not in BASELINES})
    by_strategy = BASELINES | {name: FEDERATIONS[place % len(FEDERATIONS)] for place, name in enumerate(names)}
    found: dict[str, Look] = {}
    seen: dict[str, list[str]] = {}
    for group in groups:
        name = group.strategy if group.role not in BASELINES else group.role
        look, variants = by_strategy[name], seen.setdefault(name, [])
        if group.variant not in variants:
            variants.append(group.variant)
        place = variants.index(group.variant)
        if place:
            marker = VARIANT_MARKERS[(VARIANT_MARKERS.find(look.marker) + place) % len(VARIANT_MARKERS)]
            line = (SOLID, DASHED, MIXED, DOTTED)[place % 4]
            look = Look(_shade(look.color, place), marker, line)
        found[group.label] = look
    return found


def _shade(color: str, variant: int) -> str:
    """The colour mixed with white (odd variants) or black (even), more of it from pair to pair."""
    share = min(0.35 + 0.15 * ((variant - 1) // 2), 0.65)
    target = 0.85 if variant % 2 else 0.1
    red, green, blue = ((1 - share) * part + share * target for part in to_rgb(color))
    return to_hex((red, green, blue))


@contextmanager
def drawing(used: Spelling | None = None) -> Iterator[Spelling]:
    """The settings under which figures are drawn and saved: legible in a thesis column of 8.9 cm.

    Figures speak the report's language if there is a font for it, else English. What stands for characters that no
    font has is added to ``used``, or to a spelling of its own.
    """
    settings = {
        **seaborn.axes_style("whitegrid"),
        **seaborn.plotting_context("paper", font_scale=0.85),
        "svg.hashsalt": "fedsky",
        "svg.fonttype": "path",
        "text.parse_math": False,
        "axes.titley": 1.0,
        "axes.titlelocation": "left",
        "axes.titlesize": 8.5,
        "axes.labelsize": 7.5,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "lines.linewidth": 1.4,
        "lines.markersize": 4,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "axes.edgecolor": "#888888",
        "axes.linewidth": 0.8,
        "figure.facecolor": "white",
        "axes.facecolor": "white",
        "hatch.linewidth": 0.5,
        "pdf.fonttype": 42,
        "image.cmap": "cividis",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    said = language.use(language.ENGLISH) if speaks_english() else nullcontext()
    with matplotlib.rc_context(settings), spelling(used) as used, warnings.catch_warnings(), said:
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield used


def speaks_english() -> bool:
    """Whether figures speak English although the report does not, for want of a font."""
    return language.current() != language.ENGLISH and chinese_font() is None


@dataclass(frozen=True)
class Drawn:
    """One figure as files."""

    svg: str
    png: bytes
    pdf: bytes


def save(figure: Figure) -> Drawn:
    """A figure as SVG, PNG of 300 dots per inch and PDF, without date or program: the same bytes each time."""
    lay_out(figure)  # once for all three
    return Drawn(as_svg(figure), as_png(figure), as_pdf(figure))


def lay_out(figure: Figure) -> None:
    """Gives every part its place, and moves titles and labels to the side until they lie within the figure.

    The layout counts their height alone: long names of rows leave little width beside them.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        for text in (axes._left_title, axes.xaxis.label):  # type: ignore[attr-defined]
            box = text.get_window_extent()
            over = max(box.x1 - figure.bbox.width + 6, 0)
            if text.get_text() and over:
                text.set_x(text.get_position()[0] - min(over, box.x0) / axes.bbox.width)


def as_png(figure: Figure) -> bytes:
    """A PNG file of 300 dots per inch without date or program."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=300, metadata={"Software": None})
    return buffer.getvalue()


def as_pdf(figure: Figure) -> bytes:
    """A PDF file with its fonts embedded as TrueType, without date or program."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf", metadata=dict.fromkeys(("CreationDate", "Creator", "Producer")))
    return buffer.getvalue()


def as_svg(figure: Figure) -> str:
    """An SVG file, its text as outlines, without date or program."""
    buffer = io.StringIO()
    empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=empty)
    return buffer.getvalue()


class Glyphs:
    """The outlines of characters, which all figures of a page share: each stands in the page once."""

    def __init__(self) -> None:
        self.outlines: dict[str, str] = {}

    def element(self) -> str:
        """The invisible SVG element that holds them."""
        paths = "".join(self.outlines[name] for name in sorted(self.outlines))
        hidden = 'width="0" height="0" class="glyphs" aria-hidden="true" focusable="false"'
        return f"<svg {hidden}><defs>{paths}</defs></svg>"

    def inline(self, svg: str, name: str) -> str:
        """The SVG element to set into a page: no comments, ids of its own, its size left to the page."""

        def own(match: re.Match[str]) -> str:
            return match[0] if match[2] in self.outlines else f"{match[1]}{name}-{match[2]}"

        element = re.sub(r"<!--.*?-->\s*|<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
        element = re.sub(r"<defs>\s*</defs>\s*", "", _GLYPH.sub(self._keep, _PICTURE.sub("", element)))
        element = re.sub(r"\n\s*", "\n", _PLACE.sub(_rounded, _NAME.sub(own, element)))
        return re.sub(
            r'(<svg\b[^>]*?) width="[^"]*"',
            r'\1 aria-hidden="true" focusable="false"',
            re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", element, count=1),
            count=1,
        )

    def _keep(self, match: re.Match[str]) -> str:
        self.outlines[match["name"]] = match[0].strip()
        return ""


def _rounded(attribute: re.Match[str]) -> str:
    """Places to a tenth of a point, a fifth of a pixel where a column's width fills half the page."""
    short = re.sub(r"\d+\.\d{2,}", lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), attribute[0])
    return re.sub(r"\s+", " ", short)
