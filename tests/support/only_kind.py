"""Runs of one kind of data, as the report reads them."""

from pathlib import Path

from fedsky.history import find_runs, read_run
from fedsky.report.groups import ComparableGroups
from fedsky.report.kinds import make_kinds
from fedsky.report.results import Result, read_result


def only_kind(folder: Path) -> ComparableGroups:
    """The kind of all the runs in a folder."""
    results = [read_result(read_run(path), path.name) for path in find_runs([folder])]
    [kind] = make_kinds([result for result in results if isinstance(result, Result)])[0]
    return kind
