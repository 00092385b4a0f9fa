"""The language that the report and the site's refusals speak: English sentences are keys, a catalogue has the others.

``_("{first} is {points} points better", first=label, points="1.2")`` translates, then fills in what is in braces: a
sentence stays whole, so that another language may order it anew. ``ngettext("{n} run", "{n} runs", 3)`` counts.
``N_("loss")`` marks a text that is looked up later, by ``_(text)``. In the page's template all three are known.

The catalogues are locale/<language>/LC_MESSAGES/fedsky.po; what is compiled of them stays in memory. After a change:

    pybabel extract -F pyproject.toml -o fedsky.pot --add-location file --ignore-dirs "frontend .*" fedsky
    pybabel update -D fedsky -i fedsky.pot -d fedsky/locale --no-fuzzy-matching --omit-header
"""

import gettext
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import polib

LOCALE = Path(__file__).with_name("locale")
ENGLISH = "en"
LANGUAGES = (ENGLISH, *sorted(path.name for path in LOCALE.iterdir() if path.is_dir()))
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


def N_(message: str) -> str:  # noqa: N802 - the name that tools look for
    """The same message, marked for translation: where it is shown, ``_`` looks it up."""
    return message
