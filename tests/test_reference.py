"""The committed runs: whole, small enough, what the recipes' headers and docs/ say, and fit to predict with."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from run_files import info_of

from benchmarks.reference import (
    KEPT_MODELS,
    NUM_CUTS,
    NUM_FOLDS,
    NUM_SEEDS,
    RECIPES,
    REFERENCE,
    STRATEGIES,
    ending,
    middle,
)
from fedsky.predict import model_files, predict

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / REFERENCE


def info(name: str) -> dict[str, Any]:
    found: dict[str, Any] = info_of(HOME / name)
    assert found["status"] == "done"
    return found


@pytest.mark.parametrize(("data", "folds"), [("sky", NUM_FOLDS), ("rendered", 1)])
def test_every_strategy_has_three_seeds_on_the_same_images(data: str, folds: int) -> None:
    for fold in range(1, folds + 1):
        runs = [
            info(f"{data}/{strategy}{ending(seed, 0, fold)}") for strategy in STRATEGIES for seed in range(NUM_SEEDS)
        ]
        assert [run["config"]["seed"] for run in runs] == [0, 1, 2] * len(STRATEGIES)
        assert {run["config"]["data"]["fold"] for run in runs} == {f"{fold}/5"}
        assert len({run["data"]["fingerprint"] for run in runs}) == 1


@pytest.mark.parametrize("cut", range(NUM_CUTS))
def test_the_folds_of_every_cut_test_every_photograph_once(cut: int) -> None:
    tested = []
    for fold in range(1, NUM_FOLDS + 1):
        for strategy in STRATEGIES:
            asked = info(f"sky/{strategy}{ending(0, cut, fold)}")["config"]
            assert (asked["data_seed"], asked["data"]["fold"]) == (cut, f"{fold}/{NUM_FOLDS}")
        with (HOME / "sky" / f"fedavg{ending(0, cut, fold)}" / "predictions.csv").open(
            newline="", encoding="utf-8"
        ) as file:
            tested += [row["image"] for row in csv.DictReader(file)]
    assert len(tested) == len(set(tested)) == 373


@pytest.mark.parametrize("recipe", [recipe for sweep in RECIPES for recipe in sweep])
def test_a_recipes_header_says_what_it_reached(recipe: str) -> None:
    header = (ROOT / "conf" / "experiment" / f"{recipe}.yaml").read_text(encoding="utf-8")
    pages = [(ROOT / "docs" / name).read_text("utf-8") for name in ("measured.md", "zh/measured.md")]
    rows = [line for page in pages for line in page.splitlines() if line.startswith(f"| `{recipe}` ")]
    assert len(rows) == len(pages)
    for data in ("rendered", "sky"):
        result = info(f"recipes/{data}/{recipe}")["result"]
        accuracy = f"{result['accuracy']:.3f}"
        assert f"{result['balanced_accuracy']:.3f} balanced ({accuracy} accuracy, n {result['num_test']}" in header
        assert all(accuracy in row for row in rows)


def test_no_committed_run_names_a_place_of_the_machine_that_computed_it() -> None:
    runs = list(HOME.rglob("run.json"))
    assert len(runs) > 50
    assert not [run for run in runs if "directory" in json.loads(run.read_text(encoding="utf-8"))]


def test_the_reference_is_small() -> None:
    assert sum(path.stat().st_size for path in HOME.rglob("*") if path.is_file()) < 20_000_000


def test_a_fresh_clone_can_predict(sky: Path) -> None:
    for strategy in KEPT_MODELS:
        run = HOME / "sky" / f"{strategy}{middle(HOME / 'sky')}"
        models = model_files(run)
        with (run / "predictions.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))[::12]
        for row in rows:
            path = models["model"] if "model" in models else models[f"client {row['client']}"]
            [judged] = predict(path, [sky / row["image"]])
            assert judged["sunny"] == pytest.approx(float(row["probability_sunny"]), abs=1e-3)
