"""What a run ran on: versions, commit, machine. Kept apart from what a seed repeats."""

import hashlib
import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fedsky.config import CONF
from fedsky.machine import command as command_of
from fedsky.machine import num_cores
from fedsky.machine.versions import PACKAGES


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def commit() -> dict[str, Any]:
    """The commit of the code and whether the code differs from it; empty outside a git checkout."""
    home = Path(__file__).resolve().parents[2]
    if not (home / ".git").exists():  # installed, maybe below a checkout of something else
        return {}
    try:
        known = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=home, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--", "*.py", "*.yaml", ":!outputs"],  # what runs leave is no code
            cwd=home,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": known, "changed": bool(changed)}


def constraints() -> dict[str, Any]:
    """The SHA-256 of constraints.txt, and which of ``versions`` are others than it names; empty without that file."""
    path = CONF.parent / "constraints.txt"
    if not path.is_file():
        return {}
    content = path.read_bytes()
    named = dict(line.split("==") for line in content.decode().splitlines() if "==" in line)
    differing = [package for package in PACKAGES if importlib.metadata.version(package).split("+")[0] != named[package]]
    return {"constraints": {"sha256": hashlib.sha256(content).hexdigest(), "differing": differing}}


def machine() -> dict[str, Any]:
    """The kind of machine: system, processor, cores, memory. No names."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "num_cores": num_cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def command() -> str:
    """The command line of this process, as a person would type it: with the installed command where that was used."""
    name = Path(sys.argv[0]).name
    part = {"__main__.py": "", "resume.py": "resume"}.get(name)
    return shlex.join([name, *sys.argv[1:]]) if part is None else command_of(part, *sys.argv[1:])
