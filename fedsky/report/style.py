"""How a strategy looks in every plot, and how a figure becomes the same bytes each time."""

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib
import seaborn  # type: ignore[import-untyped, unused-ignore]
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

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


FIXED = {
    "local": Look(ORANGE, "v", DOTTED),
    "centralized": Look(BLACK, "^", MIXED),
    "fedavg": Look(BLUE, "o", SOLID),
    "fedprox": Look(RED, "s", DASHED),
    "scaffold": Look(GREEN, "D", SOLID),
    "fedadam": Look(PINK, "P", DASHED),
    "fedyogi": Look(SKY, "X", DOTTED),
}
# For any other strategy, in the order of their names: marks that no fixed look has.
SPARE = [Look(color, marker, line) for marker, line in (("h", DASHED), ("*", MIXED), ("<", SOLID), (">", DOTTED))
         for color in (GREEN, PINK, SKY, RED, BLUE)]  # fmt: skip
VARIANT_MARKERS = "odsphXP<>*"


def looks(groups: Iterable[Group], strategies: Iterable[str]) -> dict[str, Look]:
    """A look for the label of each group of a plot; strategies: all of the page, so that each looks alike throughout.

    Groups of one strategy within a plot share its hue and differ in shade, marker and line.
    """
    others = sorted(set(strategies) - set(FIXED))
    by_strategy = FIXED | {name: SPARE[number % len(SPARE)] for number, name in enumerate(others)}
    found: dict[str, Look] = {}
    seen: dict[str, int] = {}
    for group in groups:
        look, variant = by_strategy[group.strategy], seen.get(group.strategy, 0)
        seen[group.strategy] = variant + 1
        if variant:
            marker = VARIANT_MARKERS[(VARIANT_MARKERS.find(look.marker) + variant) % len(VARIANT_MARKERS)]
            line = (SOLID, DASHED, MIXED, DOTTED)[variant % 4]
            look = Look(_shade(look.color, variant), marker, line)
        found[group.label] = look
    return found


def _shade(color: str, variant: int) -> str:
    """The colour mixed with white (odd variants) or black (even), more of it from pair to pair."""
    share = min(0.35 + 0.15 * ((variant - 1) // 2), 0.65)
    target = 0.85 if variant % 2 else 0.1
    red, green, blue = ((1 - share) * part + share * target for part in to_rgb(color))
    return to_hex((red, green, blue))


@contextmanager
def drawing() -> Iterator[None]:
    """The settings under which figures are drawn and saved: legible in a thesis column of 8.9 cm."""
    settings = {
        **seaborn.axes_style("whitegrid"), **seaborn.plotting_context("paper", font_scale=0.85),
        "svg.hashsalt": "fedsky", "svg.fonttype": "path", "text.parse_math": False, "axes.titleweight": "bold",
        "axes.titlelocation": "left", "axes.titlesize": 8, "axes.labelsize": 7.5, "xtick.labelsize": 7,
        "ytick.labelsize": 7, "legend.fontsize": 7, "legend.frameon": False, "lines.linewidth": 1.4,
        "lines.markersize": 4, "font.sans-serif": ["DejaVu Sans"], "grid.color": "#dddddd", "grid.linewidth": 0.6,
        "axes.edgecolor": "#888888", "axes.linewidth": 0.8, "figure.facecolor": "white", "axes.facecolor": "white",
        "hatch.linewidth": 0.5,
    }  # fmt: skip
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield


def as_png(figure: Figure) -> bytes:
    """A PNG file of 300 dots per inch without date or program."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=300, metadata={"Software": None})
    return buffer.getvalue()


def as_svg(figure: Figure) -> str:
    """An SVG file, its text as outlines, without date or program."""
    buffer = io.StringIO()
    empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=empty)
    return buffer.getvalue()


def inline(svg: str, name: str) -> str:
    """The SVG element to set into a page: no comments, ids of its own, its size left to the page."""
    element = re.sub(r"<!--.*?-->\s*|<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    element = re.sub(r'((?: id|xlink:href)="#?|url\(#)', rf"\g<1>{name}-", element)
    return re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r'\1 aria-hidden="true" focusable="false"',
                  re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", element, count=1), count=1)  # fmt: skip
