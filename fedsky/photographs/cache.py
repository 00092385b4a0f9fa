"""What ``python -m fedsky.data cache`` says and does."""

from datetime import datetime
from pathlib import Path

from fedsky.data import cache
from fedsky.data.photos import cache_folder


def report(folder: Path | None, clear: bool = False) -> str:
    """The entries of a cache, their size and last use; with ``clear`` what was removed and what is in use."""
    home = cache_folder(None if folder is None else str(folder))
    if folder is not None and not home.is_dir():
        raise ValueError(f"--folder {home} is not a folder: name the one that data.cache names")
    if clear:
        removed, kept = cache.clear(home)
        line = f"removed {_counted(removed)} from {home}"
        return line + (f", kept {_counted(kept)} in use or not yours" if kept else "")
    found = cache.entries(home)
    lines = [
        f"{size(entry.size_bytes):>9}  {datetime.fromtimestamp(entry.used):%Y-%m-%d %H:%M}  {entry.path.name}"
        f"{'  (in use)' if cache.in_use(entry.path) else ''}"
        for entry in found
    ]
    return "\n".join([*lines, f"{_counted(found)} in {home}"])


def size(num_bytes: int) -> str:
    """A size for people, in powers of 1000."""
    for unit, divisor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if num_bytes >= divisor:
            return f"{num_bytes / divisor:.1f} {unit}"
    return f"{num_bytes} B"


def _counted(found: list[cache.Entry]) -> str:
    num = len(found)
    return f"{num} entr{'y' if num == 1 else 'ies'}, {size(sum(entry.size_bytes for entry in found))},"
