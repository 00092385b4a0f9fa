"""Polite downloads: slow, patient, bounded in time and bytes."""

import email.utils
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import httpx

from fedsky import __version__

AGAIN = frozenset({429, 500, 502, 503, 504})  # a later answer may be another
MAX_BYTES = 32 * 2**20  # of a picture
MAX_JSON_BYTES = 8 * 2**20
MAX_WAIT = 120.0  # seconds that a host may ask to be left alone
MAX_REDIRECTS = 5
MAX_FAILURES = 3  # of a host, on end


class Refusal(Exception):  # noqa: N818
    """One picture or answer is not taken; ``reason`` is a few words that are counted, the text says all of it."""

    def __init__(self, reason: str, detail: str = "", unreachable: bool = False) -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.unreachable = unreachable


class Web:
    """Asks one question at a time, and each host only once in ``interval`` seconds.

    An answer 429 or 5xx, a time-out or a broken connection is asked again ``retries`` times, after 1, 2, 4 ... seconds
    or what Retry-After says; a host that wants more than ``MAX_WAIT`` seconds is left alone instead, and so is one
    that has failed ``MAX_FAILURES`` times on end. ``timeout`` seconds without a byte, or ``max_seconds`` in all, end an
    answer. ``intervals`` are those of single hosts. ``contact`` (an address of a page or a mailbox) goes into the
    User-Agent, as Wikimedia's policy asks. ``wait`` and ``clock`` are the time's.
    """

    def __init__(
        self,
        interval: float = 1.0,
        intervals: Mapping[str, float] | None = None,
        timeout: float = 30.0,
        max_seconds: float = 180.0,
        retries: int = 4,
        contact: str = "",
        wait: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not contact.isascii() or not contact.isprintable() or set(contact) & set("()"):
            raise ValueError(f"--contact {contact!r}: an address in ASCII without brackets is needed")
        agent = f"fedsky/{__version__} ({contact or 'federated-learning research'}) python-httpx/{httpx.__version__}"
        # Unpacked bytes cannot be bounded before they are there, so packed ones are not asked for.
        headers = {"User-Agent": agent, "Accept-Encoding": "identity"}
        try:
            self.client = httpx.Client(headers=headers, timeout=timeout, follow_redirects=False)
        except ImportError as error:  # of a proxy that the environment names
            raise ValueError(f"the proxy that the environment names cannot be used: {error}") from error
        except (httpx.InvalidURL, ValueError) as error:  # their values may hold passwords
            names = sorted(key for key, value in os.environ.items() if key.lower().endswith("_proxy") and value)
            raise ValueError(
                f"{', '.join(names)} in the environment cannot be read ({error}): write addresses as in "
                "http_proxy=http://host:8080, and those of version 6 without brackets, as in no_proxy=::1"
            ) from error
        self.interval, self.intervals = interval, dict(intervals or {})
        self.max_seconds, self.retries = max_seconds, retries
        self.wait, self.clock = wait, clock
        self.ready: dict[str, float] = {}  # when a host may be asked again
        self.failures: Counter[str] = Counter()  # on end, by host

    def __enter__(self) -> "Web":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def json(self, url: str, params: Mapping[str, str | int]) -> Any:
        """The answer of an API; Refusal if there is none."""
        content = self.get(url, params, MAX_JSON_BYTES)
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Refusal("no JSON", f"{httpx.URL(url).host} answers with something else than JSON") from error

    def get(self, url: str, params: Mapping[str, str | int] | None = None, max_bytes: int = MAX_BYTES) -> bytes:
        """The bytes at an address, after a few redirects at most; Refusal if there are none to be had."""
        address = _parse(url)
        if params:
            address = address.copy_merge_params(dict(params))
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._patiently(address, max_bytes)
            if isinstance(answer, bytes):
                return answer
            address = _parse(answer, address)
        raise Refusal("too many redirects", f"{address.host} redirects more than {MAX_REDIRECTS} times")

    def _patiently(self, address: httpx.URL, max_bytes: int) -> bytes | str:
        """Bytes, or where to look instead."""
        host = address.netloc.decode("ascii")
        if self.failures[host] >= MAX_FAILURES:
            raise Refusal("unreachable", f"{host} has not answered {MAX_FAILURES} times on end", unreachable=True)
        for attempt in range(self.retries + 1):
            self._await_turn(host)
            try:
                answer = self._once(address, max_bytes)
                self.failures[host] = 0
                return answer
            except _AgainError as error:
                pause = 2.0**attempt if error.seconds is None else error.seconds
                self.ready[host] = max(self.ready[host], self.clock() + pause)
                problem = str(error)
        self.failures[host] += 1
        raise Refusal("unreachable", f"{host} {problem}", unreachable=True)

    def _await_turn(self, host: str) -> None:
        pause = self.ready.get(host, 0.0) - self.clock()
        if pause > MAX_WAIT:
            raise Refusal("unreachable", f"{host} asks for a pause of {pause:.0f} seconds", unreachable=True)
        if pause > 0:
            self.wait(pause)
        self.ready[host] = self.clock() + self.intervals.get(host, self.interval)

    def _once(self, address: httpx.URL, max_bytes: int) -> bytes | str:
        started = self.clock()
        try:
            with self.client.stream("GET", address) as answer:
                if answer.status_code in AGAIN:
                    raise _AgainError(f"answers {answer.status_code}", _pause(answer.headers.get("Retry-After")))
                if answer.has_redirect_location:
                    return answer.headers["Location"]
                if answer.status_code != 200:
                    raise Refusal(f"HTTP {answer.status_code}", f"{address.host} answers {answer.status_code}")
                if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise Refusal("packed", f"{address.host} packs what was asked for unpacked")
                content = bytearray()
                for piece in answer.iter_raw():
                    content += piece
                    if len(content) > max_bytes:
                        raise Refusal("too many bytes", f"{address.host} sends more than {max_bytes} bytes")
                    if self.clock() - started > self.max_seconds:
                        raise Refusal("too slow", f"{address.host} sends for more than {self.max_seconds:g} seconds")
                return bytes(content)
        except (httpx.InvalidURL, UnicodeError) as error:  # of a redirect, which httpx looks at too
            raise Refusal("no web address", f"{address.host} redirects to what is not a web address") from error
        except httpx.TransportError as error:
            # Its text can be empty; an address, which may hold a key, is never told.
            what = "gives no answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
            raise _AgainError(f"{what} ({type(error).__name__})", None) from error
        except httpx.HTTPError as error:
            raise Refusal("no answer", f"{address.host}: {type(error).__name__}") from error


class _AgainError(Exception):
    def __init__(self, problem: str, seconds: float | None) -> None:
        super().__init__(problem)
        self.seconds = seconds


def _parse(url: str, base: httpx.URL | None = None) -> httpx.URL:
    try:
        address = httpx.URL(url) if base is None else base.join(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise Refusal("no web address", "it is not a web address") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise Refusal("no web address", f"an address of {address.scheme or 'no'} scheme is not followed")
    return address


def _pause(header: str | None) -> float | None:
    """Seconds that Retry-After asks for: a number or a date; None if it is neither."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header[:12])
    try:
        date = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
