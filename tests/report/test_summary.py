"""The JSON that the site shows: its shape, its numbers beside SciPy's on the same lines, nothing that JSON lacks."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from run_files import info_of
from scipy import stats

from fedsky.report.summary import compare

WriteRun = Callable[..., Path]
INTERVAL = {"value", "low", "high", "n"}


def check_shape(value: dict[str, Any]) -> None:
    """The whole shape, and that it is JSON without NaN."""
    json.dumps(value, allow_nan=False)
    assert set(value) == {"title", "notes", "kinds"}
    for kind in value["kinds"]:
        assert set(kind) == {
            "title",
            "story",
            "gains",
            "groups",
            "comparisons",
            "owners",
            "sections",
            "verdict",
            "left_out",
        }
        labels = [group["label"] for group in kind["groups"]]
        assert len(set(labels)) == len(labels) == len({group["id"] for group in kind["groups"]})
        for group in kind["groups"]:
            assert set(group) == {"id", "label", "strategy", "color", "dash", "marker", "n", "runs", "final", "seeds",
                                  "curve"}  # fmt: skip
            assert set(group["final"]) == {"balanced_accuracy", "accuracy", "loss"}
            assert all(set(each) == INTERVAL for each in group["final"].values())
            assert len(group["runs"]) == len(group["seeds"]) == group["n"]
            curve = group["curve"]
            assert len(curve["x"]) == len(curve["mean"]) == len(curve["low"]) == len(curve["high"])
            assert all(len(run["x"]) == len(run["y"]) and None not in run["x"] for run in curve["runs"])
        for each in kind["comparisons"]:
            assert {each["first"], each["second"]} <= set(labels)
            assert set(each["difference"]) == INTERVAL
            assert each["sentence"]
        for owner in kind["owners"]:
            assert set(owner["values"]) <= set(labels)


def write_seeds(folder: Path, write_run: WriteRun, **values: list[float]) -> None:
    for strategy, finals in values.items():
        for seed, value in enumerate(finals):
            write_run(folder / f"{strategy}{seed}", strategy, seed, curve=(0.5, 0.6 + seed / 100, value))


def test_numbers_are_scipys(tmp_path: Path, write_run: WriteRun) -> None:
    values = {"fedavg": [0.81, 0.84, 0.79, 0.9], "fedprox": [0.82, 0.88, 0.8, 0.98], "local": [0.6, 0.61, 0.7, 0.65]}
    write_seeds(tmp_path, write_run, **values)
    result = compare([tmp_path])
    check_shape(result)
    [kind] = result["kinds"]
    assert [group["label"] for group in kind["groups"]] == ["local", "fedavg", "fedprox"]
    for group in kind["groups"]:
        reference = stats.ttest_1samp(values[group["label"]], 0).confidence_interval(0.95)
        final = group["final"]["balanced_accuracy"]
        assert (final["low"], final["high"]) == pytest.approx((reference.low, reference.high))
        assert [seed["value"] for seed in group["seeds"]] == values[group["label"]]
        assert group["seeds"][3]["key"] == {"seed": 3, "data_seed": 0, "fold": None}
    pairs = {(each["first"], each["second"]): each for each in kind["comparisons"]}
    assert set(pairs) == {("fedavg", "local"), ("fedprox", "local"), ("fedprox", "fedavg")}
    families = {pair: each["family"] for pair, each in pairs.items()}
    assert families == {
        ("fedavg", "local"): "planned",
        ("fedprox", "local"): "planned",
        ("fedprox", "fedavg"): "exploratory",
    }
    for (first, second), each in pairs.items():
        paired = stats.ttest_rel(values[first], values[second])
        if each["family"] == "exploratory":  # alone in its family
            interval, p = paired.confidence_interval(0.95), float(paired.pvalue)
            ends = (each["difference"]["low"], each["difference"]["high"])
            assert ends == pytest.approx((interval.low, interval.high))
            assert each["p"] == pytest.approx(p)
        else:  # between what one and what two independent comparisons would make of it
            p, sidak = float(paired.pvalue), 1 - (1 - float(paired.pvalue)) ** 2
            assert p - 0.003 < each["p"] < sidak + 0.003
            assert each["difference"]["low"] < paired.confidence_interval(0.95).low
    assert pairs["fedprox", "fedavg"]["sentence"] == (
        "fedprox is 3.5 points better than fedavg (95 % interval -1.8 to 8.8 over seeds alone, on these test images): "
        "not shown."
    )


def test_one_seed_says_that_there_is_no_interval(tmp_path: Path, write_run: WriteRun) -> None:
    write_seeds(tmp_path, write_run, fedavg=[0.8], fedprox=[0.9])
    [kind] = compare([tmp_path])["kinds"]
    [pair] = kind["comparisons"]
    assert pair["difference"] == {"value": pytest.approx(0.1), "low": None, "high": None, "n": 1}
    assert (pair["p"], pair["verdict"], pair["photographs"]) == (None, "unknown", 0)
    assert pair["sentence"] == (
        "fedprox is 10.0 points better than fedavg; no interval: too few runs, and single photographs are not known."
    )
    assert kind["groups"][0]["curve"]["low"] == [None, None, None]


def test_a_finding_that_does_not_survive_the_other_comparisons_is_not_called_one(
    tmp_path: Path, write_run: WriteRun
) -> None:
    write_seeds(tmp_path, write_run, fedavg=[0.70, 0.72, 0.74, 0.71], fedprox=[0.74, 0.75, 0.76, 0.77])
    [pair] = compare([tmp_path])["kinds"][0]["comparisons"]
    p = stats.ttest_1samp([0.04, 0.03, 0.02, 0.06], 0).pvalue  # 0.022
    assert pair["p"] == pytest.approx(p)
    assert pair["sentence"].endswith(": shown.") and pair["verdict"] == "better"
    write_seeds(tmp_path, write_run, moon=[0.70, 0.90, 0.60, 0.70], scaffold=[0.71, 0.91, 0.63, 0.66])
    pairs = compare([tmp_path])["kinds"][0]["comparisons"]
    [again] = [each for each in pairs if (each["first"], each["second"]) == ("fedprox", "fedavg")]
    assert again["p"] > 0.05 and again["difference"]["low"] < 0
    assert again["sentence"].endswith(": not shown.") and again["verdict"] == "open"
    for each in pairs:
        assert (each["verdict"] in ("better", "worse")) == (each["p"] < 0.05) == each["sentence"].endswith(": shown.")


def test_loss_is_better_when_lower(tmp_path: Path, write_run: WriteRun) -> None:
    write_seeds(tmp_path, write_run, fedavg=[0.80, 0.82, 0.81], fedprox=[0.90, 0.93, 0.91])
    [pair] = compare([tmp_path], metric="loss")["kinds"][0]["comparisons"]
    assert pair["difference"]["value"] == pytest.approx(-0.10333333)
    reference = stats.ttest_rel([0.10, 0.07, 0.09], [0.20, 0.18, 0.19]).confidence_interval()
    assert pair["sentence"] == (
        f"fedprox has a loss lower by 0.103 than fedavg (95 % interval {reference.low:.3f} to {reference.high:.3f} "
        "over seeds alone, on these test images): shown."
    )
    assert pair["verdict"] == "better"


def test_curves_against_what_was_spent(tmp_path: Path, write_run: WriteRun) -> None:
    write_seeds(tmp_path, write_run, fedavg=[0.8, 0.9, 0.85])
    write_run(tmp_path / "local", "local", curve=(0.5, 0.6, 0.7), num_bytes=None)
    found = {
        x: {group["label"]: group["curve"] for group in compare([tmp_path], x=x)["kinds"][0]["groups"]}
        for x in ("round", "megabytes", "seconds", "virtual_seconds", "steps")
    }
    curve = found["round"]["fedavg"]
    assert curve["x"] == [0, 1, 2]
    assert curve["mean"] == pytest.approx([0.5, 0.61, 0.85])
    assert curve["high"][2] == pytest.approx(0.85 + 4.302653 * 0.05 / math.sqrt(3), abs=1e-6)
    assert found["megabytes"]["fedavg"]["x"] == [0, 1, 2]  # half a megabyte up and half down in a round
    assert found["megabytes"]["local"]["x"] == [0]  # nothing is sent: one point, its last
    assert found["megabytes"]["local"]["mean"] == pytest.approx([0.7])
    assert found["seconds"]["fedavg"]["x"] == [0, 1.5, 3]
    assert all(run["x"] == [0] for run in found["steps"]["fedavg"]["runs"])  # steps of a round are not told here


def test_gaps_and_early_ends_are_null_and_shorter(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", curve=(0.5, None, 0.8), config={"patience": 1})
    write_run(tmp_path / "b", seed=1, curve=(0.5, 0.7), info={"result.round": 1}, config={"patience": 1})
    curve = compare([tmp_path], metric="accuracy")["kinds"][0]["groups"][0]["curve"]
    assert curve["x"] == [0, 1]
    assert curve["mean"] == [0.5, None]
    assert [run["y"] for run in curve["runs"]] == [[0.5, None], [0.5, 0.7]]


def test_one_and_two_hundred_owners(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "one", owners=(0.8,), counts=(([5, 5], [20, 20]),), config={"num_clients": 1})
    write_run(
        tmp_path / "many",
        owners=[number / 200 for number in range(200)],
        counts=[([9, 9], [5, 5])] * 200,
        config={"num_clients": 200},
    )
    result = compare([tmp_path])
    check_shape(result)
    owners = result["kinds"][0]["owners"]
    assert len(owners) == 200
    assert owners[0]["values"] == {"fedavg, num_clients=1": 0.8, "fedavg, num_clients=200": 0.0}
    assert owners[199] == {
        "name": "owner 199",
        "client": 199,
        "num_test": 10,
        "values": {"fedavg, num_clients=200": pytest.approx(0.995)},
    }


def test_nothing_finished_is_told_not_raised(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", info={"status": "running"}, curve=(0.5, 0.6))
    result = compare([tmp_path])
    check_shape(result)
    assert result["kinds"][0]["left_out"] == [{"name": "a", "status": "running", "reason": "round 1 of 2"}]
    assert result["notes"][-1].startswith("no finished run under ")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"metric": "f1"}, "metric=f1: choose balanced_accuracy or accuracy or loss"),
        ({"x": "days"}, "x=days: choose"),
        ({"lang": "fr"}, "lang=fr: choose en or zh"),
        ({"group_by": "stratgy"}, "did you mean strategy"),
        ({"where": ["a=b"]}, "no run has a setting of that name"),
        ({"baseline": "x"}, "baseline=x is not a group"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    tmp_path: Path, write_run: WriteRun, change: dict[str, Any], told: str
) -> None:
    write_run(tmp_path / "a")
    with pytest.raises(ValueError, match=told) as error:
        compare([tmp_path], **change)
    assert "\n" not in str(error.value)


def test_chinese_sentences_keep_the_numbers(tmp_path: Path, write_run: WriteRun) -> None:
    write_seeds(tmp_path, write_run, fedavg=[0.80, 0.82, 0.81], fedprox=[0.90, 0.93, 0.91])
    english, chinese = (compare([tmp_path], lang=lang)["kinds"][0] for lang in ("en", "zh"))
    assert english["groups"] == chinese["groups"]
    [pair], [other] = english["comparisons"], chinese["comparisons"]
    assert {name: value for name, value in pair.items() if name != "sentence"} == {
        name: value for name, value in other.items() if name != "sentence"
    }
    assert any("一" <= character <= "鿿" for character in other["sentence"])
    assert "fedprox" in other["sentence"]


@pytest.mark.slow
def test_the_reference_runs() -> None:
    """The committed runs on photographs, each number beside pandas and SciPy on the files themselves.

    Five folds of three cuts, the first with three seeds: the variance over photographs, and over runs beyond that,
    widened by n_test / n_train for the training images that folds share.
    """
    root = Path(__file__).resolve().parents[2] / "outputs" / "reference" / "sky"
    result = compare([root])
    check_shape(result)
    [kind] = result["kinds"]
    parts = {"train": 0, "test": 0}
    for folder in sorted(root.iterdir()):
        for client in json.loads((folder / "partition.json").read_text())["clients"]:
            for part in parts:
                parts[part] += sum(client[part])
    assert len(kind["groups"]) == 4
    for group in kind["groups"]:
        final = group["final"]["balanced_accuracy"]
        assert (group["n"], final["n"]) == (25, 25)
        value, error, freedom = by_hand(root, group["label"], parts["test"] / parts["train"])
        assert final["value"] == pytest.approx(value)
        assert final["high"] - final["value"] == pytest.approx(float(stats.t.ppf(0.975, freedom)) * error)
    assert [each["family"] for each in kind["comparisons"]] == ["planned"] * 4 + ["exploratory"] * 2
    for each in kind["comparisons"]:
        pooled = means_by_photograph(root, each["first"]) - means_by_photograph(root, each["second"])
        # Every photograph was tested by five runs: the mean over a class is that of its photographs.
        value = pooled.groupby(level="label").mean().mean()
        assert each["difference"]["value"] == pytest.approx(value)
        assert (each["photographs"], each["splits"], each["difference"]["n"]) == (373, 15, 25)


def means_by_photograph(root: Path, strategy: str) -> "pd.Series[float]":
    """The share of a strategy's runs that judged each photograph rightly."""
    tables = [pd.read_csv(path / "predictions.csv") for path in root.glob(f"{strategy}-*")]
    every = pd.concat(tables)
    right = (every["label"] == every["predicted"]).astype(float)
    return right.groupby([every["image"], every["label"]]).mean()


def by_hand(root: Path, strategy: str, shared: float) -> tuple[float, float, float]:
    """A strategy's balanced accuracy over all photographs, its standard error and Satterthwaite's freedom."""
    tables = []
    for path in root.glob(f"{strategy}-*"):
        config = info_of(path)["config"]
        split = f"{config['data_seed']} {config['data']['fold']}"
        tables.append(pd.read_csv(path / "predictions.csv").assign(run=path.name, split=split))
    every = pd.concat(tables)
    every["weight"] = 1 / every.groupby("label")["image"].transform("size") / 2
    every["right"] = (every["label"] == every["predicted"]) * every["weight"]
    off = every["right"] - every.groupby("label")["right"].transform("mean")
    photographs = float((off.groupby(every["image"]).sum() ** 2).sum()) * 373 / 372
    runs = entries = all_splits = several_seeds = 0.0
    for _split, own in every.groupby("split"):
        sums = own.groupby("run")["right"].sum()
        part = own["weight"].sum() ** 2 / len(sums)
        all_splits += part
        if len(sums) > 1:
            several_seeds += part
            runs += len(sums) * sums.var(ddof=1)
            entries += len(sums) * own.pivot(index="image", columns="run", values="right").var(axis=1, ddof=1).sum()
    # a split of one run brings what the others do on average
    runs, entries = runs * all_splits / several_seeds, entries * all_splits / several_seeds
    variance = photographs + max(0.0, runs - entries)
    freedom = variance**2 / (photographs**2 / 372 + runs**2 / 10)
    return float(every["right"].sum()), math.sqrt((1 + shared) * variance), freedom
