"""The report: reads run folders, sorts them, and writes the page, its plots and its tables."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fedsky.history import find_runs, read_run

from . import style, tables, words
from .groups import Kind
from .kinds import make_kinds
from .parts import Writer, make_part
from .results import LeftOut, Result, printable, read_result

TEMPLATE = Path(__file__).with_name("page.html.jinja")
MANY_PROBLEMS = 12


def write_report(folders: list[Path], out: Path) -> Path:
    """Writes the report of every run at or under the folders, and returns the path of its page.

    Beside the page stand plots/ (PNG and SVG) and tables/ (CSV). The same folders give the same bytes.
    """
    read = [read_result(read_run(path), _name(path, folders)) for path in find_runs(folders)]
    results = [each for each in read if isinstance(each, Result)]
    left_out = [each for each in read if isinstance(each, LeftOut)]
    if not results:
        under = ", ".join(str(folder) for folder in folders)
        states = [f"{each.name} is {each.run.status}{each.reason and f' ({each.reason})'}" for each in left_out]
        found = printable(", ".join(states), 400) or "no run.json there; run one first"
        raise ValueError(f"no finished run under {under}: {found}")
    kinds, notes = make_kinds(results)
    writer = Writer()
    with style.drawing():
        prefixes = [f"data{number}-" if len(kinds) > 1 else "" for number in range(1, len(kinds) + 1)]
        parts = [make_part(kind, prefix, writer) for kind, prefix in zip(kinds, prefixes, strict=True)]
    not_counted = tables.left_out_table(left_out) if left_out else None
    if not_counted is not None:
        writer.table("not_counted", not_counted)
    problems = [(each.name, _some(each.problems)) for each in read if each.problems]
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template(TEMPLATE.name).render(
        title=f"{words.count(len(results), 'finished run')}, {words.count(len(left_out), 'run')} not counted",
        notes=notes + [note for kind in kinds for note in _differences(kind)],
        parts=parts, left_out=not_counted, problems=problems,
    )  # fmt: skip
    writer.files["index.html"] = page.encode("utf-8", errors="replace")
    writer.write(out)
    return out / "index.html"


def _name(path: Path, folders: Sequence[Path]) -> str:
    """The run's folder as seen from the root it was found under."""
    root = next(folder for folder in folders if path.is_relative_to(folder))
    return printable(str(path.relative_to(root)) if path != root else path.resolve().name)


def _some(problems: list[str]) -> list[str]:
    more = len(problems) - MANY_PROBLEMS
    return problems[:MANY_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])


def _differences(kind: Kind) -> list[str]:
    """What the groups of a kind do not share, beside what names them."""
    notes = []
    repetitions = {frozenset(group.results) for group in kind.groups}
    if len(repetitions) > 1:
        counts = ", ".join(f"{group.label} {len(group.results)}" for group in kind.groups)
        notes.append(f"{kind.title}: groups do not have the same seeds and folds (runs: {counts}); "
                     "differences count shared ones only.")  # fmt: skip
    for name in ("commit", "versions"):
        if len({str(result.run.info.get(name)) for result in kind.results}) > 1:
            notes.append(f"{kind.title}: runs differ in {name}; see where the numbers come from.")
    return notes
