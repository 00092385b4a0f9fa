"""Names of accounts: which can be read and typed, and which look alike (Unicode TR 39, by confusable_homoglyphs)."""

import re
import unicodedata
from functools import lru_cache

from confusable_homoglyphs.categories import unique_aliases
from confusable_homoglyphs.confusables import confusables_data

from fedsky.language import _
from fedsky.web.problems import Problem

# Letters and digits of any script, but for the fillers of Hangul, which are letters that nobody sees.
NAME = re.compile("(?:(?![\u115f\u1160\u3164\uffa0])[\\w.-]){2,32}")
# Scripts that are written together, besides signs that belong to all (TR 39, "highly restrictive").
TOGETHER = ({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}, {"LATIN", "HAN", "BOPOMOFO"}, {"LATIN", "HAN", "HANGUL"})
OF_ALL = {"COMMON", "INHERITED"}


def check_name(name: str) -> str:
    """The name as kept, in NFKC; Problem 422 for one that could not be read or typed."""
    name = unicodedata.normalize("NFKC", name).strip()
    if not NAME.fullmatch(name):
        raise Problem(422, _("A name has 2 to 32 letters, digits, dots, hyphens or underscores."), field="name")
    scripts = unique_aliases(name) - OF_ALL
    if len(scripts) > 1 and not any(scripts <= together for together in TOGETHER):
        raise Problem(422, _("A name has letters of one script: these are of several that look alike."), field="name")
    return name


def key_of(name: str) -> str:
    """The name as compared."""
    return unicodedata.normalize("NFKC", name).strip().casefold()[:64]


@lru_cache(maxsize=65_536)
def looks_of(name: str) -> str:
    """What names that look alike share: each letter in the place of all that look like it, small and large ones too."""
    shown = "".join(_prototype(letter) for letter in unicodedata.normalize("NFKC", name).strip())
    return "".join(_prototype(letter) for letter in shown.casefold())


@lru_cache(maxsize=16_384)
def _prototype(letter: str) -> str:
    """The first, in Unicode's order, of the letters and pairs of letters that look like this one."""
    found, waiting = {letter}, [letter]
    while waiting:
        for other in confusables_data.get(waiting.pop(), ()):
            if (text := other["c"]) not in found:
                found.add(text)
                waiting.append(text)
    plain = [text for text in found if text.isascii() and text.isalnum()]
    return min(plain or found, key=lambda text: (-len(text), text))
