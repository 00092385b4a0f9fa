"""The data behind the views, against numbers worked out by hand."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from only_kind import only_kind

from fedsky import language
from fedsky.report import swept
from fedsky.report.groups import ComparableGroups, Group
from fedsky.report.tables import rounds_table
from fedsky.report.views import cost, curves, gains, owners, settings, sweeps, targets

WriteRun = Callable[..., Path]


def group_of(kind: ComparableGroups, strategy: str) -> Group:
    [group] = [group for group in kind.groups if group.strategy == strategy]
    return group


def test_a_point_of_a_curve_is_a_round_at_the_mean_of_what_its_runs_spent(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", seconds=1.0, curve=(0.5, 0.6, 0.8))
    write_run(tmp_path / "b", seed=1, seconds=3.0, curve=(0.5, 0.8, 0.8))
    kind = only_kind(tmp_path)
    spent, table = curves.spent_table(kind), rounds_table(kind, kind.groups, "accuracy")
    [curve], unknown = curves.curves(table, spent, kind.groups, "accuracy", "seconds")
    assert unknown == []
    assert list(curve.x) == [0, 2, 4]
    assert list(curve.mean) == pytest.approx([50, 70, 80])
    assert [list(x) for x, _y in curve.runs] == [[0, 1, 2], [0, 3, 6]]


def test_what_sends_nothing_is_level_and_what_is_unknown_is_left_out(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", "centralized", num_bytes=0)
    write_run(tmp_path / "b", num_bytes=None)
    kind = only_kind(tmp_path)
    table = rounds_table(kind, kind.groups, "loss")
    found, unknown = curves.curves(table, curves.spent_table(kind), kind.groups, "loss", "megabytes")
    assert [(each.group.strategy, each.flat) for each in found] == [("centralized", True)]
    assert unknown == ["fedavg"]


def test_targets_are_first_reached_and_a_mean_needs_all_runs(tmp_path: Path, write_run: WriteRun) -> None:
    ten = {"config": {"num_rounds": 4}, "num_bytes": 500_000}
    write_run(tmp_path / "p", "centralized", curve=(0.5, 0.6, 0.7, 0.8, 0.8), **ten)
    write_run(tmp_path / "a", curve=(0.5, 0.6, 0.75, 0.7, 0.8), **ten)
    write_run(tmp_path / "b", seed=1, curve=(0.5, 0.6, 0.7, 0.73, 0.77), **ten)
    kind = only_kind(tmp_path)
    found = {(each.group.strategy, each.share): each for each in targets.targets(kind)}
    first = found["fedavg", 0.90]  # of 0.8: 0.72
    assert first.accuracy == pytest.approx(0.72)
    assert list(first.costs["round"]) == [2, 3]
    assert (first.mean("round"), first.mean("megabytes"), first.mean("seconds")) == (2.5, 2.5, 3.75)
    last = found["fedavg", 0.99]  # 0.792: one run alone comes there
    assert last.reached == 1
    assert math.isnan(last.mean("round"))
    shown = targets.shown_targets([last]).iloc[0]
    assert (shown["runs that reach it"], shown["rounds"]) == ("1 of 2", "(4.0)")


def test_no_targets_without_pooled_training(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a")
    assert targets.targets(only_kind(tmp_path)) == []


def test_the_spread_of_owners(tmp_path: Path, write_run: WriteRun) -> None:
    """Eleven owners from 0.0 to 1.0: a tenth is two of them; Jain's index is 5.5^2 / (11 * 3.85)."""
    values = [number / 10 for number in range(11)]
    write_run(tmp_path / "a", owners=values, counts=[([5, 5], [5, 5])] * 11)
    [result] = only_kind(tmp_path).results
    found = owners.spread(result)
    assert found["mean"] == pytest.approx(0.5)
    assert [found["worst_tenth"], found["best_tenth"]] == pytest.approx([0.05, 0.95])
    assert found["deviation"] == pytest.approx(np.std(values))
    assert found["jain"] == pytest.approx(5.5**2 / (11 * 3.85))


@pytest.mark.parametrize("count", [1, 200])
def test_one_owner_and_two_hundred(tmp_path: Path, write_run: WriteRun, count: int) -> None:
    write_run(tmp_path / "a", owners=[0.8] * count, counts=[([5, 5], [5, 5])] * count, config={"num_clients": count})
    kind = only_kind(tmp_path)
    table = owners.spread_table(kind, kind.groups)
    assert (table["owners"][0], table["worst_tenth"][0]) == (count, pytest.approx(0.8))
    assert table["jain"][0] == pytest.approx(1)


def test_a_heat_map_is_the_mean_of_the_runs_that_tell(tmp_path: Path, write_run: WriteRun) -> None:
    for seed, values in enumerate([(0.2, 0.4), (0.6, None)]):
        folder = write_run(tmp_path / str(seed), seed=seed)
        rows = [
            {"round": number, "client": client, "accuracy": value}
            for number in range(3)
            for client, value in enumerate(values)
        ]
        (folder / "clients.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    heat = owners.heat(only_kind(tmp_path).groups[0])
    assert heat is not None
    assert heat.accuracy.shape == (2, 3)
    assert np.allclose(heat.accuracy, [[0.4] * 3, [0.4] * 3])


def test_sizes_are_those_of_the_training_part(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", counts=(([30, 10], [5, 5]), ([1, 2], [5, 5])), owners=(0.9, 0.5))
    kind = only_kind(tmp_path)
    assert list(owners.size_table(kind, kind.groups)["train_images"]) == [40, 3]


def with_timing(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "timing.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_round_is_split_by_the_longest_client_or_the_sum_by_how_many_work(
    tmp_path: Path, write_run: WriteRun
) -> None:
    folder = write_run(tmp_path / "a", config={"engine": {"kind": "ray", "num_actors": 2}}, num_bytes=1_000_000)
    with_timing(
        folder,
        [
            {"round": 1, "client": None, "round_seconds": 10.0},
            {"round": 1, "client": 0, "train_seconds": 5.0},
            {"round": 1, "client": 1, "train_seconds": 1.0},
            {"round": 2, "client": None, "round_seconds": 10.0},
            {"round": 2, "client": 0, "train_seconds": 4.0, "evaluate_seconds": 1.0},
            {"round": 2, "client": 1, "train_seconds": 4.0, "evaluate_seconds": 1.0},
            {"round": 2, "client": 2, "train_seconds": 4.0, "evaluate_seconds": 1.0},
        ],
    )
    found = cost.split(only_kind(tmp_path).results[0])
    assert found["wall"] == 10
    assert found["training"] == (5 + 6) / 2  # round 1: the longest, 5 > 6 / 2; round 2: 12 / 2 > 4
    assert found["evaluation"] == (0 + 1.5) / 2
    assert found["rest"] == pytest.approx(10 - 5.5 - 0.75)
    assert (found["megabytes_up"], found["megabytes_down"]) == (1, 1)


def test_a_sweep_joins_groups_that_differ_in_the_setting_alone(tmp_path: Path, write_run: WriteRun) -> None:
    for strategy in ("fedavg", "fedprox"):
        for epochs in (1, 5):
            for seed in range(2):
                config = {"local_epochs": epochs, "strategy.mu": 0.1 if strategy == "fedprox" else None}
                folder = tmp_path / f"{strategy}{epochs}{seed}"
                write_run(folder, strategy, seed, curve=(0.5, 0.5, 0.6 + 0.1 * seed), config=config)
    found = swept.sweeps(only_kind(tmp_path))
    assert [each.key for each in found] == ["local_epochs"]
    assert [series.label for series in found[0].series] == ["fedavg", "fedprox"]
    points = found[0].series[0].points
    assert [(point.value, found[0].places[point.value]) for point in points] == [("1", 1.0), ("5", 5.0)]
    assert points[0].estimate.value == pytest.approx(0.65)
    assert points[0].runs == pytest.approx([0.6, 0.7])


def test_settings_that_differ_stand_apart_from_those_shared(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", config={"lr": 0.05})
    write_run(tmp_path / "b", config={"lr": 0.1})
    groups = only_kind(tmp_path).groups
    differ, same = (settings.settings_table(groups, differing) for differing in (True, False))
    assert list(differ["setting"]) == ["lr"]
    assert sorted(differ.iloc[0][1:]) == ["0.05", "0.1"]
    assert "lr" not in set(same["setting"])
    assert "batch_size" in set(same["setting"])


def owned(wrong: Sequence[int]) -> list[tuple[str, str, str, int]]:
    """40 test images, 20 of each owner; those with the given numbers are judged wrongly."""
    return [
        (
            f"{number:02}",
            "sunny" if number % 2 else "cloudy",
            "sunny" if (number % 2 == 1) != (number in wrong) else "cloudy",
            number // 20,
        )
        for number in range(40)
    ]


def test_who_loses_is_told_only_where_it_is_shown(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "l", "local", curve=(0.5, 0.5, 0.5), predictions=owned(range(20, 40)), owners=(1.0, 0.0))
    write_run(tmp_path / "a", curve=(0.5, 0.5, 0.6), predictions=owned([0, *range(1, 16)]), owners=(0.2, 1.0))
    assert gains.sentences(only_kind(tmp_path).groups) == [
        "With fedavg, 0 owners of 2 are shown to do better than alone and 1 worse: owner 0 (-80.0 points).",
        "An owner has 20 test photographs of its own.",
    ]
    write_run(tmp_path / "few" / "l", "local", curve=(0.5, 0.5, 1.0), predictions=owned([]))
    write_run(tmp_path / "few" / "a", curve=(0.5, 0.5, 0.95), predictions=owned([0, 25]))
    assert gains.sentences(only_kind(tmp_path / "few").groups) == [
        "With fedavg, no single owner is shown to do better or worse than alone.",
        "An owner has 20 test photographs of its own.",
    ]


def test_tables_of_nothing_are_empty() -> None:
    assert isinstance(sweeps.sweep_table(ComparableGroups("x", []), []), pd.DataFrame)
    assert swept.sweeps(ComparableGroups("x", [])) == []


def test_what_was_spent_is_headed_in_the_readers_language() -> None:
    spent = pd.DataFrame({"group": ["fedavg", "fedavg"], "round": [0, 1], "megabytes": [0.0, 2.5]})
    with language.use("zh"):
        shown = curves.shown_spent(spent, [Group("fedavg", {}, {}, {}, "fedavg")], "megabytes")
    assert list(shown.columns) == ["轮", "fedavg"] and list(shown["fedavg"]) == ["0.0", "2.5"]


def test_the_numbers_of_a_plot_are_both_of_its_axes() -> None:
    reached = pd.DataFrame({"round": ["0", "1"], "fedavg": ["50.0", "87.2"], "local": ["51.0", "60.0"]})
    spent = pd.DataFrame({"round": ["1", "0"], "fedavg": ["12.6", "0.0"]})
    shown = curves.against(reached, spent)
    assert shown.to_dict("list") == {
        "round": ["0", "1"],
        "fedavg": ["0.0: 50.0", "12.6: 87.2"],
        "local": ["51.0", "60.0"],
    }
