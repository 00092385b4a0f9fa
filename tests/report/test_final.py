"""The final table's words on single owners."""

from collections.abc import Callable
from pathlib import Path

import pytest
from only_kind import only_kind

from fedsky.report.groups import ComparableGroups
from fedsky.report.tables import OWN_MODELS, final_table
from fedsky.report.verdict import sentences


@pytest.fixture
def kind(tmp_path: Path, write_run: Callable[..., Path]) -> ComparableGroups:
    """fedavg on two folds and two seeds of the first, and local, whose own models reach 0.6 on everyone's images."""
    write_run(tmp_path / "a", owners=(0.9, 0.5), config={"data.fold": "1/5"})
    write_run(tmp_path / "b", seed=1, owners=(0.9, 0.7), config={"data.fold": "1/5"})
    write_run(
        tmp_path / "c", owners=(0.3, 0.6), config={"data.fold": "2/5"}, counts=(([30, 10], [4, 3]), ([10, 30], [5, 6]))
    )
    write_run(tmp_path / "d", "local", curve=(0.5, 0.7, 0.6), config={"data.fold": "1/5"})
    return only_kind(tmp_path)


def test_the_worst_owner_has_the_lowest_mean_over_runs_and_its_images_of_all_folds(kind: ComparableGroups) -> None:
    raw, shown = final_table(kind)
    row = raw.set_index("group").loc["fedavg"]
    assert row["worst_owner"] == "owner 1"
    assert row["worst_owner_accuracy"] == pytest.approx((0.5 + 0.7 + 0.6) / 3)
    assert row["worst_owner_n"] == 20 + 11  # once a fold, however many seeds
    assert shown.set_index("group").loc["fedavg", "worst owner"] == "60.0 % (owner 1, 31 photographs)"


def test_own_models_are_told_on_everyones_images_too(kind: ComparableGroups) -> None:
    _, shown = final_table(kind)
    assert dict(zip(shown["group"], shown[OWN_MODELS], strict=True)) == {"local": "60.0 %", "fedavg": ""}
    [text] = [told for _context, _numbers, told in sentences(kind) if "own model (local)" in told]
    assert text.endswith("on everyone's test images these models reach 60.0 % on average.")


def test_without_own_models_there_is_no_such_column(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    write_run(tmp_path / "a")
    assert OWN_MODELS not in final_table(only_kind(tmp_path))[1]
