"""The strategies of a recipe compared: a table out of the kept report (docs/shelf) and of what they were tuned to."""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parent.parent
HEADS = {
    "en": "Strategy|Tuned to|Balanced accuracy|minus `local`|minus `centralized`|Worst owner|Own models on all|MB up",
    "zh": "策略|调为|平衡准确率|减 `local`|减 `centralized`|最差的所有者|自有模型在全部上|上行 MB",
}


def table(lang: str, data: str, recipe: str) -> str:
    """A Markdown table of the report's rows whose data begin so, the best first; recipe: whose tuning is told."""
    final, joining = _rows("final", data), _rows("joining", data)
    heads = HEADS[lang].split("|")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, row in sorted(final.items(), key=lambda pair: -pair[1]["balanced_accuracy"]):
        gain = joining.get(name)
        cells = [
            f"`{name}`",
            _tuned(recipe, name),
            _interval(row, "balanced_accuracy"),
            "" if gain is None else _interval(gain, "minus_alone", "+"),
            "" if gain is None else _interval(gain, "minus_pooled", "+"),
            f"{row['worst_owner_accuracy']:.3f}",
            "" if pd.isna(row["own_models_on_all_images"]) else f"{row['own_models_on_all_images']:.3f}",
            f"{row['megabytes_up']:.3g}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _rows(name: str, data: str) -> dict[str, dict[str, Any]]:
    """The rows of one of the report's tables by their group, of the data that begin so."""
    rows = pd.read_csv(ROOT / "docs" / "shelf" / "tables" / f"{name}.csv").to_dict("records")
    return {str(row["group"]): {str(key): row[key] for key in row} for row in rows if row["data"].startswith(data)}


def _interval(row: dict[str, Any], name: str, sign: str = "") -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if pd.isna(value):
        return ""
    return f"{value:{sign}.3f}" + ("" if pd.isna(low) else f" [{low:{sign}.3f}, {high:{sign}.3f}]")


def _tuned(recipe: str, strategy: str) -> str:
    """The settings that a strategy was tuned to, each by the last part of its name."""
    told = yaml.safe_load((ROOT / "conf" / "experiment" / "tuned" / recipe / f"{strategy}.yaml").read_text("utf-8"))
    found = []
    for name in told["tuned"]["ranges"]:
        value = told
        for part in name.split("."):
            value = value[part]
        found.append(f"{name.rpartition('.')[2]} {value:.3g}")
    return ", ".join(found)
