"""What ``make quick`` leaves out is told by what a test uses, itself or by its helpers and fixtures."""

import subprocess

import pytest
from slow import starts

from fedsky import run as running
from fedsky.run.rows import label_lines


def listed() -> str:
    return subprocess.run(["true"], check=True, capture_output=True, text=True).stdout


def helped() -> str:
    return listed()


def inside() -> None:
    from fedsky.engine import close

    close()


def trained() -> object:
    return running.run


class Starting:
    def start(self) -> str:
        return helped()


@pytest.fixture
def started() -> str:
    return listed()


def again(depth: int = 0) -> object:
    return again(depth + 1) if depth < 2 else label_lines


@pytest.mark.parametrize("function", [listed, helped, inside, trained, lambda: Starting().start()])
def test_what_starts_something_is_slow(function: object) -> None:
    assert starts(function)


def test_what_starts_nothing_is_quick() -> None:
    assert not starts(again)


def test_marked_are_those_whose_fixtures_start_something(request: pytest.FixtureRequest, started: str) -> None:
    assert request.node.get_closest_marker("slow") is not None


def test_others_are_not_marked(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("slow") is None
