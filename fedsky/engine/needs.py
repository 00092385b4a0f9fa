"""What Ray needs of the machine, looked at before it starts: its own account of a lack is late, long or none."""

import errno
import shutil
import socket
import tempfile
from pathlib import Path

from fedsky.machine import remedies

LEAST_BYTES = 50 * 10**6  # of logs and small objects
ANOTHER = "name another folder by RAY_TMPDIR=FOLDER before the command, or choose engine=inline"


def check(folder: Path) -> None:
    """Raises ValueError in one line where a cluster with its files in ``folder`` could not start on this machine."""
    _loopback()
    _temporary(folder)
    _shared(Path("/dev/shm"))  # noqa: S108


def _loopback() -> None:
    with socket.socket() as listener:
        listener.settimeout(5)
        try:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            socket.create_connection(listener.getsockname(), timeout=5).close()
        except OSError as error:
            raise ValueError(
                f"no network interface answers at 127.0.0.1 ({error.strerror or error}), where Ray's processes meet: "
                "ip link set lo up, or choose engine=inline"
            ) from error


def _temporary(folder: Path) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"fedsky")
        if shutil.disk_usage(folder).free < LEAST_BYTES:
            raise OSError(errno.ENOSPC, f"less than {LEAST_BYTES // 10**6} MB are free", str(folder))
    except OSError as error:
        error.filename = str(folder)
        raise ValueError(f"Ray's files cannot be kept in {remedies.told(error, ANOTHER)}") from error


def _shared(folder: Path) -> None:
    if folder.is_dir():  # a full one is no lack: Ray takes TMPDIR then
        try:
            tempfile.NamedTemporaryFile(dir=folder).close()
        except OSError as error:
            error.filename = str(folder)
            told = remedies.told(error, "choose engine=inline")
            raise ValueError(f"Ray's objects cannot be shared in {told}") from error
