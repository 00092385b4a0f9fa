"""Standard output and errors that take any text, and what a locale of bare ASCII would make of files.

Called first in every program: before that, a terminal in ASCII costs a traceback for each sign it does not know, and a
standard stream that the caller has closed gives its number to the next file opened, which then gets what is printed.
"""

import atexit
import codecs
import gc
import locale
import logging
import os
import sys
from io import TextIOWrapper
from typing import TextIO

ENCODINGS = ("ascii", "utf-8")  # of a locale: the first is none to work in, the second is what takes its place


def settle() -> None:
    """Has the process write any text; starts it anew in Python's UTF-8 mode where the locale is ASCII."""
    if codecs.lookup(locale.getencoding()).name == ENCODINGS[0] and not sys.flags.utf8_mode:
        os.environ["PYTHONUTF8"] = "1"  # which is how Python 3.15 starts by itself; Ray's processes inherit it
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # these very arguments
    atexit.register(gc.freeze)  # else all that was imported is looked through for garbage at the very end
    logging.raiseExceptions = False  # a line that a full or broken output cannot take is lost, without a traceback
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _nowhere(number))
        elif isinstance(stream, TextIOWrapper) and number and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _nowhere(number: int) -> TextIO:
    """A standard stream that was closed, as one that swallows what is written and has nothing to read."""
    mode = os.O_WRONLY if number else os.O_RDONLY
    handle = os.open(os.devnull, mode)
    if handle != number and not _is_open(number):
        os.dup2(handle, number)
        os.close(handle)
        handle = number
    return os.fdopen(handle, "w" if number else "r", encoding=ENCODINGS[1])


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
