"""What all tests share: the photographs, one thread, a cache folder, and configurations composed once."""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from composed_once import hydras_memory
from hypothesis import settings
from kept_apart import pytest_collection_finish  # noqa: F401  # hook
from listed_skips import pytest_addoption, pytest_sessionfinish  # noqa: F401  # hooks
from longest_first import pytest_collection_modifyitems  # noqa: F401  # hook
from slow import pytest_itemcollected  # noqa: F401  # hook

# As runs have it. Two of the small matrices of tests are multiplied slower by two threads, which wait for each other.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# Bytecode is kept even where it is not elsewhere: each of hundreds of processes would compile its modules anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile("same", derandomize=True, database=None)
settings.load_profile("same")  # the same examples each time: what fails here fails for everybody

SKY = Path(__file__).resolve().parents[2] / "shared" / "sky"


@pytest.fixture(scope="session")
def sky() -> Path:
    if not SKY.is_dir():
        pytest.skip(f"the sky photographs are not at {SKY}")
    return SKY


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session", autouse=True)
def composed_once() -> Iterator[None]:
    """Hydra takes a quarter of a second for a configuration, and hundreds of tests ask for the same few."""
    with pytest.MonkeyPatch.context() as patch:
        hydras_memory(patch)
        yield


@pytest.fixture(autouse=True)
def no_engine_is_left() -> Iterator[None]:
    """A run that is refused leaves Ray starting, for the next job of a sweep: not within the next test."""
    yield
    if "fedsky.engine" in sys.modules:
        sys.modules["fedsky.engine"].close()


@pytest.fixture(autouse=True)
def no_users_cache(session_cache: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(session_cache))
        yield


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A program that runs within this process sets up its logging for good: not for the tests that come after it."""
    loggers = [logging.getLogger(name) for name in (None, "fedsky", "fedsky.web")]
    before = [(each.level, each.propagate, each.disabled, list(each.handlers)) for each in loggers]
    yield
    for logger, (level, propagate, disabled, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled
        for added in [each for each in logger.handlers if each not in handlers]:
            logger.removeHandler(added)
            added.close()
