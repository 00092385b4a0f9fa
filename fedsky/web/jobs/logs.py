"""A job's output, read by cursor, without the paths of this machine."""

from pathlib import Path

from fedsky.web.places import LONGEST, Places

PIECE = 65_536  # bytes that are read at once
MARGIN = 2 * LONGEST  # bytes on either side, so that a path is seen whole wherever a piece begins or ends


def read_log(path: Path, after: int, over: bool, places: Places) -> tuple[str, int, bool]:
    """The text after so many bytes, the bytes up to its end, and whether that is the log's end.

    While the job runs, whole lines are given; a line as long as a piece is cut. A path belongs to the piece in which
    it begins.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = min(after, size)
            before = min(start, MARGIN)
            file.seek(start - before)
            window = file.read(before + PIECE + MARGIN)
    except OSError:
        return "", after, True
    end = min(before + PIECE, len(window))
    if start - before + end < size or not over:
        whole = window.rfind(b"\n", before, end) + 1
        if whole or end - before < PIECE:
            end = max(whole, before)
    text, end = _without_paths(window, before, end, places)
    shown = "".join(c for c in text.decode("utf-8", "replace") if c.isprintable() or c in "\n\t")
    return shown, start - before + end, start - before + end >= size


def _without_paths(window: bytes, begin: int, end: int, places: Places) -> tuple[bytes, int]:
    """What stands from ``begin`` to ``end`` without paths, and the end: that of a path which begins there."""
    parts, done = [], begin
    for first, last, name in places.found(window):
        if last <= begin:
            continue
        if first >= end:
            break
        if first >= begin:
            parts += [window[done:first], name]
        done = last
    parts.append(window[done:end])
    return b"".join(parts), max(end, done)
