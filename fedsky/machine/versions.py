"""What a number may depend on beside data and seeds: the versions of libraries, and this code itself."""

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path

from fedsky import __version__

PACKAGES = ("flwr", "ray", "torch", "torchvision", "numpy", "hydra-core")
CODE = ("fedsky", "strategies", "baselines")


def versions() -> dict[str, str]:
    """The versions of Python, fedsky and the packages whose change could change a result."""
    found = {"python": platform.python_version(), "fedsky": __version__}
    return found | {package: importlib.metadata.version(package) for package in PACKAGES}


@functools.cache
def code() -> str:
    """16 hexadecimal digits of a SHA-256 over the suite's own files of Python, as they are on this machine."""
    root, digest = Path(__file__).resolve().parents[2], hashlib.sha256()
    for path in sorted(path for folder in CODE for path in (root / folder).rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
