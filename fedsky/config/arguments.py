"""What a person types after a command, made into what Hydra's grammar reads, with the meaning that it has at sight.

``KEY=VALUE`` with a value outside of the grammar (``data.root=~/photos``, ``name=日本``, a path with spaces, ``=``,
``(`` or ``#``) is that very text, so it is quoted here. What could be meant as more than a text is left to Hydra and
refused: brackets, quotes and calls of Hydra's functions that do not close. Names and folders stay what was typed:
``name=1e3`` is not a number.
"""

import re
import shlex
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import NoReturn

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

NAMES = ("name", "client_names")
FOLDERS = (
    "data.root",
    "data.manifest",
    "data.cache",
    "model.init",
    "tracking.log_dir",
    "hydra.run.dir",
    "hydra.sweep.dir",
)
_PLAIN = re.compile(r"[\w./-]*", re.ASCII)
_WORD = re.compile(r"(\+{0,2}([A-Za-z_$][\w$./@-]*)=)(.*)", re.DOTALL)
_NAMELESS = re.compile(r"(\+{0,2}|~)=")
_OPENING, _CLOSING = "([{", ")]}"


def command_line(words: Iterable[str]) -> list[str]:
    """A command line as typed or, where options stand among its settings, with them behind; ValueError as below."""
    line = readable(words)
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]  # which would print a page
    with suppress(ValueError):
        parser.parse_args(line)
        return line
    parts: tuple[list[str], list[str]] = ([], [])
    for word in line:
        parts[not (word.startswith("~") or _WORD.fullmatch(word))].append(word)
    line = [*parts[0], *parts[1]]
    parser.parse_args(line)
    return line


def _refuse(message: str) -> NoReturn:
    raise ValueError(f"{message}: --help and --hydra-help tell of what there is")


def readable(words: Iterable[str]) -> list[str]:
    """The words of a command line as Hydra reads them; ValueError for one that is not text or names no setting."""
    return [_readable(word) for word in words]


def shell_word(key: str, text: str) -> str:
    """``key=text`` as it is typed in a shell for the value to be this text, whatever is in it."""
    return shlex.quote(key + "=" + QuotedString(text, Quote.double).with_quotes())


def split(word: str) -> tuple[str, str]:
    """Key, with its + and ~, and value of a word."""
    key, _, value = word.partition("=")
    return key, value


def _readable(word: str) -> str:
    try:
        word.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{word.encode(errors='backslashreplace').decode()} is not UTF-8: rename what it names"
        ) from None
    if _NAMELESS.match(word):
        raise ValueError(f"{word} names no setting: write KEY=VALUE")
    found = _WORD.fullmatch(word)
    if found is None:
        return word
    head, key, value = found.groups()
    if key not in (*NAMES, *FOLDERS) and _PLAIN.fullmatch(value):
        return word
    if key == "name" and not value.isprintable():
        raise ValueError(f"name={value!r}: a name without line breaks and other control characters is needed")
    mended = head + _several(value, key)
    return mended if mended != word and _takes(mended) else word


def _several(value: str, key: str, of_list: bool = False) -> str:
    return ",".join(_one(piece, key, of_list) for piece in _pieces(value))


def _one(piece: str, key: str, of_list: bool) -> str:
    """One value of those that a comma parts."""
    text = piece.strip(" \t")
    if text.startswith("[") and text.endswith("]"):
        return f"[{_several(text[1:-1], key, True)}]"
    if not text or _opens(text):
        return piece
    if not _takes(f"key={text}"):
        return _quoted(text)
    value = _parser().parse_rule(text, "element")
    if isinstance(value, bool) or value is None:  # which no folder is called, and client_names=null are none
        return _quoted(text) if key == "name" or (of_list and key in NAMES) else piece
    return _quoted(text) if isinstance(value, int | float) and key in (*NAMES, *FOLDERS) else piece


def _opens(text: str) -> bool:
    """Whether a text begins as a quoted one, a list, a mapping or a call does."""
    call = re.match(r"(\w+)\s*\(", text)
    return text[0] in "'\"[{" or (call is not None and call[1] in _parser().functions.functions)


def _quoted(text: str) -> str:
    return QuotedString(text, Quote.single).with_quotes()


def _pieces(value: str) -> list[str]:
    """A value cut at the commas that stand in no brackets and no quotes."""
    pieces, depth, quote = [""], 0, ""
    for place, sign in enumerate(value):
        if quote:
            quote = "" if sign == quote and value[place - 1] != "\\" else quote
        elif sign in "'\"" and not pieces[-1].strip():
            quote = sign
        depth += (sign in _OPENING) - (sign in _CLOSING) if not quote else 0
        if sign == "," and depth <= 0 and not quote:
            pieces.append("")
        else:
            pieces[-1] += sign
    return pieces


def _takes(word: str) -> bool:
    """Whether Hydra's grammar reads a word to its end."""
    try:
        _parser().parse_override(word)
    except HydraException:
        return False
    return True


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()
