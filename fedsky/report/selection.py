"""Which runs a report counts: read, chosen, sorted into groups that may be compared, and what a reader must know of it.

The page, the tables and the site all start here, so that none of them counts other runs than the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fedsky.history import RUNNING, Run, find_runs, read_run, reasons
from fedsky.language import _
from fedsky.untrusted import printable

from .comparisons import MANY, check_baseline
from .groups import MARGIN, ComparableGroups
from .keys import chosen_runs
from .kinds import make_kinds
from .reading import keeps_predictions
from .results import LeftOut, Result, planned_rounds, read_result


@dataclass(frozen=True)
class Choice:
    """What a user asked for. group_by: the settings that make a group; where: KEY=VALUE; baseline: a group's name.

    margin: the fraction of accuracy within which two groups count as equally good; ValueError unless above 0, below 1.
    """

    group_by: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    baseline: str | None = None
    margin: float = MARGIN

    def __post_init__(self) -> None:
        if not 0 < self.margin < 1:
            raise ValueError(
                _(
                    "margin={points}: points of accuracy above 0 and below 100 are needed, such as 2",
                    points=f"{100 * self.margin:g}",
                )
            )


@dataclass(frozen=True)
class Selection:
    """kinds: what is compared; notes: what limits the comparison; left_out: runs that no number is taken from."""

    kinds: list[ComparableGroups]
    notes: list[str]
    results: list[Result]
    left_out: list[LeftOut]

    @property
    def runs(self) -> dict[str, Run]:
        """Every run that was read, by its name."""
        return {each.name: each.run for each in self.results} | {each.name: each.run for each in self.left_out}

    @property
    def problems(self) -> list[tuple[str, list[str]]]:
        """What is wrong in the files of each run."""
        read: list[Result | LeftOut] = [*self.results, *self.left_out]
        return [(each.name, each.problems) for each in read if each.problems]


def select(runs: Sequence[Path | Run], choice: Choice | None = None) -> Selection:
    """Reads every run at or under the folders, or given, that fits the choice; ValueError if none can."""
    choice = choice or Choice()
    folders = [each for each in runs if isinstance(each, Path)]
    read = [
        read_result(read_run(path, whole=True), run_name(path, folders)) for path in find_runs(folders)
    ]  # one at a time: large
    read += [read_result(each, printable(each.folder.name)) for each in runs if isinstance(each, Run)]
    if choice.where:
        kept = {id(run) for run in chosen_runs([each.run for each in read], choice.where)}
        read = [each for each in read if id(each.run) in kept]
    results = [each for each in read if isinstance(each, Result)]
    kinds, notes = make_kinds(results, choice.group_by)
    if choice.baseline is not None and kinds:
        check_baseline(kinds, choice.baseline)
    for kind in kinds:
        kind.margin = choice.margin
        notes += _differences(kind)
        if len(kind.groups) > MANY and choice.baseline is None:
            notes.append(
                _(
                    "{data}: of {n} groups, only those are compared that differ in nothing but the strategy.",
                    data=kind.title,
                    n=len(kind.groups),
                )
            )
    notes += _short_runs(results) + _without_predictions(results)
    return Selection(kinds, notes, results, [each for each in read if isinstance(each, LeftOut)])


def nothing_finished(selection: Selection, folders: Sequence[Path]) -> str:
    """Why there is nothing to compare, in one line."""
    states = [
        _("{name} is {status}", name=each.name, status=printable(each.run.status, 30))
        + (f" ({why_left_out(each)})" if why_left_out(each) else "")
        for each in selection.left_out
    ]
    found = printable(", ".join(states), 400) or _("no run.json there; run one first")
    return _("no finished run under {folders}: {found}", folders=", ".join(map(str, folders)), found=found)


def why_left_out(each: LeftOut) -> str:
    """Why a run is not counted; of a running one, how far it has come."""
    if each.run.status != RUNNING or each.reason:
        return reasons.told(each.reason)
    reached = max((row["round"] for row in each.run.rounds), default=0)
    return _("round {round} of {planned}", round=reached, planned=planned_rounds(each.run) or _("unknown"))


def run_name(path: Path, folders: Sequence[Path]) -> str:
    """The run's folder as seen from the root it was found under; of several roots, with the root's own name."""
    root = next(folder for folder in folders if path.is_relative_to(folder))
    inner = path.relative_to(root)
    if path == root:
        return printable(path.resolve().name)
    return printable(str(Path(root.resolve().name) / inner if len(folders) > 1 else inner))


def _differences(kind: ComparableGroups) -> list[str]:
    """What the groups of a kind do not share, beside what names them."""
    notes = []
    if len({frozenset(group.results) for group in kind.groups}) > 1:
        counts = printable(", ".join(f"{group.label} {len(group.results)}" for group in kind.groups), 600)
        notes.append(
            _(
                "{data}: groups do not have the same seeds and folds (runs: {counts}); differences count shared "
                "ones only.",
                data=kind.title,
                counts=counts,
            )
        )
    if len({str(result.run.info.get("commit")) for result in kind.results}) > 1:
        notes.append(
            _(
                "{data}: runs differ in commit, the version of the code; see where the numbers come from.",
                data=kind.title,
            )
        )
    if len({str(result.run.info.get("versions")) for result in kind.results}) > 1:
        notes.append(
            _("{data}: runs differ in versions of libraries; see where the numbers come from.", data=kind.title)
        )
    return notes


def _without_predictions(results: Sequence[Result]) -> list[str]:
    """Runs of real federations whose owners keep what single photographs were taken for."""
    told = [each.name for each in results if each.predictions is None and keeps_predictions(each.run)]
    if not told:
        return []
    return [
        _(
            "Owners let no predictions leave, so that nothing is compared photograph by photograph: {runs}.",
            runs=printable(", ".join(told), 400),
        )
    ]


def _short_runs(results: Sequence[Result]) -> list[str]:
    """Runs that ended before their last round because they were asked to, by patience or by their strategy."""
    told = [
        _(
            "{name} after round {round} of {planned}",
            name=each.name,
            round=each.last_round,
            planned=planned_rounds(each.run),
        )
        for each in results
        if planned_rounds(each.run) not in (None, each.last_round)
    ]
    if not told:
        return []
    return [
        _(
            "Stopped early, as their settings ask for: {runs}. Their last round counts; a mean over rounds ends "
            "where the first run of its group does.",
            runs=printable(", ".join(told), 400),
        )
    ]
