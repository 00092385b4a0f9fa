"""The report: reads run folders, sorts them, and writes the page, its plots and its tables."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fedsky import language
from fedsky.language import _
from fedsky.untrusted import printable, section

from . import exports, style, tables, thesis, words
from .blocks import Part, Writer, sheet
from .groups import ELSEWHERE, ComparableGroups
from .kinds import SKY
from .results import Result
from .selection import Choice, Selection, nothing_finished, select
from .subject import Subject, subject
from .views import views

TEMPLATE = Path(__file__).with_name("page.html.jinja")
MANY_PROBLEMS, MANY_FILES = 12, 100
THOROUGH = 2  # kinds of data of which every view is drawn: those with the most runs
FEW_DATA = 3  # that the heading names


def write_report(folders: Sequence[Path], out: Path, choice: Choice | None = None, lang: str = "en") -> Path:
    """Writes the report of every run at or under the folders that fits the choice; returns the path of its page.

    Beside the page stand plots/ (SVG, PNG and PDF), tables/ (CSV and LaTeX) and manifest.json. The same folders give
    the same bytes. ValueError in one line where there is nothing to compare.
    """
    with language.use(lang):
        return write_selection(select(folders, choice), folders, out, choice or Choice())


def write_selection(selection: Selection, folders: Sequence[Path], out: Path, choice: Choice) -> Path:
    """``write_report`` of runs that are read already, in the language in use."""
    if not selection.results:
        raise ValueError(nothing_finished(selection, folders))
    kinds, notes, left_out = selection.kinds, list(selection.notes), selection.left_out
    writer = Writer()
    thorough = sorted(kinds, key=lambda kind: -len(kind.results))[:THOROUGH]
    if len(kinds) > THOROUGH:
        notes.append(
            _(
                "Every view is drawn of the {n} kinds of data with the most runs; of the others the main ones.",
                n=THOROUGH,
            )
        )
    prefixes = [f"data{number}-" if len(kinds) > 1 else "" for number in range(1, len(kinds) + 1)]
    parts = [
        _part(subject(kind, prefix, writer, kind in thorough, choice.baseline), title)
        for kind, title, prefix in zip(kinds, _titles(kinds), prefixes, strict=True)
    ]
    if style.speaks_english():
        notes.append(
            _("The plots speak English: no font with Chinese characters was found. Install one, such as Noto Sans CJK.")
        )
    if legend := writer.spelling.legend:
        notes.append(legend)
        selection.notes.append(legend)  # for the terminal
    not_counted = tables.left_out_table(left_out) if left_out else None
    if not_counted is not None:
        writer.table("not_counted", not_counted)
    title = _(
        "{finished}, {runs} not counted",
        finished=words.count(len(selection.results), "finished run"),
        runs=words.count(len(left_out), "run"),
    )
    caption = _("Not done, or done without all of its rounds: no number above comes from them.")
    page = render(
        heading(selection.results),
        title,
        notes,
        parts,
        writer.glyphs.element(),
        None if not_counted is None else sheet(caption, not_counted, file="tables/not_counted.csv", most=200),
        [(name, _some(problems)) for name, problems in selection.problems],
    )
    writer.files["index.html"] = page.encode("utf-8", errors="replace")
    writer.files["tables/tidy.csv.gz"] = exports.tidy_bytes(kinds)
    for kind, prefix in zip(kinds, prefixes, strict=True):
        writer.files |= thesis.files(kind, prefix)
    asked = {
        "lang": language.current(),
        "group_by": choice.group_by,
        "where": choice.where,
        "baseline": choice.baseline,
        "margin": choice.margin,
    }
    writer.write(out, selection.runs, asked)
    return out / "index.html"


def render(
    heading: str,
    title: str,
    notes: Sequence[str],
    parts: Sequence[Part],
    glyphs: str,
    left_out: object,
    problems: Sequence[tuple[str, list[str]]],
) -> str:
    """The page as text; heading: what it asks; glyphs is the element of the outlines that its figures share."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.globals["_"] = _
    template = environment.get_template(TEMPLATE.name)
    return template.render(
        heading=heading,
        title=title,
        notes=notes,
        parts=parts,
        glyphs=Markup(glyphs),  # noqa: S704 - our own drawing
        left_out=left_out,
        problems=problems[:MANY_FILES],
        limits=_limits(),
        language=language.current(),
        more_problems=len(problems) - MANY_FILES,
    )


def _part(about: Subject, title: str) -> Part:
    """What the page says of one kind of data: every view in its place."""
    found = [section for view in views() if (section := view.section(about)) and section.blocks]
    return Part(f"{about.prefix}part", title, found)


def heading(results: Sequence[Result]) -> str:
    """What the page asks, and of which data: two classes by their names, more by the name of the data."""
    told = list(dict.fromkeys(map(_told_apart, results)))
    if not all(told) or len(told) > FEW_DATA:
        return _("Who gains by joining?")
    data = _(", ").join(told)
    return _("{data}: who gains by joining?", data=data[0].upper() + data[1:])


def _told_apart(result: Result) -> str:
    """What the models of a run tell apart; empty where the run does not say."""
    classes = section(result.run.info, "data").get("classes")
    if not isinstance(classes, list) or len(classes) < 2:
        return ""
    if len(classes) == 2:
        first, last = (_(each) if each in SKY else printable(each, 30) for each in classes)
        return _("{first} or {last}", first=first, last=last)
    name = section(result.run.config, "data").get("name") or section(result.run.info, "choices").get("data")
    return _("{data} ({n} classes)", data=printable(name, 30), n=len(classes)) if name else ""


def _titles(kinds: Sequence[ComparableGroups]) -> list[str]:
    """What each kind of data is called: its title and such choices as all its groups share and other kinds do not."""
    told = ("strategy", "data", *ELSEWHERE)
    shared = [
        {
            (name, choice)
            for name, choice in kind.groups[0].choices.items()
            if name not in told and all(group.choices.get(name) == choice for group in kind.groups)
        }
        for kind in kinds
    ]
    common = set.intersection(*shared)
    return [
        ", ".join([kind.title, *(f"{name}={choice}" for name, choice in sorted(mine - common))])
        for kind, mine in zip(kinds, shared, strict=True)
    ]


def _limits() -> list[str]:
    """What a reader must keep in mind."""
    return [
        _("Accuracies are those of the last round's model on the test images; no round was chosen by them."),
        _(
            "Runs that differ only in seed, data seed or fold are one group. With few runs a t-interval is wide and "
            "right only if results scatter evenly about their mean; intervals of accuracies are cut at 0 and 100 %."
        ),
        _(
            "A difference is estimated from what every run took every test photograph for: photographs and runs are "
            "crossed (Cameron, Gelbach and Miller 2011), splits share training images (Nadeau and Bengio 2003), and "
            "the intervals of a family hold together (Hothorn, Bretz and Westfall 2008). Images taken minutes apart at "
            "one place are not independent: unless they are known as near duplicates, an interval is too narrow then. "
            "Models that hang on single training images (such as nearest neighbours) vary from data to data more than "
            "any resampling of one data set can see (Bengio and Grandvalet 2004). Below 10 photographs in a class no "
            "interval is given."
        ),
        _("An owner's own test images are few: its accuracy moves by 100/n points with every image."),
        _(
            '"Alone" judges each test image by its own owner\'s lone model; "pooled" is one model trained on all '
            "owners' images."
        ),
        _(
            "Megabytes are those of training alone, models as they travel; what evaluation sends is not counted, nor "
            "what pooling would send: the photographs themselves."
        ),
    ]


def _some(problems: list[str]) -> list[str]:
    more = len(problems) - MANY_PROBLEMS
    return problems[:MANY_PROBLEMS] + ([_("and {n} more", n=more)] if more > 0 else [])
