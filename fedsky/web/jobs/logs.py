"""A job's output, read by cursor."""

from pathlib import Path

PIECE = 65_536  # bytes that are read at once


def read_log(path: Path, after: int, over: bool) -> tuple[str, int, bool]:
    """The text after so many bytes, the bytes up to its end, and whether that is the log's end.

    While the job runs, whole lines are given; a line as long as a piece is cut.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = min(after, size)
            file.seek(start)
            piece = file.read(PIECE)
    except OSError:
        return "", after, True
    at_end = start + len(piece) >= size
    if not (at_end and over):
        whole = piece.rfind(b"\n") + 1
        if whole or len(piece) < PIECE:
            piece = piece[:whole]
    text = "".join(c for c in piece.decode("utf-8", "replace") if c.isprintable() or c in "\n\t")
    return text, start + len(piece), at_end
