"""Sweeps as a new user makes them, trained on drawn skies: each ends in a figure and sentences with the right numbers.

What is right is computed here from the runs' files alone, by other code than the report's.
"""

import csv
import json
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from written import report

from fedsky.config import compose, resolve
from fedsky.report.selection import select
from fedsky.report.trends import trends
from fedsky.run import run

SMALL = [
    "engine=inline",
    "data.count=90",
    "data.size=32",
    "num_rounds=2",
    "lr=0.02",
    "checkpoint=false",
    "partition.min_examples=3",
]
FOLDS = ["data.fold=1/3", "data.fold=2/3", "data.fold=3/3"]
SWEEPS = {
    "clients": (["strategy=local", "strategy=fedavg"], ["num_clients=2", "num_clients=5", "num_clients=10"], FOLDS),
    "alpha": (["partition=dirichlet num_clients=3 strategy=local", "partition=dirichlet num_clients=3 strategy=fedavg",
               "partition=dirichlet num_clients=3 strategy=fedprox strategy.mu=3"],
              ["partition.alpha=0.1", "partition.alpha=10"], FOLDS),
    "mu": (["num_clients=3 data.fold=1/3"], ["strategy=local", "strategy=fedavg", "strategy=fedprox strategy.mu=0",
                                             "strategy=fedprox strategy.mu=10"], [""]),
    "owners": (["num_clients=3 data.fold=1/3"], ["strategy=local", "strategy=fedavg",
               *(f"strategy=centralized strategy.owners={owners}" for owners in ("[0]", "[0,1]", "[0,1,2]"))], [""]),
}  # fmt: skip


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, session_cache: Path) -> Path:
    """A folder a sweep, in it a folder a run, called by what sets it apart."""
    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(session_cache))
        for name, parts in SWEEPS.items():
            for chosen in product(*parts):
                words = " ".join(filter(None, chosen))
                config = resolve(compose([*SMALL, *words.split()]))
                config["model"] = {"_target_": "tiny.pixels"}
                choices = {
                    key: value for key, value in (word.split("=", 1) for word in words.split()) if "." not in key
                }
                choices = {"data": "rendered", "partition": "iid", **choices}
                run(config, folder / name / words.replace("/", "of"), choices)
    return folder


def judged(folder: Path, *words: str) -> pd.DataFrame:
    """[image]: label, right, fold and weighted deviation of every test image of the runs whose name has the words."""
    rows = []
    for number, place in enumerate(sorted(folder.iterdir())):
        if set(words) <= set(place.name.split()):
            with (place / "predictions.csv").open(newline="") as file:
                rows += [(r["image"], r["label"], r["label"] == r["predicted"], number) for r in csv.DictReader(file)]
    table = pd.DataFrame(rows, columns=["image", "label", "right", "fold"]).set_index("image").sort_index()
    assert table.index.is_unique
    table["right"] = table["right"].astype(float)
    mean = table.groupby("label")["right"].transform("mean")
    table["off"] = (table["right"] - mean) / table.groupby("label")["right"].transform("size") / 2
    return table


def balanced(table: pd.DataFrame) -> float:
    return float(table.groupby("label")["right"].mean().mean())


def beyond(off: "pd.Series[float]", fold: "pd.Series[int]") -> float:
    """What models of different folds differ by beyond their photographs."""
    folds = off.groupby(fold.to_numpy()).sum()
    return max(0.0, float((folds**2).sum() * len(folds) / (len(folds) - 1) - (off**2).sum()))


def error(first: pd.DataFrame, second: pd.DataFrame, folder: Path) -> float:
    """The standard error of the difference: photographs and runs, widened for the training images that folds share."""
    off = first["off"].sub(second["off"], fill_value=0)
    photographs = float((off**2).sum()) * len(first) / (len(first) - 1)
    if first["fold"].nunique() == 1:
        return float(np.sqrt(photographs))
    same_cut = all(
        set(a.index) == set(b.index)
        for (_f, a), (_g, b) in zip(first.groupby("fold"), second.groupby("fold"), strict=True)
    )
    runs = beyond(off, first["fold"]) if same_cut else sum(beyond(t["off"], t["fold"]) for t in (first, second))
    sizes = {
        part: sum(
            sum(client[part])
            for place in folder.iterdir()
            for client in json.loads((place / "partition.json").read_text())["clients"]
        )
        for part in ("test", "train")
    }
    return float(np.sqrt((photographs + runs) * (1 + sizes["test"] / sizes["train"])))


Told = tuple[float, float | None, float | None]


def told(sentences: Sequence[str], start: str) -> list[Told]:
    """Points and interval of each part of the one sentence that starts so; no interval where all is the same."""
    [sentence] = [each for each in sentences if each.startswith(start)]
    number = r"([+-]?[\d.]+)"
    found: list[Told] = []
    part = rf"{number} (?:points )?(?:at [^(]*)?\((?:(?:95 % interval )?{number} to {number})?"
    for points, low, high in re.findall(part, sentence):
        found.append((float(points), float(low) if low else None, float(high) if high else None))
    return found


def check(found: Told, first: pd.DataFrame, second: pd.DataFrame, folder: Path, family: int, freedom: float) -> None:
    """The points are right, and the interval is as wide as that of one comparison at least, of ``family`` at most."""
    points, low, high = found
    value = 100 * (balanced(first) - balanced(second))
    assert points == pytest.approx(value, abs=0.051)
    if low is None or high is None:
        assert first["right"].equals(second["right"])
        return
    assert (low + high) / 2 == pytest.approx(value, abs=0.11)
    ratio = (high - low) / 200 / error(first, second, folder)
    widest: NDArray[np.float64] = stats.t.ppf((1 + 0.95 ** (1 / family)) / 2, freedom)
    assert stats.t.ppf(0.975, 100) * 0.98 <= ratio <= float(widest) * 1.02


def sentences(folder: Path) -> list[str]:
    selection = select([folder])
    assert selection.notes == []
    [kind] = selection.kinds
    return trends(kind)


def test_how_many_clients(swept: Path) -> None:
    folder = swept / "clients"
    said = sentences(folder)
    gains = told(said, "fedavg minus local: ")
    assert len(gains) == 3
    for each, clients in zip(gains, (2, 5, 10), strict=True):
        words = f"num_clients={clients}"
        check(each, judged(folder, words, "strategy=fedavg"), judged(folder, words, "strategy=local"), folder, 3, 2)
    [sentence] = [each for each in said if each.startswith("fedavg, from num_clients 2 to 10: ")]
    assert "paired over all folds" in sentence
    many, few = (judged(folder, f"num_clients={clients}", "strategy=fedavg") for clients in (10, 2))
    assert set(many.index) == set(few.index) and len(many) == 90, "all images, each once"
    check(told(said, "fedavg, from num_clients 2 to 10: ")[0], many, few, folder, 6, 2)


def test_how_unlike_the_owners_are(swept: Path) -> None:
    folder = swept / "alpha"
    said = sentences(folder)
    for other in ("local", "fedavg"):
        found = told(said, f"fedprox minus {other}: ")
        assert len(found) == 2
        for each, alpha in zip(found, (0.1, 10), strict=True):
            words = f"partition.alpha={alpha}"
            first, second = judged(folder, words, "strategy=fedprox"), judged(folder, words, f"strategy={other}")
            check(each, first, second, folder, 11, 2)
    assert any(each.startswith("local, from alpha 0.1 to 10: ") for each in said)


def test_a_setting_of_one_strategy(swept: Path) -> None:
    folder = swept / "mu"
    said = sentences(folder)
    fedavg, none, much = (
        judged(folder, *words) for words in (["strategy=fedavg"], ["strategy.mu=0"], ["strategy.mu=10"])
    )
    found = told(said, "fedprox minus fedavg: ")
    assert found[0] == (0.0, None, None), "without its term it is fedavg"
    check(found[1], much, fedavg, folder, 3, 20)
    check(told(said, "fedprox, from mu 0 to 10: ")[0], much, none, folder, 3, 20)


def test_more_and_more_owners_pooled(swept: Path) -> None:
    folder = swept / "owners"
    said = sentences(folder)
    local = judged(folder, "strategy=local")
    found = told(said, "centralized minus local: ")
    pooled = [judged(folder, f"strategy.owners={owners}") for owners in ("[0]", "[0,1]", "[0,1,2]")]
    for each, mine in zip(found, pooled, strict=True):
        check(each, mine, local, folder, 10, 20)
    check(told(said, "centralized, from owners [0] to [0, 1, 2]: ")[0], pooled[2], pooled[0], folder, 10, 20)


@pytest.mark.usefixtures("no_pixels")
@pytest.mark.parametrize("name", sorted(SWEEPS))
def test_each_has_a_figure_a_table_and_its_sentences_on_the_page(swept: Path, tmp_path: Path, name: str) -> None:
    page, table = report(swept / name, tmp_path / "out")
    assert (tmp_path / "out" / "plots" / "sweep.svg").is_file()
    rows = table("sweeps")
    key = {"clients": "num_clients", "alpha": "partition.alpha", "mu": "strategy.mu", "owners": "strategy.owners"}[name]
    assert set(rows["setting"]) == {key}
    for row in rows.to_dict("records"):
        words = {"mu": "strategy.mu", "owners": "strategy.owners"}.get(name, key)
        value = str(row["value"]).replace(" ", "").removesuffix(".0")
        strategy = row["group"].split(",")[0]
        mine = judged(swept / name, f"{words}={value}", f"strategy={strategy}")
        assert row["balanced_accuracy"] == pytest.approx(balanced(mine))
    for sentence in sentences(swept / name):
        assert sentence.replace("'", "&#39;") in page
