"""Who gains, how much and at what cost: the sentences that page, terminal and site share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fedsky.report import story
from fedsky.report.comparisons import Comparison, Joining, joining
from fedsky.report.groups import ComparableGroups, Group
from fedsky.report.selection import select
from fedsky.report.statistics import Estimate
from fedsky.report.summary import compare
from fedsky.report.tables import final_table

WriteRun = Callable[..., Path]
Judge = Callable[..., list[tuple[str, str, str]]]


def only(folder: Path) -> ComparableGroups:
    [kind] = select([folder]).kinds
    return kind


def gained(value: float, low: float | None, high: float | None, splits: int = 5, reason: str = "") -> str:
    """What is said of a federation that differs from training alone by so much."""
    federated, alone = (Group(name, {}, {}, {}, name) for name in ("fedavg", "local"))
    found = Comparison(federated, alone, Estimate(value, low, high, 15, 5, 373), splits=splits, reason=reason)
    return story._who(Joining(federated, found, None, None), 1)


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (0.04, 0.01, 0.071, "Owners gain by joining: together (fedavg) they are 4.0 points better than alone "
                            "(95 % interval 1.0 to 7.1)."),
        (-0.04, -0.071, -0.01, "Owners lose by joining: together (fedavg) they are 4.0 points worse than alone "
                               "(95 % interval -7.1 to -1.0)."),
        (0.01, 0.002, 0.018, "Owners gain by joining, but less than 2 points: together (fedavg) they are 1.0 "
                             "points better than alone (95 % interval 0.2 to 1.8)."),
        (-0.003, -0.013, 0.007, "Joining changes less than 2 points: together (fedavg) owners are 0.3 points worse "
                                "than alone (95 % interval -1.3 to 0.7)."),
        (0.0, -0.05, 0.05, "Whether owners gain by joining is not shown: together (fedavg) they are 0.0 points "
                           "better than alone (95 % interval -5.0 to 5.0)."),
    ],
)  # fmt: skip
def test_every_verdict_has_its_words(value: float, low: float, high: float, said: str) -> None:
    assert gained(value, low, high) == said


def test_one_split_and_no_interval_are_told() -> None:
    assert "(95 % interval 1.0 to 7.0, for the trained models of this one split)" in gained(0.04, 0.01, 0.07, splits=1)
    assert gained(0.04, None, None, reason="few photographs") == (
        "Whether owners gain by joining cannot be told yet: in these runs they are 4.0 points better than alone "
        "together (fedavg), but that number has no interval: too few photographs of a class."
    )
    assert gained(0.0, None, None, reason="same") == (
        "Joining changes nothing: fedavg judges every photograph as owners alone do."
    )


def write_three(folder: Path, write_run: WriteRun, judge: Judge) -> None:
    for name, count in {"local": 8, "fedavg": 4, "fedprox": 5, "centralized": 2}.items():
        rows = judge(*range(count), *range(20, 20 + count))
        write_run(folder / name, name, curve=(0.5, 0.5, 1 - 2 * count / 40), predictions=rows)


def test_the_best_is_told_of_how_many_with_its_level_and_its_cost(
    tmp_path: Path, write_run: WriteRun, judge: Judge
) -> None:
    write_three(tmp_path, write_run, judge)
    [told] = story.stories(only(tmp_path))
    assert "together (fedavg, the best of 2 strategies) they are 20.0 points better than alone" in told.who
    assert told.level.startswith(
        "Balanced accuracy is 80.0 % together, 60.0 % alone, 90.0 % with all photographs pooled"
    )
    assert told.cost == (
        "It costs 2 MB, sent between 2 owners and the server in 2 rounds; training alone sends nothing."
    )
    found = {each.group.label: each.difference.value for each in story.gains(only(tmp_path))}
    assert found == {"fedavg": pytest.approx(0.2), "fedprox": pytest.approx(0.15), "centralized": pytest.approx(0.3)}


def test_figures_and_tables_begin_with_the_best_and_equals_keep_the_pages_order(
    tmp_path: Path, write_run: WriteRun, judge: Judge
) -> None:
    order = ["centralized", "fedprox", "fedadam", "fedavg", "local"]
    for name, count in zip(order, (2, 4, 5, 5, 8), strict=True):
        rows = judge(*range(count), *range(20, 20 + count))
        write_run(tmp_path / name, name, curve=(0.5, 0.5, 1 - 2 * count / 40), predictions=rows)
    kind = only(tmp_path)
    assert [group.label for group in kind.groups] == ["local", "fedadam", "fedavg", "fedprox", "centralized"]
    assert [each.group.label for each in story.gains(kind)] == order[:4]
    assert [each.federated.label for each in joining(kind)] == order[1:4]
    assert [list(table["group"]) for table in final_table(kind)] == [order, order]


def test_what_is_unknown_is_said(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", num_bytes=None)
    [told] = story.stories(only(tmp_path))
    assert told.who.startswith("Whether owners gain by joining is unknown: no finished run of owners alone")
    assert told.cost.startswith("What it costs in megabytes is unknown")
    write_run(tmp_path / "none" / "b", "local")
    [told] = story.stories(only(tmp_path / "none"))
    assert told.sentences == ["No federated run: nothing to say about joining."]


def test_the_site_gets_the_same_sentences(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    write_three(tmp_path, write_run, judge)
    [kind] = compare([tmp_path])["kinds"]
    assert kind["story"] == [{"context": "", "sentences": story.stories(only(tmp_path))[0].sentences}]
    assert [each["label"] for each in kind["gains"]] == ["centralized", "fedavg", "fedprox"]
    assert kind["gains"][1]["difference"]["value"] == pytest.approx(0.2)
