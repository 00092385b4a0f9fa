"""What one request, and one visitor, may take of the site. Every route has these bounds, whatever its view declares.

A view that costs more than reading a page narrows them, one that sends more widens them:

    @blueprint.post("/predict")
    @public
    @limit("60 per minute", photograph=True, answer=8_000_000)
    def predict(): ...

What is counted lives in the process. Who holds a connection, and how long it may take to send a request, is
fedsky.web.connections' part; lines of the log are fedsky.web.loglines'.
"""

import ipaddress
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter
from werkzeug.exceptions import RequestEntityTooLarge

from fedsky.language import _
from fedsky.web import problems
from fedsky.web.problems import Problem
from fedsky.web.settings import Settings
from fedsky.web.share import BusyError, Share

LOG = logging.getLogger("fedsky.web")
View = TypeVar("View", bound=Callable[..., Any])

# All requests of one network, which a class or an office shares: a page is 20 requests, a run that is followed 30 a
# minute. The same for one route. Both are far above what people do and far below what holds up the site.
OF_A_NETWORK = "6000 per minute"
OF_A_ROUTE = "1200 per minute"
BODY = 64 * 1024  # bytes of a request's body, or of a form besides its photograph
ANSWER = 2_000_000  # bytes of an answer
EXACT = 300  # above this rate a count is kept in place of every moment


@dataclass(frozen=True)
class Bounds:
    """rate: how often an account, or a visitor's network, may call; answer: the most bytes of one.

    photograph: whether the body may be a form with a photograph, of as many bytes as the site's settings say.
    """

    rate: str = OF_A_ROUTE
    answer: int = ANSWER
    photograph: bool = False

    def body(self, settings: Settings) -> int:
        """The most bytes of a body."""
        return BODY + (settings.max_upload_bytes if self.photograph else 0)


def limit(rate: str = OF_A_ROUTE, *, answer: int = ANSWER, photograph: bool = False) -> Callable[[View], View]:
    """Gives a view bounds of its own, such as a rate of ``30 per minute``."""
    parse(rate)

    def mark(view: View) -> View:
        view.bounds = Bounds(rate, answer, photograph)  # type: ignore[attr-defined]
        return view

    return mark


def bounds_of(app: Flask, endpoint: str | None) -> Bounds:
    """The bounds of a route; those of every route where its view has none of its own, or there is no such route."""
    found = getattr(app.view_functions.get(endpoint or ""), "bounds", None)
    return found if isinstance(found, Bounds) else Bounds()


def large_bodies(app: Flask) -> dict[str, int]:
    """The paths to which a body may be larger than others, and how large."""
    settings: Settings = app.extensions["settings"]
    sizes = {route.rule: bounds_of(app, route.endpoint).body(settings) for route in app.url_map.iter_rules()}
    return {path: size for path, size in sizes.items() if size > BODY}


class Limits:
    """The counters of one site. at_once: requests of one network that are answered at a time."""

    def __init__(self, at_once: int = 16) -> None:
        storage = MemoryStorage()
        self._exact, self._counted = MovingWindowRateLimiter(storage), FixedWindowRateLimiter(storage)
        self.at_once = Share(10**6, at_once)

    def _limiter(self, item: RateLimitItem) -> MovingWindowRateLimiter | FixedWindowRateLimiter:
        return self._exact if item.amount <= EXACT else self._counted

    def count(self, rate: str, *key: str) -> None:
        """Counts one more under a key; Problem 429, with the seconds to wait, where that is too many."""
        item = parse(rate)
        limiter = self._limiter(item)
        if not limiter.hit(item, *key):
            reset = limiter.get_window_stats(item, *key).reset_time
            wait = max(1, math.ceil(reset - time.time()))
            raise Problem(429, _("Too often: try again in {time}.", time=_words(wait)), retry_after=wait)

    def forget(self, rate: str, *key: str) -> None:
        """Starts a key's count anew."""
        item = parse(rate)
        self._limiter(item).clear(item, *key)


def admit() -> None:
    """Counts a request of a network, before anything is done for it; Problem 429 where it asks too often or at once."""
    limits: Limits = current_app.extensions["limits"]
    limits.count(OF_A_NETWORK, "network", network(g.address))
    held = limits.at_once.of(network(g.address))
    try:
        held.__enter__()
    except BusyError:
        raise Problem(429, _("Too many requests at once: wait for the answers to some."), retry_after=1) from None
    g.admitted = held


def leave(_: BaseException | None) -> None:
    """Has done with a request that was admitted."""
    if "admitted" in g:
        g.pop("admitted").__exit__(None, None, None)


def guard() -> None:
    """Counts a request to a view, also one that will be refused, and bounds its body."""
    limits: Limits = current_app.extensions["limits"]
    bounds = bounds_of(current_app, request.endpoint)
    limits.count(bounds.rate, str(request.endpoint), asker())
    most = bounds.body(current_app.extensions["settings"])
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge
    # The parser of forms may hold the whole photograph at a time where it has no newline.
    request.max_content_length = request.max_form_memory_size = most


def asker() -> str:
    """Who asks, as counted: the account, else the visitor's network."""
    return g.user.id if g.get("user") else network(g.address)


def check_answer(response: Response) -> Response:
    """The answer, or in its place a refusal where it is larger than its route sends."""
    most = bounds_of(current_app, request.endpoint).answer
    if (response.content_length or 0) <= most:
        return response
    LOG.error(
        "request %s: an answer of %s bytes, more than the %s of %s",
        g.get("request_id"),
        response.content_length,
        most,
        request.endpoint,
    )
    response.close()
    return problems.answer(Problem(503, _("This answer would be larger than the site sends: ask for less.")))


def network(address: str) -> str:
    """What an address counts as: itself, or its /64, which one holder has whole."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((known, 64), strict=False)) if known.version == 6 else address


def _words(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"
