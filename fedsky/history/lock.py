"""One writer a folder: who writes a run or a sweep holds its folder's lock, and everybody can see whether one does.

The lock is the kernel's (flock) on the file ``.lock`` in the folder. So one alone of two that begin in the same moment
gets it, a process that is stopped (SIGSTOP) keeps it, and it ends with its process, however that ends: neither a number
that another process has got since nor a restart of the machine can be taken for a writer. The file says who holds it,
and is removed with an orderly end.

Two things the kernel here cannot know: whether a process of another machine still lives that left its file in a shared
folder, and, on a file system without locks, whether anyone does. Then the file itself counts until a person removes it.
"""

import atexit
import errno
import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fedsky.machine import interrupt

NAME = ".lock"
PATIENCE_SECONDS = 0.5  # for those who only look, and hold the lock for an instant
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # what file systems without locks answer
LONGEST = 4096  # bytes of a lock file that are read

_held: dict[Path, tuple[int, int]] = {}  # of this process: the descriptor, and how many ask for it


class HeldError(ValueError):
    """Another process writes there, or may."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Makes this process the only writer of a folder, which is made where it is missing; HeldError if one is there.

    A process may hold a folder more than once: the last to let go frees it.
    """
    take(folder)
    try:
        yield
    finally:
        release(folder)


def take(folder: Path) -> None:
    """As ``hold``, until ``release``."""
    key = folder.resolve()
    if key in _held:
        handle, count = _held[key]
        _held[key] = handle, count + 1
        return
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        handle, is_new = _open(folder / NAME)
        try:
            if _seize(handle, folder, is_new):
                break
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    _held[key] = handle, 1


def release(folder: Path) -> None:
    """Lets go of a folder that this process holds; of another one, does nothing."""
    key = folder.resolve()
    if key not in _held:
        return
    handle, count = _held[key]
    if count > 1:
        _held[key] = handle, count - 1
        return
    del _held[key]
    with suppress(OSError):  # a file that stays is nobody's, as its lock goes with the descriptor
        (folder / NAME).unlink()
    os.close(handle)


def is_held(folder: Path) -> bool | None:
    """Whether a process writes there; None where this machine cannot tell, or the folder was written without a lock."""
    try:
        handle = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    else:
        return False if _is_here(_read(handle)) and _is_at(handle, folder / NAME) else None
    finally:
        os.close(handle)


def release_all() -> None:
    """Lets go of every folder, as this process is about to end."""
    for folder, (handle, _) in list(_held.items()):
        _held[folder] = handle, 1
        release(folder)


interrupt.before_leaving(release_all)
atexit.register(release_all)


def _open(path: Path) -> tuple[int, bool]:
    """The lock file, and whether it is new."""
    while True:
        with suppress(FileExistsError):
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644), True
        with suppress(FileNotFoundError):  # its holder ended meanwhile
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK), False


def _seize(handle: int, folder: Path, is_new: bool) -> bool:
    """Locks an open lock file and writes who holds it; False where the file was removed meanwhile."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > end:
                raise HeldError(f"{_told(folder, handle)} writes there: wait for its end, or end it first") from None
            time.sleep(0.02)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            if not is_new:
                raise _unsure(folder, handle, "this file system has no locks by which to see") from error
            break
    if not _is_at(handle, folder / NAME):
        return False
    if not is_new and not _is_here(_read(handle)):
        raise _unsure(folder, handle, "this machine cannot see")
    about = {"host": socket.gethostname(), "pid": os.getpid(), "boot": _boot(), "since": _now()}
    os.ftruncate(handle, 0)
    os.pwrite(handle, (json.dumps(about) + "\n").encode(), 0)
    return True


def _unsure(folder: Path, handle: int, why: str) -> HeldError:
    told = f"{_told(folder, handle)} began to write there, and {why} whether it still does"
    return HeldError(f"{told}: if it does not, remove {folder / NAME}")


def _told(folder: Path, handle: int) -> str:
    """Who holds a folder and since when, as a sentence begins; the file may be anyone's."""
    about = _read(handle)
    pid, host, since = (_plain(about.get(key)) for key in ("pid", "host", "since"))
    where = "this machine" if _is_here(about) else host
    return f"{folder}: process {pid} on {where}" + f", since {since}," * bool(since)


def _plain(value: Any) -> str:
    return "".join(sign for sign in str("" if value is None else value) if sign.isprintable())[:80]


def _read(handle: int) -> dict[str, Any]:
    try:
        about = json.loads(os.pread(handle, LONGEST, 0))
    except (ValueError, OSError, RecursionError):  # not written yet, or cut by a power cut
        return {}
    return about if isinstance(about, dict) else {}


def _is_here(about: dict[str, Any]) -> bool:
    """Whether a lock is of this machine, whose kernel tells the truth on it: of its name, or of its present start.

    Containers of one machine have names of their own and share its start; a machine keeps its name over restarts.
    """
    if not about:
        return True
    return about.get("host") == socket.gethostname() or (about.get("boot") is not None and about["boot"] == _boot())


def _boot() -> str | None:
    """What identifies the present start of the kernel; None where it does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    except OSError:
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
