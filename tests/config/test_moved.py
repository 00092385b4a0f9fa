"""What the runs of earlier versions name still loads."""

import pkgutil
from pathlib import Path

import pytest
import yaml

from fedsky.config import MOVED, make

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_name_makes_what_its_new_name_makes(old: str) -> None:
    settings = {"num_features": 3, "num_classes": 2}
    assert type(make({"_target_": old, **settings})) is pkgutil.resolve_name(MOVED[old])


def test_every_name_in_the_committed_runs_is_one_that_loads() -> None:
    targets = set()
    for path in (ROOT / "outputs" / "reference").rglob("config.yaml"):
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        targets |= {group["_target_"] for group in config.values() if isinstance(group, dict) and "_target_" in group}
    targets.discard(None)
    assert len(targets) >= 8
    for target in targets:
        assert callable(pkgutil.resolve_name(MOVED.get(target, target))), target
