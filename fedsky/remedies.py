"""What the operating system refuses, in one line: what it was about, what is wrong, and what a person can do."""

import errno
import os
import pwd
from pathlib import Path

ELSEWHERE = "name another place, of a run by hydra.run.dir=FOLDER"
_REMEDIES = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there",
    errno.EFBIG: "raise the limit on a file's size (ulimit -f)",
    errno.EROFS: ELSEWHERE,
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "raise the machine's limit on open files (fs.file-max)",
    errno.ENAMETOOLONG: "choose a shorter name, 255 bytes at most",
    errno.ELOOP: "mend the links, which point at each other",
}


def told(error: OSError) -> str:
    """One line for an error of the system: the file, the reason, the remedy."""
    if error.errno is None or error.strerror is None:
        return " ".join(str(error).split()) or type(error).__name__
    if error.filename is None:
        where = ""
    else:
        path = os.fsdecode(error.filename) if not isinstance(error.filename, int) else f"file {error.filename}"
        if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EACCES, errno.EPERM) and (found := obstacle(Path(path))):
            return found
        where = f"{shortened(path)}: "
    remedy = _REMEDIES.get(error.errno)
    return f"{where}{error.strerror}" + (f": {remedy}" if remedy else "")


def obstacle(path: Path) -> str | None:
    """What keeps ``path`` from being made or opened: a file or a broken link above it, or a folder that is not ours."""
    for place in reversed([path, *path.parents]):
        if place.is_symlink() and not place.exists():
            return f"{place} is a link to {os.readlink(place)}, which does not exist: remove the link, or {ELSEWHERE}"
        if place != path and place.exists() and not place.is_dir():
            return f"{place} is a file where a folder is needed: remove it, or {ELSEWHERE}"
        if place.is_dir() and not os.access(place, os.X_OK):
            return f"{place} is closed to {_me()}: ask {_owner(place)}, or {ELSEWHERE}"
    if os.path.lexists(path) and not path.is_dir():
        return None if os.access(path, os.R_OK) else f"{path} is not readable by {_me()}: ask {_owner(path)}"
    parent = next((place for place in path.parents if place.is_dir()), Path())
    for place in (path, parent):
        if place.is_dir() and not os.access(place, os.W_OK):
            return f"{place} is not writable by {_me()}: ask {_owner(place)}, or {ELSEWHERE}"
    return None


def shortened(path: str, longest: int = 120) -> str:
    """A path that fits a line: of a long one the beginning and the end."""
    return path if len(path) <= longest else f"{path[: longest // 2]}...{path[-longest // 4 :]}"


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
