"""constraints.txt names the versions that passed, and fits whatever pyproject.toml allows."""

import hashlib
import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fedsky.run import provenance

ROOT = Path(__file__).resolve().parents[1]
LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
NAMED = {canonicalize_name(name): version for name, version in (line.split("==") for line in LINES)}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_it_holds_names_and_versions_alone() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in LINES)
    assert len(NAMED) == len(LINES) > 150


def test_it_names_all_that_fedsky_asks_for_within_its_bounds() -> None:
    asked = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    for requirement in map(Requirement, asked):
        if requirement.name != "fedsky":
            assert requirement.specifier.contains(NAMED[canonicalize_name(requirement.name)]), requirement


def test_what_torch_brings_for_its_accelerator_is_left_to_torch() -> None:
    assert not [name for name in NAMED if name.startswith(("nvidia", "cuda", "triton"))]
    assert {"torch", "torchvision"} <= set(NAMED)


def test_a_run_keeps_its_hash_and_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = NAMED | {canonicalize_name("torch"): f"{NAMED[canonicalize_name('torch')]}+cpu"}
    installed[canonicalize_name("numpy")] = "1.0"
    monkeypatch.setattr(importlib.metadata, "version", lambda name: installed[canonicalize_name(name)])
    digest = hashlib.sha256((ROOT / "constraints.txt").read_bytes()).hexdigest()
    assert provenance.constraints() == {"constraints": {"sha256": digest, "differing": ["numpy"]}}
