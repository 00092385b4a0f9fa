"""What a checkpoint says and holds, apart from what no seed repeats."""

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.numpy import load_file


def content(file: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Of a checkpoint, without the sum of the times, and its own, which counts them in."""
    with safe_open(file, "np") as opened:
        said = json.loads(opened.metadata()["fedsky"])
    assert {"sums", "whole", "round"} <= set(said)
    del said["whole"], said["sums"]["timing.jsonl"]
    return said, {name: array.tobytes() for name, array in load_file(file).items()}
