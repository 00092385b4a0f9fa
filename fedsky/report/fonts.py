"""Which fonts of this machine have the characters of a name, and numbers for the characters that none has.

Within ``spelling`` a figure's texts go through ``spelled``: characters that the usual fonts lack are looked for in all
fonts of the machine, those installed after matplotlib made its list included. What no font has, and would be drawn as
identical boxes, becomes [1], [2] ...; ``Spelling.legend`` says which is which, for a page or a terminal to show.
"""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache

import matplotlib
from matplotlib import font_manager
from matplotlib.font_manager import FontProperties, fontManager

from fedsky.language import _

LATIN = "DejaVu Sans"  # comes with matplotlib
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Noto Sans CJK JP",
)
PACKAGE = "fonts-noto-cjk"  # of Debian and Ubuntu, for Chinese, Japanese and Korean
BOXES = ("Last Resort", ".LastResort")  # fonts that have every character, as a box


@dataclass
class Spelling:
    """What figures of one page have in place of characters that no font has: a number for each run of them."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, run: str) -> str:
        """What stands for a run of characters."""
        return f"[{self.numbers.setdefault(run, len(self.numbers) + 1)}]"

    @property
    def legend(self) -> str:
        """One sentence with the meaning of every number and what to install; empty where nothing is missing."""
        if not self.numbers:
            return ""
        listed = ", ".join(f"[{number}] {run}" for run, number in self.numbers.items())
        return _(
            "No font here has the characters of some names, and figures have numbers for them: {listed}. Install "
            "a font with them, for Chinese the package {package}, and draw anew.",
            listed=listed,
            package=PACKAGE,
        )


_current: ContextVar[Spelling | None] = ContextVar("spelling", default=None)


@contextmanager
def spelling(used: Spelling | None = None) -> Iterator[Spelling]:
    """Within it ``spelled`` adds to matplotlib's fonts and numbers what they lack; the fonts are put back."""
    used = Spelling() if used is None else used
    token = _current.set(used)
    try:
        with matplotlib.rc_context({"font.family": usual()}):
            yield used
    finally:
        _current.reset(token)


def usual() -> list[str]:
    """The fonts of every figure: a Latin one, and one with Chinese characters where there is one."""
    chinese = chinese_font()
    return [LATIN, *([chinese] if chinese else [])]


def chinese_font() -> str | None:
    """A font of this machine with Chinese characters; None without one."""
    for name in CHINESE:  # of which some look better than what happens to have a character
        if has(name, "中"):
            return name
    return find("中")


def spelled(text: str) -> str:
    """The text as the fonts of this machine can draw it; outside of ``spelling`` the text itself."""
    used = _current.get()
    if used is None or text.isascii():
        return text
    families = matplotlib.rcParams["font.family"]
    lacking: set[str] = set()
    for character in sorted(set(text)):
        if not _is_drawn(character) or any(has(family, character) for family in families):
            continue
        if (found := find(character)) is None:
            lacking.add(character)
        else:
            families = matplotlib.rcParams["font.family"] = [*families, found]
    if not lacking:
        return text
    runs = "[" + re.escape("".join(sorted(lacking))) + "]+"
    return re.sub(runs, lambda match: used.number(match[0]), text)


def of(text: str) -> str:
    """The first of the fonts in use that has all characters of a text, else the Latin one."""
    wanted = [character for character in set(text) if _is_drawn(character)]
    families = matplotlib.rcParams["font.family"]
    return next((family for family in families if all(has(family, each) for each in wanted)), LATIN)


def file_of(family: str) -> str:
    """The file of a font, bold as ``DejaVu Sans:bold``; ValueError where it is not there."""
    name, __, weight = family.partition(":")
    wanted = FontProperties(family=[name], weight=weight or "normal")
    return str(fontManager.findfont(wanted, fallback_to_default=False))


def has(family: str, character: str) -> bool:
    """Whether a font has a character."""
    return ord(character) in _characters(family)


@cache
def _characters(family: str) -> frozenset[int]:
    try:
        return frozenset(font_manager.get_font(file_of(family)).get_charmap())
    except (ValueError, OSError, RuntimeError):  # it has gone since matplotlib made its list, or cannot be read
        return frozenset()


@cache
def find(character: str) -> str | None:
    """A font of this machine that has a character; None where none has."""
    _take_in_new()
    families = sorted({entry.name for entry in fontManager.ttflist if not entry.name.startswith(BOXES)})
    return next((family for family in families if has(family, character)), None)


@cache
def _take_in_new() -> None:
    """Tells matplotlib of fonts that were installed after it made its list."""
    known = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError):  # no font that it can read
            continue


def _is_drawn(character: str) -> bool:
    """Whether a character has a shape of its own, unlike spaces, controls and marks on others."""
    return unicodedata.category(character)[0] not in "CZM"
