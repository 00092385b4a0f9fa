"""A local server, and a client that does not wait."""

from collections.abc import Iterator

import pytest
from local_web import LocalWeb, Time

from fedsky.photographs.collect import Web


@pytest.fixture
def site() -> Iterator[LocalWeb]:
    with LocalWeb() as site:
        yield site


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def web(time: Time) -> Iterator[Web]:
    with Web(wait=time.wait, clock=time.clock, timeout=10) as web:
        yield web
