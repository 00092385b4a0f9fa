"""One estimate and one verdict for every comparison, from files to sentences."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fedsky.report import verdict, words
from fedsky.report.comparisons import Comparison, compare, compare_all, joining, planned
from fedsky.report.entries import entries_of
from fedsky.report.groups import ComparableGroups, Group
from fedsky.report.selection import Choice, select
from fedsky.report.statistics import Estimate

WriteRun = Callable[..., Path]
Judge = Callable[..., list[tuple[str, str, str]]]


def only(folder: Path, margin: float = 0.02) -> ComparableGroups:
    [kind] = select([folder], Choice(margin=margin)).kinds
    return kind


def found(low: float | None, high: float | None, value: float = 0.0, **more: object) -> Comparison:
    group = Group("fedavg", {}, {}, {}, "fedavg")
    estimate = Estimate(value, low, high, 15, 5, 373, 0.5)
    return Comparison(group, Group("local", {}, {}, {}, "local"), estimate, splits=5, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "high", "said", "text"),
    [
        (0.01, 0.07, "better", "shown"),
        (-0.07, -0.01, "worse", "shown"),
        (-0.01, 0.03, "open", "not shown"),
        (-0.01, 0.019, "within", "equally good within 2 points"),
        (0.001, 0.015, "better", "shown, and less than 2 points"),
        (1.1e-16, 0.05, "open", "not shown"),
        (-0.05, -1.1e-16, "open", "not shown"),
        (-0.02, 0.02, "open", "not shown"),
        (None, None, "unknown", "no interval"),
    ],
)
def test_the_verdict(low: float | None, high: float | None, said: str, text: str) -> None:
    comparison = found(low, high)
    assert (comparison.verdict, words.judgement(comparison)) == (said, text)


def test_the_margin_is_a_setting_and_losses_have_none() -> None:
    assert found(-0.03, 0.03, margin=0.05).verdict == "within"
    assert found(-0.001, 0.001, metric="loss").verdict == "open"
    assert found(-0.2, -0.1, metric="loss").verdict == "better", "a lower loss"
    with pytest.raises(ValueError, match="margin=0: points of accuracy above 0"):
        Choice(margin=0)


def write_folds(folder: Path, write_run: WriteRun, judge: Judge, seeds: int = 2, **wrong: int) -> None:
    """Two folds of 40 test images; each strategy's number of mistakes in each class, other images for each seed."""
    for strategy, count in wrong.items():
        for fold in (1, 2):
            for seed in range(seeds):
                rows = judge(*((seed + i) % 20 for i in range(count)), *(20 + (fold + i) % 20 for i in range(count)))
                named = [(f"{fold}-{image}", *rest) for image, *rest in rows]
                write_run(
                    folder / f"{strategy}{fold}{seed}",
                    strategy,
                    seed,
                    predictions=named,
                    curve=(0.5, 0.5, 1 - count / 20),
                    config={"data.fold": f"{fold}/2"},
                )


def test_planned_comparisons_are_the_federations_with_their_baselines(
    tmp_path: Path, write_run: WriteRun, judge: Judge
) -> None:
    write_folds(tmp_path, write_run, judge, local=8, fedavg=4, fedprox=4, centralized=3)
    kind = only(tmp_path)
    pairs = [(each.first.label, each.second.label, each.family, each.size) for each in compare_all(kind)]
    assert pairs == [
        ("fedavg", "local", "planned", 4),
        ("fedavg", "centralized", "planned", 4),
        ("fedprox", "local", "planned", 4),
        ("fedprox", "centralized", "planned", 4),
        ("centralized", "local", "exploratory", 1),
        ("fedprox", "fedavg", "exploratory", 1),
    ]


def test_the_same_difference_is_the_same_everywhere(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    write_folds(tmp_path, write_run, judge, local=8, fedavg=4, centralized=3)
    kind = only(tmp_path)
    [finding] = joining(kind)
    assert finding.gain is planned(kind)[0] is compare_all(kind)[0] is compare_all(kind, "local")[0]
    assert finding.pooled is planned(kind)[1]
    [(_context, headline, text)] = [each for each in verdict.sentences(kind) if each[1]]
    assert finding.gain.difference and finding.gain.difference.low
    low, high = (f"{100 * end:.1f}" for end in (finding.gain.difference.low, finding.gain.difference.high or 0))
    assert headline.startswith("fedavg: +20.0 points by joining, -5.0 points against pooling (")
    assert f"fedavg is 20.0 points better than training alone (local) (95 % interval {low} to {high}): shown." in text


def test_a_single_split_says_nothing_of_strategies(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    for name, count in {"local": 8, "fedavg": 2}.items():
        write_run(
            tmp_path / name,
            name,
            predictions=judge(*range(count), *range(20, 20 + count)),
            curve=(0.5, 0.5, 1 - count / 20),
            counts=(([60, 60], [20, 20]),),
            owners=(0.9,),
        )
    kind = only(tmp_path)
    assert words.sentence(compare_all(kind)[0]).startswith("The models of fedavg are 30.0 points better than those of")
    told = " ".join(verdict.scope(kind))
    assert "tested on the same 40 photographs" in told and "nothing of the strategies" in told
    # 120 to train, 40 to test, 2 of validation: five folds sqrt((1 + 1/3) / 5) as wide
    assert "data.fold=1/5,2/5,3/5,4/5,5/5 would make the intervals about 48 % narrower" in told


@pytest.mark.parametrize(
    "changed",
    [
        {"config": {"data.split": "time"}},
        {"info": {"data.num_declared_test": 40}},
        {"config": {"data": {"_target_": "fedsky.data.fcube.load"}}},
    ],
)
def test_no_other_split_is_advised_where_there_is_none(
    tmp_path: Path, write_run: WriteRun, judge: Judge, changed: dict[str, dict[str, object]]
) -> None:
    alike = {"counts": (([60, 60], [20, 20]),), "owners": (0.9,), **changed}
    for name, count in {"local": 8, "fedavg": 2}.items():
        rows = judge(*range(count), *range(20, 20 + count))
        write_run(tmp_path / name, name, predictions=rows, curve=(0.5, 0.5, 1 - count / 20), **alike)
    told = " ".join(verdict.scope(only(tmp_path)))
    assert "tested on the same 40 photographs" in told and "repeat on other splits" not in told


def test_near_duplicates_come_from_the_file_and_count_once(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    """Every two images of a class are near duplicates, judged alike: half as many photographs."""
    groups = {f"{number:03}": number // 2 for number in range(40)}
    for name, count in {"local": 8, "fedavg": 4}.items():
        rows = judge(*range(count), *range(20, 20 + count))
        for place, known in (("with", groups), ("without", None)):
            write_run(tmp_path / place / name, name, predictions=rows, groups=known, curve=(0.5, 0.5, 1 - count / 20))
    with_groups, without = (compare_all(only(tmp_path / place))[0].difference for place in ("with", "without"))
    assert with_groups and without and with_groups.high and without.high
    assert (with_groups.photographs, without.photographs) == (20, 40)
    half = (with_groups.high - with_groups.value) / (without.high - without.value)
    assert half == pytest.approx(np.sqrt(2), rel=0.06)  # twice the variance, and fewer degrees of freedom


def test_draws_of_the_data_have_photographs_of_their_own(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    for draw in range(2):
        for name in ("local", "fedavg"):
            write_run(
                tmp_path / f"{name}{draw}",
                name,
                predictions=judge(*range(8)),
                config={"data_seed": draw},
                info={"data.fingerprint": f"f{draw}"},
            )
    [(_, entries)] = entries_of(only(tmp_path).groups)
    assert (len(np.unique(entries.photograph)), len(np.unique(entries.split))) == (80, 2)
    assert entries.shared == pytest.approx(40 / 80)


def test_a_data_seed_that_only_moves_owners_is_one_more_seed(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    for data_seed in range(2):
        for name in ("local", "fedavg"):
            write_run(
                tmp_path / f"{name}{data_seed}", name, predictions=judge(*range(8)), config={"data_seed": data_seed}
            )
    [(_, entries)] = entries_of(only(tmp_path).groups)
    assert (len(np.unique(entries.split)), len(np.unique(entries.run)), entries.shared) == (1, 2, 0.0)


def test_a_loss_is_estimated_from_the_probabilities(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    generator = np.random.default_rng(0)
    means = {}
    for name, sure in {"local": 1.0, "fedavg": 2.0}.items():
        rows = [(image, label, label, 0, round(float(1 / (1 + np.exp(-sure * (1 if label == "sunny" else -1)
                 - generator.normal()))), 6)) for image, label, _ in judge()]  # fmt: skip
        losses = [-np.log(p if label == "sunny" else 1 - p) for _, label, _, _, p in rows]
        means[name] = float(np.mean(losses))
        write_run(tmp_path / name, name, predictions=rows, curve=(0.5, 0.5, 1.0), loss=(1, 1, means[name]))
    kind = only(tmp_path)
    comparison = compare_all(kind, metric="loss")[0]
    assert comparison.by_photograph and comparison.difference
    assert comparison.difference.value == pytest.approx(means["fedavg"] - means["local"], abs=1e-6)
    assert comparison.verdict == "better"
    other = tmp_path / "other"
    for name in ("local", "fedavg"):
        write_run(other / name, name, predictions=judge(), curve=(0.5, 0.5, 1.0), loss=(1, 1, 0.2))
    assert not compare_all(only(other), metric="loss")[0].by_photograph, "0.69 by the file, 0.2 by the rounds"


def test_few_photographs_and_ties_have_no_interval_and_say_why(
    tmp_path: Path, write_run: WriteRun, judge: Judge
) -> None:
    rows = [row for row in judge(*range(3)) if int(row[0]) < 9 or int(row[0]) >= 20]
    few = (([30, 10], [9, 20]),)
    write_run(tmp_path / "few" / "l", "local", predictions=rows, curve=(0.5, 0.5, 26 / 29), counts=few, owners=(0.9,))
    write_run(
        tmp_path / "few" / "a",
        predictions=[(i, y, y) for i, y, _ in rows],
        curve=(0.5, 0.5, 1.0),
        counts=few,
        owners=(1.0,),
    )
    [comparison] = compare_all(only(tmp_path / "few"))
    assert words.sentence(comparison).endswith("; no interval: too few photographs of a class.")
    for name in ("fedavg", "local"):
        write_run(tmp_path / "tie" / name, name, predictions=judge(*range(8)))
    [tie] = compare_all(only(tmp_path / "tie"))
    assert (tie.verdict, words.sentence(tie)) == ("same", "fedavg and local judge every photograph alike.")


def test_a_missing_class_is_no_obstacle(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    for name, count in {"local": 8, "fedavg": 4}.items():
        rows = judge(*range(count))[:20]
        write_run(
            tmp_path / name,
            name,
            predictions=rows,
            curve=(0.5, 0.5, 1 - count / 20),
            owners=(0.9,),
            counts=(([30, 10], [20, 0]),),
        )
    [comparison] = compare_all(only(tmp_path))
    assert comparison.difference and comparison.difference.value == pytest.approx(0.2)
    assert comparison.difference.low is not None


def test_a_correlated_family_is_no_wider_than_an_independent_one(
    tmp_path: Path, write_run: WriteRun, judge: Judge
) -> None:
    write_folds(tmp_path, write_run, judge, local=8, fedavg=4, fedprox=5, centralized=3)
    kind = only(tmp_path)
    alone = compare(kind.groups[1], kind.groups[0]).difference
    among = planned(kind)[0].difference
    assert alone and among and alone.p is not None and among.p is not None and alone.low and among.low
    assert among.low < alone.low and alone.p <= among.p <= 1 - (1 - alone.p) ** 4 + 0.003
    assert planned(kind)[0].size == 4


def test_a_difference_of_nothing_is_a_number_and_no_verdict() -> None:
    """ "Equally good" is said where the whole interval lies within the margin alone."""
    assert words.sentence(found(-0.129, 0.129)) == (
        "fedavg and local differ by 0.0 points (95 % interval -12.9 to 12.9): not shown."
    )
    told = words.sentence(found(-0.01, 0.01))
    assert told == "fedavg and local differ by 0.0 points (95 % interval -1.0 to 1.0): equally good within 2 points."
