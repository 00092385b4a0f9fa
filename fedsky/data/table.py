"""The one reader of tables that people edit: manifests, reviews, lists of addresses, as spreadsheets write them.

Commas, semicolons or tabs; UTF-8 or UTF-16; heads in any case with spaces around them; Excel's first line ``sep=;``;
empty lines and columns at the end. What a cell holds stays as it is.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Line:
    """A line of a table: its number in the file, and the cell of every column."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """The columns of a table, each once, and its lines."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def read(path: Path, needed: Sequence[str], known: Sequence[str] = ()) -> Table:
    """The table of a file; ValueError with its line where the columns needed are not there or a line does not fit.

    A head that is one of ``needed`` or ``known`` but for its case is taken for it; any other stays as it is written.
    """
    return parse(decoded(path.read_bytes(), path), path, needed, known)


def parse(text: str, path: Path, needed: Sequence[str], known: Sequence[str] = ()) -> Table:
    """``read`` of a text that a file held."""
    number = 1
    if text[:4].lower() == "sep=" and text[5:6] in ("\r", "\n"):
        text, number = text.split("\n", 1)[1] if "\n" in text else "", 2
    delimiter = separator(text)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        head = [cell.strip() for cell in next(reader, [])]
        while head and not head[-1]:
            head.pop()
        words = {word.lower(): word for word in (*needed, *known)}
        columns = [words.get(name.lower(), name) for name in head]
        for column in needed:
            if column not in columns:
                raise ValueError(
                    f"{path} has no column {column}: name the columns {', '.join(needed)} in its first line"
                )
        if twice := sorted({name for name in columns if columns.count(name) > 1}):
            raise ValueError(f"{path} names the column {twice[0]!r} twice: name each once")
        lines = []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            place = number - 1 + reader.line_num
            if any(cell.strip() for cell in row[len(columns) :]):
                raise ValueError(
                    f"{path} line {place}: {len(columns)} fields are needed, as in its first line: put a field with "
                    f"{'a tab' if delimiter == chr(9) else delimiter} in it between quotation marks"
                )
            row += [""] * (len(columns) - len(row))  # spreadsheets leave out empty cells at a line's end
            lines.append(Line(place, dict(zip(columns, row, strict=False))))
    except csv.Error as error:
        raise ValueError(f"{path} is not a CSV ({error}): save it anew as CSV in UTF-8") from error
    return Table(tuple(columns), tuple(lines))


def decoded(content: bytes, path: Path) -> str:
    """The text of a file's bytes in UTF-8, or in UTF-16 with or without its mark; ValueError otherwise."""
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16")
        if content[1:2] == b"\0" or content[:1] == b"\0":  # UTF-16 without its mark: the heads are Latin letters
            return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not text in UTF-8 or UTF-16 ({error}): in the spreadsheet, save it anew as CSV UTF-8"
        ) from error


def separator(text: str) -> str:
    """What stands between the heads: the sign that is most often outside quotation marks in the first line."""
    first = "".join(text.split("\n", 1)[0].split('"')[::2])
    return max(DELIMITERS, key=first.count)
