"""What is kept: pictures that are what they seem, under a folder a label, and their manifest."""

import csv
import fcntl
import hashlib
import io
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from PIL import Image, UnidentifiedImageError

from fedsky.data import table as tables
from fedsky.data.manifest import OWNER
from fedsky.data.picture import FAULTS, quiet
from fedsky.history import write_whole
from fedsky.photographs.collect.fetch import Refusal
from fedsky.photographs.collect.sources import Candidate

COLUMNS = (
    "file",
    "label",
    "source",
    "id",
    "page",
    "author",
    "licence",
    "licence_url",
    "title",
    "url",
    "sha256",
    "width",
    "height",
    "query",
    "collected",
)
SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp"}  # MPO: a JPEG with a second one behind it
MIN_SIDE = 64  # pixels
MAX_PIXELS = 50_000_000
MAX_JPEG_PIXELS = 250_000_000  # which are decoded at an eighth, but for progressive ones
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_OURS = re.compile(r"[0-9a-f]{16}\.(jpg|png|webp)")
_DRAFT = re.compile(r"\.[0-9a-f]{16}\.(jpg|png|webp)\..+")


def inspect(content: bytes) -> tuple[str, int, int]:
    """The suffix, width and height of a picture's bytes, wholly decoded once; Refusal if it is none that is wanted."""
    try:
        with quiet(MAX_JPEG_PIXELS), Image.open(io.BytesIO(content), formats=["JPEG", "PNG", "WEBP"]) as image:
            width, height = image.size
            can_be_reduced = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
            if width * height > (MAX_JPEG_PIXELS if can_be_reduced else MAX_PIXELS):
                raise Refusal("too many pixels")
            if min(width, height) < MIN_SIDE:
                raise Refusal("too small")
            if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
                raise Refusal("animated")
            if width * height > MAX_PIXELS:
                image.draft("RGB", (width // 8, height // 8))
            image.load()
            return SUFFIXES[str(image.format)], width, height
    except Image.DecompressionBombError as error:
        raise Refusal("too many pixels") from error
    except UnidentifiedImageError as error:
        raise Refusal("no JPEG, PNG or WebP") from error
    except (OSError, MemoryError, *FAULTS) as error:
        raise Refusal("broken") from error


def check_label(label: str) -> None:
    """Raises ValueError for what is not a plain folder name, or what a spreadsheet would calculate."""
    if (
        not label
        or label != label.strip()
        or label[0] in ".=+-@"
        or set(label) & set('/\\:,"')
        or not label.isprintable()
        or len(label.encode("utf-8", "replace")) > 100
    ):
        raise ValueError(f"--label {label!r} is not a plain folder name: letters and digits are needed, such as sunny")


def cell(text: str, most: int = 4000) -> str:
    """A text of strangers as one line that a spreadsheet takes for text, ``most`` characters of it."""
    safe = text.encode("utf-8", "replace").decode("utf-8")
    line = " ".join("".join(c if c.isprintable() else " " for c in safe).split())[:most]
    return f"'{line}" if line[:1] in tuple("=+-@") else line


def _line(cells: Sequence[Any]) -> str:
    """A line of the manifest."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _place(row: dict[str, Any]) -> tuple[str, str]:
    """The label and the owner of a row."""
    return row["label"], row.get(OWNER, "").strip()


class Shelf:
    """The folder of a collection, open for one command at a time; its manifest grows row by row.

    A picture's file is there, whole, before its row is. A command killed in between leaves a file without a row; the
    same command started again finds the picture anew and adds the row.
    """

    def __init__(self, out: Path, label: str, source: str, query: str, owner: str = "") -> None:
        check_label(label)
        self.owner = owner
        self.out, self.label, self.source, self.query = out, label, source, cell(query)
        self.folder, self.manifest, self.lock = out / label, out / "manifest.csv", out / ".collect.lock"
        self.header: list[str] = [*COLUMNS, *([OWNER] if owner else [])]
        self.rows: list[dict[str, Any]] = []

    def __enter__(self) -> "Shelf":
        self.made = not self.out.exists()
        self.out.mkdir(parents=True, exist_ok=True)
        self.hold = self.lock.open("w")
        try:
            fcntl.flock(self.hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.manifest.exists():
                self._read()
            for path in self.folder.iterdir() if self.folder.is_dir() else ():
                if _DRAFT.fullmatch(path.name):
                    path.unlink()  # of a command that was killed
        except BlockingIOError:
            self.hold.close()
            raise ValueError(f"another collect is at work in {self.out}: wait for it or name another folder") from None
        except BaseException:
            self.hold.close()
            raise
        self.hashes = {row["sha256"]: _place(row) for row in self.rows}
        self.known = {(row["source"], row["id"]): _place(row) for row in self.rows}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.made and [path.name for path in self.out.iterdir()] == [self.lock.name]:
            self.lock.unlink()  # nothing was kept, so nothing is left behind
            self.out.rmdir()
        self.hold.close()

    def _read(self) -> None:
        content = self.manifest.read_bytes()
        before, newline, last = content.rpartition(b"\n")
        head = content.partition(b"\n")[0].decode("utf-8-sig", "replace")
        # With commas in UTF-8, and not as a spreadsheet may have written it anew.
        is_ours = "\0" not in head and tables.separator(head) == "," and not head.lower().startswith("sep=")
        if is_ours and newline and last and not self._is_row(before, last):
            # It was being written when the machine stopped; its picture will be met again.
            content, last = before + newline, b""
        table = tables.parse(tables.decoded(content, self.manifest), self.manifest, (), (*COLUMNS, OWNER))
        self.header = list(table.columns)
        if missing := [name for name in COLUMNS if name not in self.header]:
            raise ValueError(
                f"{self.manifest} is not a collection's (no column {missing[0]}): collect into another folder"
            )
        self.rows = [line.cells for line in table.lines]
        self._check_owner()
        if new := bool(self.owner and not self.rows and OWNER not in self.header):
            self.header.append(OWNER)
        if new or not is_ours:
            write_whole(self.manifest, (_line(self.header) + "".join(map(self._row, self.rows))).encode())
        elif content != self.manifest.read_bytes() or last:
            write_whole(self.manifest, content + b"\n" * bool(last))

    def _check_owner(self) -> None:
        """Raises ValueError where some pictures would have an owner and others none, which no training takes."""
        owned = sum(bool(row.get(OWNER, "").strip()) for row in self.rows)
        if self.owner and owned < len(self.rows):
            raise ValueError(
                f"--owner {self.owner}: {len(self.rows) - owned} pictures of {self.out} have none: fill in the column "
                f"{OWNER} of {self.manifest} for all, or collect into another folder"
            )
        if owned and not self.owner:
            raise ValueError(f"the pictures of {self.out} have owners: say whose these are with --owner NAME")

    def _row(self, row: dict[str, Any]) -> str:
        return _line([row[name] for name in self.header])

    @staticmethod
    def _is_row(before: bytes, last: bytes) -> bool:
        header = next(csv.reader([before.partition(b"\n")[0].decode("utf-8-sig", "replace")]), [])
        row = next(csv.DictReader([last.decode("utf-8", "replace")], header), {})
        return None not in row.values() and bool(_DATE.fullmatch(row.get("collected") or ""))

    def num_kept(self) -> int:
        """How many pictures of this label, source, query and owner are there."""
        wanted = (self.label, self.owner, self.source, self.query)
        return sum(
            (*_place(row), row["source"], row["query"]) == wanted and (self.out / row["file"]).is_file()
            for row in self.rows
        )

    def num_without_row(self) -> int:
        """How many files there are under this label that carry a name of ours and that no row names."""
        named = {row["file"] for row in self.rows}
        return sum(
            bool(_OURS.fullmatch(path.name)) and f"{self.label}/{path.name}" not in named
            for path in (self.folder.iterdir() if self.folder.is_dir() else ())
        )

    def has(self, candidate: Candidate) -> bool:
        """Whether the manifest has it, also where its file has been removed since; Refusal if it is kept elsewhere."""
        place = self.known.get((candidate.source, cell(candidate.id or candidate.url)))
        if place is not None and place != (self.label, self.owner):
            raise Refusal(self._elsewhere(place))
        return place is not None

    def _elsewhere(self, place: tuple[str, str]) -> str:
        label, owner = place
        return f"kept under {label}" + (f" for {owner}" if owner != self.owner else "")

    def keep(self, candidate: Candidate, content: bytes) -> None:
        """Writes the bytes as they came, then their row; Refusal if they are not wanted or there already."""
        suffix, width, height = inspect(content)
        digest = hashlib.sha256(content).hexdigest()
        if digest in self.hashes:
            place = self.hashes[digest]
            raise Refusal("duplicate" if place == (self.label, self.owner) else self._elsewhere(place))
        path = self.folder / f"{digest[:16]}{suffix}"
        if not path.exists():
            write_whole(path, content)
        elif path.read_bytes() != content:
            raise Refusal("another file has its name")
        row: dict[str, Any] = {
            "file": f"{self.label}/{path.name}",
            "label": self.label,
            "source": candidate.source,
            "id": cell(candidate.id or candidate.url),
            "page": cell(candidate.page),
            "author": cell(candidate.author, 500),
            "licence": cell(candidate.licence),
            "licence_url": cell(candidate.licence_url),
            "title": cell(candidate.title, 500),
            "url": cell(candidate.url),
            "sha256": digest,
            "width": width,
            "height": height,
            "query": self.query,
            "collected": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            OWNER: self.owner,
        }
        if not self.manifest.exists():
            write_whole(self.manifest, _line(self.header).encode())
        with self.manifest.open("ab", buffering=0) as file:
            file.write(_line([row.get(name, "") for name in self.header]).encode())
            os.fsync(file.fileno())
        self.rows.append(row)
        self.hashes[digest] = self.known[candidate.source, row["id"]] = _place(row)
