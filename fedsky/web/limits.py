"""How often something may be asked: marks for views, and the counters, which live in the process.

@blueprint.post("/predict")
@public
@limit("30 per minute")
def predict(): ...
"""

import ipaddress
import math
import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, g, request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from fedsky.language import _
from fedsky.web.problems import Problem

View = TypeVar("View", bound=Callable[..., Any])


def limit(rate: str) -> Callable[[View], View]:
    """Marks a view that an account, or a visitor's address, may call so often, such as ``30 per minute``."""
    parse(rate)

    def mark(view: View) -> View:
        view.rate = rate  # type: ignore[attr-defined]
        return view

    return mark


class Limits:
    """The counters of one site."""

    def __init__(self) -> None:
        self.limiter = MovingWindowRateLimiter(MemoryStorage())

    def count(self, rate: str, *key: str) -> None:
        """Counts one more under a key; Problem 429, with the seconds to wait, where that is too many."""
        item = parse(rate)
        if not self.limiter.hit(item, *key):
            reset = self.limiter.get_window_stats(item, *key).reset_time
            wait = max(1, math.ceil(reset - time.time()))
            raise Problem(429, _("Too often: try again in {time}.", time=_words(wait)), retry_after=wait)

    def forget(self, rate: str, *key: str) -> None:
        """Starts a key's count anew."""
        self.limiter.clear(parse(rate), *key)


def guard() -> None:
    """Counts a request to a marked view."""
    rate = getattr(current_app.view_functions.get(request.endpoint or ""), "rate", None)
    if rate is not None:
        who = g.user.id if g.get("user") else network(g.address)
        current_app.extensions["limits"].count(rate, str(request.endpoint), who)


def network(address: str) -> str:
    """What an address counts as: itself, or its /64, which one holder has whole."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((known, 64), strict=False)) if known.version == 6 else address


def _words(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"
