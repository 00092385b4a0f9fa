"""An owner by itself: against the best of them, and what one would need; recomputed from the files."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from run_files import rows_of
from scipy import stats

from fedsky import language
from fedsky.report import alone, terminal
from fedsky.report.page import write_report
from fedsky.report.selection import select
from fedsky.report.summary import compare
from tests.report.conftest import write_lines
from tests.report.test_learning import CURVE, pooled, write
from tests.report.test_worth import write_coalition

WriteRun = Callable[..., Path]
SIZES = (([20, 20], [10, 10]), ([20, 20], [10, 10]), ([20, 20], [10, 10]))


def models(write_run: WriteRun, root: Path, gap: float) -> None:
    """Five folds of three owners alone, whose own models' accuracies on all photographs are drawn, and a federation."""
    for fold in range(1, 6):
        generator = np.random.default_rng(fold)
        common = {"num_clients": 3, "num_rounds": 1, "data.fold": f"{fold}/5"}
        ours = 0.8 + gap + 0.01 * generator.standard_normal()
        write_run(root / f"f{fold}", "fedavg", curve=(0.5, ours), owners=(0.8,) * 3, counts=SIZES, config=common)
        folder = write_run(
            root / f"l{fold}", "local", curve=(0.5, 0.75), owners=(0.8,) * 3, counts=SIZES, config=common
        )
        rows = rows_of(folder, "clients")
        own = np.array([0.7, 0.8, 0.75]) + 0.02 * generator.standard_normal(3)
        write_lines(
            folder / "clients.jsonl", [row | {"pooled_balanced_accuracy": float(own[row["client"]])} for row in rows]
        )


def by_hand(root: Path) -> tuple[float, float, float]:
    """The smallest of three corrected paired t-intervals with Sidak's quantile, from the JSON lines alone."""
    ends = []
    for owner in range(3):
        minus = []
        for fold in range(1, 6):
            ours = pd.read_json(root / f"f{fold}" / "rounds.jsonl", lines=True).iloc[-1]["balanced_accuracy"]
            theirs = pd.read_json(root / f"l{fold}" / "clients.jsonl", lines=True)
            last = theirs[theirs["round"] == theirs["round"].max()].set_index("client")
            minus.append(ours - last.loc[owner, "pooled_balanced_accuracy"])
        error = np.std(minus, ddof=1) * np.sqrt(1 / 5 + 60 / 120)
        half = stats.t.ppf((1 + 0.95 ** (1 / 3)) / 2, 4) * error
        ends.append((np.mean(minus), np.mean(minus) - half, np.mean(minus) + half))
    value, low, high = (float(each) for each in np.min(ends, axis=0))
    return value, low, high


@pytest.mark.parametrize(("gap", "verdict"), [(0.15, "shown"), (0.02, "not shown")])
def test_the_best_of_the_owners_models_over_runs(tmp_path: Path, write_run: WriteRun, gap: float, verdict: str) -> None:
    models(write_run, tmp_path, gap)
    [kind] = select([tmp_path]).kinds
    [federated] = [group for group in kind.groups if group.is_federated]
    found = alone.best(kind, federated)
    assert found is not None and (found.owner, found.num, found.splits) == ("owner 1", 3, 5) and not found.by_photograph
    value, low, high = by_hand(tmp_path)
    assert found.difference.value == pytest.approx(value)
    assert (found.difference.low, found.difference.high) == pytest.approx((low, high), abs=0.03 * (high - low))
    low, high = (100 * (end or 0) for end in (found.difference.low, found.difference.high))
    assert alone.sentences(kind) == [
        f"On all photographs fedavg is {100 * value:.1f} points better than owner 1, the best of 3 lone owners "
        f"(95 % interval {low:.1f} to {high:.1f} over runs alone): {verdict}. "
        "The interval holds for whichever owner is truly the best, so the number need not stand in its middle."
    ]


def test_owners_own_models_are_not_taken_for_one_on_all_photographs(tmp_path: Path, write_run: WriteRun) -> None:
    """Ditto and the like: what they reach is on each owner's own photographs."""
    models(write_run, tmp_path, 0.1)
    for path in tmp_path.glob("f*/clients.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        write_lines(path, [row | {"pooled_balanced_accuracy": 0.6} for row in rows])
    [kind] = select([tmp_path]).kinds
    assert alone.sentences(kind) == []


def test_only_the_best_federation_is_asked(tmp_path: Path, write_run: WriteRun) -> None:
    models(write_run, tmp_path, 0.1)
    for fold in range(1, 6):
        config = {"num_clients": 3, "num_rounds": 1, "data.fold": f"{fold}/5"}
        write_run(tmp_path / f"w{fold}", "fedprox", curve=(0.5, 0.7), owners=(0.7,) * 3, counts=SIZES, config=config)
    [kind] = select([tmp_path]).kinds
    [told] = alone.sentences(kind)
    assert told.startswith("On all photographs fedavg is ")


def test_single_photographs_tell_where_owners_were_run_as_coalitions(tmp_path: Path, write_run: WriteRun) -> None:
    for number in (1, 2, 4, 7):
        for fold in (1, 2):
            write_coalition(write_run, tmp_path, number, fold)
    [kind] = select([tmp_path]).kinds
    [federated] = [group for group in kind.groups if group.is_federated]
    found = alone.best(kind, federated)
    assert found is not None and found.by_photograph and (found.owner, found.num) == ("owner 0", 3)
    assert found.difference.value == pytest.approx((34 - 33) / 40), "24 + 9 of 40 are right alone, 24 + 10 together"
    assert found.difference.low is not None and found.difference.low < 0
    assert "; " not in alone.best_words(found) and "over runs" not in alone.best_words(found)


@pytest.mark.usefixtures("no_pixels")
def test_page_terminal_and_site_say_it_alike(tmp_path: Path, write_run: WriteRun) -> None:
    pooled(write_run, tmp_path / "runs", CURVE)
    write(write_run, tmp_path / "runs" / "f", "fedavg", 76)
    for lang, part in (
        ("en", "One owner alone would need 61 ("),
        ("zh", "一个所有者单独训练要达到 fedavg 的水平需要 61（"),
    ):
        with language.use(lang):
            selection = select([tmp_path / "runs"])
            [sentence] = alone.sentences(selection.kinds[0])
            output = io.StringIO()
            terminal.show(selection, console=Console(file=output, highlight=False))
            page = write_report([tmp_path / "runs"], tmp_path / lang, lang=lang).read_text(encoding="utf-8")
        assert part in sentence
        assert sentence in compare([tmp_path / "runs"], lang=lang)["kinds"][0]["verdict"]
        for text in (output.getvalue(), page):
            assert "".join(sentence.replace("'", "&#39;").split()) in "".join(text.replace("'", "&#39;").split())
