"""The look that the exploration shares with the report: its style sheet, its tables and its figures."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from fedsky.report import style
from fedsky.report.style import Glyphs, as_svg

TEMPLATE = Path(__file__).with_name("page.html.jinja")
STYLE_SHEET = Path(style.__file__).with_name("page.css.jinja")


@dataclass(frozen=True)
class Plot:
    """A figure of the page: its SVG file, what it shows in words, and its numbers."""

    name: str
    title: str
    alt: str
    caption: str
    svg: str
    table: pd.DataFrame


def plot(name: str, title: str, alt: str, caption: str, figure: Figure, table: pd.DataFrame) -> Plot:
    """A drawn figure as it stands in the page."""
    return Plot(name, title, alt, caption, as_svg(figure), table)


def render(plots: list[Plot], owner_plots: list[Plot], **parts: object) -> str:
    """The page; whatever comes from files is escaped."""
    glyphs = Glyphs()
    drawn, of_owners = (
        [(plot, Markup(glyphs.inline(plot.svg, plot.name))) for plot in each]  # noqa: S704 - drawn here
        for each in (plots, owner_plots)
    )
    sources = {"page": TEMPLATE.read_text(encoding="utf-8"), "css": STYLE_SHEET.read_text(encoding="utf-8")}
    environment = Environment(loader=DictLoader(sources), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = environment.get_template("page")
    return page.render(plots=drawn, owner_plots=of_owners, glyphs=Markup(glyphs.element()), **parts)  # noqa: S704 - drawn here
