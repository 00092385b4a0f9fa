"""What a site is told when it starts."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Registration = Literal["approve", "open", "closed"]
# What the site keeps in its folder.
OWN = ("site.sqlite", "secret.key", ".secret.key", "logs", "kept", "accepted")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Settings:
    """One site's settings; ``data`` is its own folder (database, key, logs), ``outputs`` the folders with runs."""

    data: Path = Path("site-data")
    outputs: tuple[Path, ...] = (Path("outputs"),)  # the first receives the runs that are launched here
    reference: Path = Path("outputs/reference")  # the runs that tell the story of the home page
    photographs: Path | None = None  # a folder of them that launched runs may learn from
    federation: Path = Path("federation")  # the folder of a real federation, which need not be there
    database_url: str = ""  # an SQLite file in data unless given
    public: bool = True  # visitors without an account may read
    registration: Registration = "approve"
    https: bool = False  # a proxy in front of the site speaks TLS: secure cookies, HSTS, one hop is trusted
    hosts: tuple[str, ...] = (*LOOPBACK[:2], "[::1]")  # the names under which the site may be asked
    max_upload_bytes: int = 16 * 1024 * 1024  # of a photograph: a phone's of 50 megapixels
    idle_hours: float = 12.0  # a session unused for so long ends
    session_days: float = 7.0  # and any session after so long
    jobs_at_once: int | None = None  # of an account, that wait or run; None: 5
    jobs_a_day: int | None = None  # that an account launches within 24 hours; None: 20
    threads: int = 32  # most of them may wait for photographs to be judged: MOST_WAITING there is 24
    testing: bool = False

    @property
    def url(self) -> str:
        """The database's address, which may hold a password."""
        return self.database_url or f"sqlite:///{(self.data / 'site.sqlite').resolve()}"

    @property
    def accepted(self) -> Path:
        """The folder of photographs that an administrator accepted from users, with their manifest.csv."""
        return self.data / "accepted"

    @property
    def cookie(self) -> str:
        """The session cookie's name; a browser refuses __Host- unless it is secure and of this host alone."""
        return "__Host-fedsky" if self.https else "fedsky"

    def prepare(self) -> None:
        """Makes the site's folder, readable by its owner alone, also where it was there before.

        OSError if that cannot be; ValueError in one line for a folder that others may read and that holds other
        things too, from which nobody is shut out unasked.
        """
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = self.data.stat().st_mode
        if os.name != "posix" or not mode & 0o077:
            return
        others = sorted(path.name for path in self.data.iterdir() if not path.name.startswith(OWN))
        if others:
            raise ValueError(
                f"--data {self.data} may be read by others (mode {mode & 0o777:o}) and holds {others[0]}, which is not "
                f"the site's: name a folder for the site alone, or chmod 700 {self.data}"
            )
        self.data.chmod(0o700)

    def secret(self) -> bytes:
        """The key that signs cookies, drawn when first asked for; it appears whole or not at all."""
        path = self.data / "secret.key"
        if not path.exists():
            self.prepare()
            mine = path.with_name(f".secret.key.{secrets.token_hex(8)}")
            handle = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(mine, path)  # fails, unlike a rename, where another process was first
            except FileExistsError:
                pass
            finally:
                mine.unlink()
        key = path.read_bytes()
        if len(key) != 32:
            raise ValueError(f"{path} is not a key: delete it and start again, which ends all sessions")
        return key
