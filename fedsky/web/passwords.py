"""Passwords: which are good enough, how they are kept, how they are checked without telling who has an account."""

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import g, has_request_context

from fedsky.language import _
from fedsky.web.limits import network
from fedsky.web.problems import Problem
from fedsky.web.share import BusyError, Share

SHORTEST = 12  # characters
LONGEST = 256  # bytes of UTF-8, which bounds the hasher's work
JUDGED = 32  # characters that the estimate of guesses looks at, since its time grows fast with the length
MOST_SIGNS = 6  # different digits and signs that stand for letters; with more, it tries every reading, for seconds
ENOUGH = 3  # of zxcvbn's scores 0 to 4: 10^8 guesses or more
CONTEXT = ("fedsky", "sunny", "cloudy", "weather", "federated", "federation", "learning", "photograph", "flower")
BESIDES = 6  # characters that a password has besides the site's words and the name
AT_ONCE = 2  # hashes, of 64 MiB each
# Requests that hash or wait for it, of all and of one network: the rest of the threads answer others meanwhile.
MOST_WAITING, MOST_OF_ONE = 12, 6
WAIT_SECONDS = 15

hasher = PasswordHasher()  # argon2id, 64 MiB, 3 passes, 4 lanes: OWASP ASVS 5, appendix C
_turns = threading.BoundedSemaphore(AT_ONCE)
_waiting = Share(MOST_WAITING, MOST_OF_ONE)


def normal(password: str) -> str:
    """The password as hashed: NFKC, so that every keyboard's spelling of a letter is the same letter."""
    return unicodedata.normalize("NFKC", password)


def check_new(password: str, name: str) -> None:
    """Problem 422 for a password that is too short, too long or too easy to guess."""
    password = normal(password)
    if len(password) < SHORTEST:
        raise Problem(422, _("A password needs {n} characters or more.", n=SHORTEST), field="password")
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST:
        raise Problem(422, _("A password may have {n} bytes at most.", n=LONGEST), field="password")
    if is_common(password) or _guessable(password, name):
        raise Problem(
            422, _("This password is easy to guess: take several words that do not belong together."), field="password"
        )


def is_common(password: str) -> bool:
    """Whether the password is among the most frequent ones of public leaks, whatever its case."""
    return password.lower() in _common()


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])


def _guessable(password: str, name: str) -> bool:
    """Whether few guesses find it (Wheeler 2016, zxcvbn), words of this site and the name being tried first."""
    rest = password.casefold()
    for word in sorted([name.casefold(), *CONTEXT], key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < BESIDES:
        return True
    from zxcvbn import zxcvbn
    from zxcvbn.matching import L33T_TABLE

    part = password[:JUDGED]
    if len(set(part) & {sign for signs in L33T_TABLE.values() for sign in signs}) > MOST_SIGNS:
        return False
    return bool(zxcvbn(part, user_inputs=[name, *CONTEXT])["score"] < ENOUGH)


def make_one_time() -> str:
    """A random password, of 118 bits, in groups that can be read out."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    letters = "".join(secrets.choice(alphabet) for _ in range(24))
    return "-".join(letters[i : i + 6] for i in range(0, 24, 6))


def hash_new(password: str) -> str:
    """The password's hash, to be kept."""
    with _turn():
        return hasher.hash(normal(password).encode("utf-8", "surrogatepass"))


def verify(kept: str | None, password: str) -> bool:
    """Whether the password is the one of this hash; None (no such account) takes the same time and is False."""
    raw = normal(password).encode("utf-8", "surrogatepass")[: LONGEST + 1]
    with _turn():
        if kept is None:
            hasher.hash(raw)
            return False
        try:
            return hasher.verify(kept, raw)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return hasher.check_needs_rehash(kept)


@contextmanager
def _turn() -> Iterator[None]:
    """Waits for a turn to hash; Problem 503 where too many wait."""
    try:
        with _waiting.of(network(g.address)) if has_request_context() else nullcontext():
            if not _turns.acquire(timeout=WAIT_SECONDS):
                raise BusyError
            try:
                yield
            finally:
                _turns.release()
    except BusyError:
        raise Problem(503, _("Too many people are logging in: try again in a moment."), retry_after=5) from None
