"""The language that the report and the site's refusals speak: English sentences are keys, a catalogue has the others.

``_("{first} is {points} points better", first=label, points="1.2")`` translates, then fills in what is in braces: a
sentence stays whole, so that another language may order it anew. ``ngettext("{n} run", "{n} runs", 3)`` counts.
``N_("loss")`` marks a text that is looked up later, by ``_(text)``. In the page's template all three are known.

The catalogues are locale/<language>/LC_MESSAGES/fedsky.po; what is compiled of them stays in memory. A new sentence
is added there by hand, its msgid and its msgstr: ``pytest tests/test_language.py`` names what has no translation, and
what is translated and said nowhere.
"""

import gettext
import io
import string
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import polib

LOCALE = Path(__file__).with_name("locale")
ENGLISH = "en"
LANGUAGES = (ENGLISH, *sorted(path.name for path in LOCALE.iterdir() if path.is_dir()))
FIXED = 6  # letters of a sentence beside its values, by which it is known again
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == ENGLISH:
        return gettext.NullTranslations()
    catalogue = polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "fedsky.po"))
    return gettext.GNUTranslations(io.BytesIO(catalogue.to_binary()))


@contextmanager
def use(language: str) -> Iterator[None]:
    """Within it everything is said in that language; ValueError for a language without a catalogue."""
    if language not in LANGUAGES:
        raise ValueError(f"lang={language}: choose {' or '.join(LANGUAGES)}")
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def current() -> str:
    """The language in use, such as en."""
    return _language.get()


def _(message: str, **values: Any) -> str:
    """The message in the language in use, with the values in its braces; a message without a translation as it is."""
    text = _catalogue(_language.get()).gettext(message) if message else ""  # the empty key is a catalogue's head
    return text.format(**values) if values else text


def ngettext(singular: str, plural: str, n: int, **values: Any) -> str:
    """The form of a message for a count, which stands for {n} in it."""
    return _catalogue(_language.get()).ngettext(singular, plural, n).format(n=n, **values)


def retold(text: str) -> str:
    """A sentence that was written in English, as a run's reason in its file is, in the language in use.

    It is found again among the catalogue's by its fixed words, and so are the sentences in it; any other text stays.
    """
    return text if current() == ENGLISH else _retold(text, current(), depth=2)


@lru_cache(maxsize=4096)
def _retold(text: str, language: str, depth: int) -> str:
    catalogue = _catalogue(language)
    if (exact := catalogue.gettext(text)) != text or not text or not depth:
        return exact if text else ""
    for pieces, names, message in _patterns(language):
        values = _between(text, pieces)
        if values is not None:
            told = {name: _retold(value, language, depth - 1) for name, value in zip(names, values, strict=True)}
            return catalogue.gettext(message).format(**told)
    return text


@cache
def _patterns(language: str) -> list[tuple[list[str], list[str], str]]:
    """The catalogue's sentences with values: their fixed words, the values' names, and the sentence; the longest first.

    Those that are little else than values, or name one twice, cannot be told from other text.
    """
    found = []
    for entry in polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "fedsky.po")):
        parts = list(string.Formatter().parse(entry.msgid))
        names = [name for _literal, name, _spec, _conversion in parts if name]
        pieces = [literal for literal, _name, _spec, _conversion in parts]
        pieces += [""] if parts and parts[-1][1] else []
        fixed = sum(character.isalpha() for piece in pieces for character in piece)
        if names and fixed >= FIXED and len(set(names)) == len(names) and all(pieces[1:-1]):
            found.append((pieces, names, entry.msgid))
    return sorted(found, key=lambda each: -sum(map(len, each[0])))


def _between(text: str, pieces: list[str]) -> list[str] | None:
    """What stands between the pieces, each found as early as it can be; None where they are not all of the rest."""
    first, *inner, last = pieces
    if not (text.startswith(first) and text.endswith(last)) or len(text) < len(first) + len(last):
        return None
    rest = text[len(first) : len(text) - len(last)]
    values = []
    for piece in inner:
        value, found, rest = rest.partition(piece)
        if not found:
            return None
        values.append(value)
    values.append(rest)
    return values if all(any(map(str.isalnum, value)) for value in values) else None


def N_(message: str) -> str:  # noqa: N802 - the name that tools look for
    """The same message, marked for translation: where it is shown, ``_`` looks it up."""
    return message
