"""What the operating system refuses, in one line: what it was about, what is wrong, and what a person can do."""

import errno
import os
import pwd
from pathlib import Path

ELSEWHERE = "name another place, of a run by hydra.run.dir=FOLDER"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REMEDIES = {
    errno.EFBIG: "raise the limit on a file's size (ulimit -f)",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "raise the machine's limit on open files (fs.file-max)",
    errno.ENAMETOOLONG: "choose a shorter name, 255 bytes at most",
    errno.ELOOP: "mend the links, which point at each other",
}


def told(error: OSError, elsewhere: str = ELSEWHERE) -> str:
    """One line for an error of the system: the file, the reason, the remedy. ``elsewhere`` is how to name another."""
    if error.errno is None or error.strerror is None:
        return " ".join(str(error).split()) or type(error).__name__
    if error.filename is None:
        where = ""
    else:
        path = os.fsdecode(error.filename) if not isinstance(error.filename, int) else f"file {error.filename}"
        if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EACCES, errno.EPERM) and (
            found := obstacle(Path(path), elsewhere)
        ):
            return found
        where = f"{_shortened(path)}: "
    remedy = _REMEDIES.get(error.errno)
    if where and error.errno in (*_FULL, errno.EROFS):
        remedy = f"make room there, or {elsewhere}" if error.errno in _FULL else elsewhere
    return f"{where}{error.strerror}" + (f": {remedy}" if remedy else "")


def obstacle(path: Path, elsewhere: str = ELSEWHERE) -> str | None:
    """What keeps ``path`` from being made or opened: a file or a broken link above it, or a folder that is not ours."""
    for place in reversed([path, *path.parents]):
        if place.is_symlink() and not place.exists():
            return f"{place} is a link to {os.readlink(place)}, which does not exist: remove the link, or {elsewhere}"
        if place != path and place.exists() and not place.is_dir():
            return f"{place} is a file where a folder is needed: remove it, or {elsewhere}"
        if place.is_dir() and not os.access(place, os.X_OK):
            return f"{place} is closed to {_me()}: ask {_owner(place)}, or {elsewhere}"
    if os.path.lexists(path) and not path.is_dir():
        return None if os.access(path, os.R_OK) else f"{path} is not readable by {_me()}: ask {_owner(path)}"
    parent = next((place for place in path.parents if place.is_dir()), Path())
    for place in (path, parent):
        if place.is_dir() and not os.access(place, os.W_OK):
            return f"{place} is not writable by {_me()}: ask {_owner(place)}, or {elsewhere}"
    return None


def in_full(path: str | Path) -> Path:
    """A path with the home folder in place of its ~; ValueError for a user who has none, as a container's."""
    full = os.path.expanduser(path)
    if full.startswith("~"):
        raise ValueError(f"{path}: there is no such home folder here, write the path in full")
    return Path(full)


def _shortened(path: str) -> str:
    """A path that fits a line: of a long one the beginning and the end."""
    return path if len(path) <= 120 else f"{path[:60]}...{path[-30:]}"


def _owner(path: Path) -> str:
    number = path.stat().st_uid
    return f"its owner, {_name(number)}" if number != os.getuid() else "for leave to write (chmod u+w)"


def _me() -> str:
    return _name(os.getuid())


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user
        return f"user {number}"
