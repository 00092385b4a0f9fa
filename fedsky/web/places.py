"""The folders of this machine, and what they are called where others read of them: no answer tells where they lie.

A path below where runs are started is told as seen from there, as a command line has it; of another known place, with
the place's name; of any other, its last part alone.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from fedsky.config import CONF
from fedsky.web.jobs.command import working_folder
from fedsky.web.settings import Settings

LONGEST = 4096  # bytes of a path
TOP = "bin boot dev etc home lib media mnt opt proc root run sbin srv sys tmp usr var Users Volumes private"
HERE = "…"  # in place of the folders above a file that nothing is known of
ENDS = r"""\s'"`:;,<>()\[\]{}|*?!=\\\x00-\x1f"""  # what ends a path that is not known


class Places:
    """The places of one site. names: what each folder is called, an empty name for where runs are started."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = {path: name for path, name in names.items() if path.startswith("/") and path != "/"}
        known = sorted(self.names, key=len, reverse=True)
        top = sorted({*TOP.split(), *(name for name in os.listdir("/") if not name.startswith("."))})
        said = "".join(f"(?<!{re.escape(name)}/)" for name in {HERE, *self.names.values()} if name)  # not said again
        # Every path begins with a slash, which stands first so that it is looked for as fast as any one letter.
        source = (
            rf"/(?:(?P<known>{'|'.join(re.escape(path[1:]) for path in known) or '(?!)'})(?![\w-]|\.\w)(?P<slash>/?)"
            rf"|{said}(?:(?<![\w.]/)|(?<=[0-9]m/))(?:{'|'.join(map(re.escape, top))})/[^{ENDS}]{{0,{LONGEST}}})"
        )
        self._pattern = re.compile(os.fsencode(source))

    def hide(self, text: str) -> str:
        """A text without the machine's paths."""
        return self.hide_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def hide_bytes(self, text: bytes) -> bytes:
        """A text in UTF-8 without the machine's paths."""
        return self._pattern.sub(self._name, text)

    def found(self, text: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Where paths stand in a text, from and to, and what is said in their place."""
        for match in self._pattern.finditer(text):
            yield match.start(), match.end(), self._name(match)

    def _name(self, match: "re.Match[bytes]") -> bytes:
        known = match["known"]
        if known is None:
            return f"{HERE}/".encode() + match[0].rstrip(b"/").rpartition(b"/")[2]
        name = os.fsencode(self.names["/" + os.fsdecode(known)])
        return name + match["slash"] if name else (b"" if match["slash"] else b".")


@lru_cache(maxsize=8)
def places(settings: Settings) -> Places:
    """The places of a site."""
    named: list[tuple[Path, str]] = [
        (Path(tempfile.gettempdir()), "<tmp>"),
        (Path.home(), "~"),
        (Path(sys.base_prefix), "<python>"),
        (Path(sys.prefix), "<python>"),
        (CONF.parent, "<fedsky>"),
        *((folder, folder.resolve().name) for folder in (settings.reference, *settings.outputs)),
        *([(settings.photographs, settings.photographs.resolve().name)] if settings.photographs is not None else []),
        (settings.federation, settings.federation.resolve().name),
        (settings.data, "<data>"),
        (working_folder(settings.outputs[0]), ""),
    ]
    return Places({str(path): name for folder, name in named for path in (folder.absolute(), folder.resolve())})
