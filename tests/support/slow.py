"""Marks as slow, for ``make quick`` to leave out, each test that starts a process, trains, or draws pictures at length.

Nobody lists the tests: it is told by the names that a test's code uses, and those of its fixtures and helpers. Only one
that is slow otherwise has to be marked, ``@pytest.mark.slow``.
"""

import functools
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
STARTERS = (
    # processes, Ray, browsers
    "subprocess", "multiprocessing", "ray", "schemathesis", "job_site", "interrupted", "forked", "fedsky.web.isolated",
    "fedsky.web.api.predict",
    # training
    "fedsky.run", "fedsky.run.loop", "fedsky.engine", "fedsky.resume", "quadratics", "personal", "benchmarks",
    # drawing: whole reports and pages, skies
    "fedsky.report.__main__", "fedsky.report.page", "fedsky.report.plots", "fedsky.photographs.explore",
    "fedsky.photographs.curate", "fedsky.data.rendered", "fedsky.data.sky",
)  # fmt: skip


def pytest_itemcollected(item: pytest.Item) -> None:
    """Adds the marker where a function of the test starts what takes long."""
    if isinstance(item, pytest.Function):
        defined = item._fixtureinfo.name2fixturedefs.values()
        if any(map(starts, [item.function, *(each.func for fixtures in defined for each in fixtures)])):
            item.add_marker(pytest.mark.slow)


def starts(function: Any) -> bool:
    """Whether a function, or what it calls in tests/, uses one of the starters."""
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    return _starts(inspect.unwrap(inner), frozenset())


@functools.cache
def _starts(value: Any, above: frozenset[Any]) -> bool:
    if value in above:
        return False
    if isinstance(value, type):
        methods = [each for each in vars(value).values() if isinstance(each, FunctionType)]
        return any(_starts(each, above | {value}) for each in methods)
    if not isinstance(value, FunctionType):
        return False
    return any(
        _is_starter(name) or _is_starter(_home(used)) or (_is_of_tests(used) and _starts(used, above | {value}))
        for name in _names(value.__code__)
        if (used := value.__globals__.get(name, None)) is not None or "." in name
    )


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _home(value: Any) -> str:
    return value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))


def _is_starter(module: str) -> bool:
    return module in STARTERS or module.startswith(tuple(f"{name}." for name in STARTERS if name != "fedsky.run"))


def _is_of_tests(value: Any) -> bool:
    if not isinstance(value, FunctionType | type):
        return False
    try:
        return Path(inspect.getfile(value)).is_relative_to(TESTS)
    except (TypeError, OSError):
        return False
