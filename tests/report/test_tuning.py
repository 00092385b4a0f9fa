"""What the report says of how the strategies were tuned."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fedsky.report.page import write_report

WriteRun = Callable[..., Path]
TUNED: dict[str, Any] = {
    "trials": 8, "folds": ["1/5", "2/5"], "seeds": [0], "validation_images": 160, "ranges": {"lr": [0.001, 0.5]},
    "validation_accuracy": 0.9, "best": 0.9125, "standard_error": 0.0231, "best_settings": {"lr": 0.2}, "at_edge": {},
}  # fmt: skip
pytestmark = pytest.mark.usefixtures("no_pixels")


def page(folder: Path, write_run: WriteRun, **tuned: Any) -> str:
    for strategy, told in tuned.items():
        write_run(folder / "runs" / strategy, strategy=strategy, config={} if told is None else {"tuned": told})
    return write_report([folder / "runs"], folder / "out").read_text()


def test_each_strategys_budget_choice_and_edge_are_told(tmp_path: Path, write_run: WriteRun) -> None:
    text = page(tmp_path, write_run, fedavg=TUNED, fedprox=TUNED | {"at_edge": {"lr": "high"}})
    assert "How the strategies were tuned" in text
    for said in ("1/5, 2/5", "160", "lr 0.05 of 0.001 to 0.5", "91.2", "2.3", "lr (upper end)", ">none<"):
        assert said in text, said
    assert "a better one may lie beyond" in text
    assert "the same budget" not in text


def test_an_unequal_budget_is_told(tmp_path: Path, write_run: WriteRun) -> None:
    text = page(tmp_path, write_run, fedavg=TUNED, fedprox=TUNED | {"trials": 2}, scaffold=None)
    assert "They do not all have the same budget" in text


def test_what_was_not_tuned_so_has_no_such_section(tmp_path: Path, write_run: WriteRun) -> None:
    old = {"strategies": {"fedavg": {"FedAvg": 0.05}}}
    assert "How the strategies were tuned" not in page(tmp_path, write_run, fedavg=old, scaffold=None)


def test_what_a_strange_file_says_does_no_harm(tmp_path: Path, write_run: WriteRun) -> None:
    strange = {
        "trials": 3,
        "folds": 7,
        "seeds": None,
        "ranges": {"<b>": "x"},
        "at_edge": [1],
        "best": "1",
        "validation_accuracy": 9,
    }
    text = page(tmp_path, write_run, fedavg=strange)
    assert "How the strategies were tuned" in text and "<b>" not in text
