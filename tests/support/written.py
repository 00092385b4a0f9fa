"""A report that a test has written: its page and its tables."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from fedsky.report.page import write_report


def report(folder: Path, out: Path) -> tuple[str, Callable[[str], pd.DataFrame]]:
    """Writes the report of a folder: its page as text, in which nothing is NaN, and its tables by name."""
    text = write_report([folder], out).read_text(encoding="utf-8")
    for word in ("NaN", ">nan", "nan %", "None<", "inf "):
        assert word not in text
    return text, lambda name: pd.read_csv(out / "tables" / f"{name}.csv")
