"""Which runs count, by what they are grouped, and what is refused in one line."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fedsky.history import read_run
from fedsky.report.comparisons import compare_all, pairs_of
from fedsky.report.means import mean
from fedsky.report.selection import Choice, Selection, nothing_finished, select, why_left_out

WriteRun = Callable[..., Path]


def finals(selection: Selection) -> dict[str, list[float]]:
    return {group.label: list(group.finals("accuracy").values()) for kind in selection.kinds for group in kind.groups}


@pytest.fixture
def sweep(tmp_path: Path, write_run: WriteRun) -> Path:
    """2 strategies x 2 numbers of clients x 2 seeds; accuracy is 0.5 + strategy + clients + seed."""
    for strategy, more in (("fedavg", 0.0), ("fedprox", 0.1)):
        for clients in (2, 5):
            for seed in (0, 1):
                value = 0.5 + more + clients / 100 + seed / 200
                config = {"num_clients": clients} | ({"strategy.mu": 0.1} if strategy == "fedprox" else {})
                write_run(
                    tmp_path / f"{strategy}{clients}{seed}", strategy, seed, curve=(0.5, 0.5, value), config=config
                )
    return tmp_path


def test_where_keeps_the_runs_for_which_it_holds(sweep: Path) -> None:
    assert set(finals(select([sweep], Choice(where=("num_clients=5",))))) == {"fedavg", "fedprox"}
    assert finals(select([sweep], Choice(where=("strategy=fedavg", "num_clients=2,5", "seed=1")))) == {
        "fedavg, num_clients=2": [0.525],
        "fedavg, num_clients=5": [0.555],
    }
    assert list(finals(select([sweep], Choice(where=("mu=0.10",))))) == [
        "fedprox, num_clients=2",
        "fedprox, num_clients=5",
    ]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("num_client=5", r"^where=num_client: no run has a setting of that name; did you mean num_clients.*\?$"),
        ("qqqq=5", r"^where=qqqq: no run has a setting of that name, such as num_clients or partition.alpha$"),
        ("num_clients=3", r"^where num_clients=3: no run has that; num_clients is 2, 5$"),
        ("num_clients=true", "no run has that"),
        ("num_clients", r"^where num_clients: KEY=VALUE is needed, such as strategy=fedavg,fedprox$"),
        ("num_clients=", "KEY=VALUE is needed"),
    ],
)
def test_where_refuses_in_one_line(sweep: Path, where: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        select([sweep], Choice(where=(where,)))


def test_conditions_that_no_run_meets_together_are_refused(sweep: Path) -> None:
    with pytest.raises(ValueError, match="no run has all of that at once"):
        select([sweep], Choice(where=("strategy=fedavg", "mu=0.1")))


def test_group_by_averages_the_rest_within_its_seed(sweep: Path) -> None:
    selection = select([sweep], Choice(group_by=("strategy",)))
    [kind] = selection.kinds
    assert [group.label for group in kind.groups] == ["fedavg", "fedprox"]
    estimate = mean(kind.groups[0], "accuracy")
    assert estimate is not None
    assert (estimate.n, estimate.units) == (4, 2)  # four runs are two seeds
    assert estimate.value == pytest.approx(0.5375)
    assert (estimate.low, estimate.dots) == (None, (0.52, 0.555))  # two repetitions: no interval
    [comparison] = compare_all(kind)
    assert comparison.difference is not None
    assert (comparison.difference.n, comparison.seeds) == (4, 2)  # each pair has the same number of clients
    assert comparison.difference.value == pytest.approx(0.1)
    assert any(note.startswith("Grouped by strategy: ") for note in selection.notes)


def test_group_by_another_setting_mixes_strategies(sweep: Path) -> None:
    [kind] = select([sweep], Choice(group_by=("num_clients",))).kinds
    assert [group.label for group in kind.groups] == ["num_clients=2", "num_clients=5"]
    assert not any(group.is_alone or group.is_pooled for group in kind.groups)


def test_group_by_refuses_to_drop_runs_and_unknown_keys(sweep: Path, write_run: WriteRun) -> None:
    with pytest.raises(ValueError, match=r"^group-by=stratgy: .* did you mean strategy"):
        select([sweep], Choice(group_by=("stratgy",)))
    write_run(sweep / "other", "fedprox", 0, config={"num_clients": 2, "strategy.mu": 1.0})
    with pytest.raises(ValueError, match=r"^group-by=strategy: .* differ in strategy.mu too; add it, or choose one"):
        select([sweep], Choice(group_by=("strategy",)))
    assert len(finals(select([sweep], Choice(group_by=("strategy", "mu"))))) == 3


def labels(pairs: Sequence[tuple[object, object]]) -> list[tuple[str, str]]:
    return [(first.label, second.label) for first, second in pairs]  # type: ignore[attr-defined]


def test_a_baseline_is_what_all_are_compared_with(sweep: Path) -> None:
    [kind] = select([sweep], Choice(baseline="fedavg")).kinds
    assert labels(pairs_of(kind)) == [
        ("fedavg, num_clients=5", "fedavg, num_clients=2"),
        ("fedprox, num_clients=2", "fedavg, num_clients=2"),
        ("fedprox, num_clients=5", "fedavg, num_clients=5"),
        ("fedprox, num_clients=5", "fedprox, num_clients=2"),
    ]
    # of a strategy's name, the one with the same other settings
    assert labels(pairs_of(kind, "fedavg")) == [
        ("fedprox, num_clients=2", "fedavg, num_clients=2"),
        ("fedprox, num_clients=5", "fedavg, num_clients=5"),
    ]
    assert len(pairs_of(kind, "fedprox, num_clients=2")) == 3
    families = {comparison.size for comparison in compare_all(kind, "fedprox, num_clients=2")}
    assert families == {
        sum(
            each.difference is not None and each.difference.p is not None
            for each in compare_all(kind, "fedprox, num_clients=2")
        )
    }


def test_an_unknown_baseline_is_refused_with_near_names(sweep: Path) -> None:
    with pytest.raises(ValueError, match=r"^baseline=fedavgg is not a group's label: choose fedavg"):
        select([sweep], Choice(baseline="fedavgg"))


def test_a_running_run_tells_how_far_it_is_and_counts_nowhere(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", seed=1, curve=(0.5, 0.1), info={"status": "running"})
    write_run(tmp_path / "c", seed=2, curve=(0.5, 0.1), info={"status": "interrupted", "reason": "stopped by the user"})
    selection = select([tmp_path])
    assert finals(selection) == {"fedavg": [0.8]}
    assert [(each.name, why_left_out(each)) for each in selection.left_out] == [
        ("b", "round 1 of 2"),
        ("c", "stopped by the user"),
    ]
    told = nothing_finished(select([tmp_path / "b"]), [Path("b")])
    assert told == "no finished run under b: b is running (round 1 of 2)"


def test_a_run_that_patience_stopped_counts_with_its_last_round(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", curve=(0.5, 0.7), info={"result.round": 1}, config={"patience": 1})
    write_run(tmp_path / "b", seed=1, curve=(0.5, 0.7), info={"result.round": 2}, config={"patience": 1})
    selection = select([tmp_path])
    assert finals(selection) == {"fedavg": [0.7]}
    assert any(
        note.startswith("Stopped early, as their settings ask for: a after round 1 of 2.") for note in selection.notes
    )
    assert [each.reason for each in selection.left_out] == ["rounds.jsonl ends at round 1 of 2"]


def test_other_code_is_noted(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a")
    assert select([tmp_path]).notes == []
    write_run(tmp_path / "b", seed=1, info={"commit": "4567def", "versions.torch": "2.12.0"})
    notes = " ".join(select([tmp_path]).notes)
    assert "runs differ in commit" in notes
    assert "runs differ in versions of libraries" in notes


def test_runs_of_several_roots_keep_their_names_apart_and_runs_may_be_given(
    tmp_path: Path, write_run: WriteRun
) -> None:
    write_run(tmp_path / "one" / "0")
    write_run(tmp_path / "two" / "0", "fedprox")
    names = [result.name for result in select([tmp_path / "one", tmp_path / "two"]).results]
    assert names == ["one/0", "two/0"]
    assert finals(select([read_run(tmp_path / "one" / "0")])) == {"fedavg": [0.8]}


def test_owners_of_a_federation_may_keep_their_predictions(tmp_path: Path, write_run: WriteRun) -> None:
    head = "image,client,label,predicted,probability_cloudy,probability_sunny\n"
    for name, kind in (("far", "deployment"), ("here", "ray")):
        folder = write_run(tmp_path / name, config={"engine": {"kind": kind}})
        (folder / "predictions.csv").write_text(head)
    far, here = (select([tmp_path / name]) for name in ("far", "here"))
    assert far.problems == [] and "Owners let no predictions leave" in "".join(far.notes)
    assert [told for _name, told in here.problems] and not any("Owners let" in note for note in here.notes)
