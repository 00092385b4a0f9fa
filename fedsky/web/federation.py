"""The site's real federation, in the folder that ``python -m fedsky.deploy init`` made: its owners, and who is there.

All is done by fedsky.deploy. Flower is imported when its SuperLink is first asked: most sites have no federation.
"""

import io
import os
import tempfile
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedsky.config import quoted
from fedsky.deploy import federation
from fedsky.deploy.federation import Home

if TYPE_CHECKING:
    from fedsky.engine.superlink import Registered

PATIENCE = 3.0  # seconds for which it is believed what the SuperLink said
MOST_OWNERS = 1000  # that are told
# What an owner is: connected, away, or never there yet; its key is not yet known to the SuperLink, or not yet refused
# by it; its key is refused; the SuperLink does not answer.
STATES = CONNECTED, AWAY, NEW, PENDING, LEAVING, REVOKED, UNKNOWN = (
    "connected",
    "away",
    "new",
    "pending",
    "leaving",
    "revoked",
    "unknown",
)
OF_STATUS = {"online": CONNECTED, "offline": AWAY, "registered": NEW}


class Federation:
    """The federation of one site; safe under threads. There is one as soon as its folder is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._told: tuple[list[Registered], str] = ([], "")
        self._until = 0.0  # that is believed
        self._asking = threading.Lock()
        self.changing = threading.Lock()  # held by who changes what owners there are

    def home(self) -> Home | None:
        """The folder as it is now; None where there is none; ValueError where it cannot be read."""
        return federation.read(self.folder) if (self.folder / federation.SETTINGS).exists() else None

    def told(self, home: Home) -> "tuple[list[Registered], str]":
        """All owners that the SuperLink has ever known, or why it does not answer; as of a moment ago.

        One thread asks, while others are told what was said before.
        """
        if time.monotonic() >= self._until and self._asking.acquire(blocking=not self._until):
            try:
                if time.monotonic() >= self._until:
                    self._told = _ask(home)
                    self._until = time.monotonic() + PATIENCE
            finally:
                self._asking.release()
        return self._told

    def forget(self) -> None:
        """Has the SuperLink asked anew: who is registered has changed."""
        with self._asking:
            self._until = 0.0

    def owners(self, home: Home) -> tuple[list[dict[str, Any]], str]:
        """Every owner with its state and times, those with a kit first, and why the SuperLink does not answer."""
        known, why = self.told(home)
        latest = {owner.name: owner for owner in known if owner.is_revoked}  # the last of a name is the latest
        latest |= {owner.name: owner for owner in known if not owner.is_revoked}
        names = home.names()
        others = sorted(name for name in latest if name not in names)
        told = [_with_kit(home, name, latest.get(name), bool(why)) for name in names]
        return [*told, *(_without(latest[name]) for name in others)], why


def _ask(home: Home) -> "tuple[list[Registered], str]":
    try:
        return federation.known(home), ""
    except (OSError, ValueError) as error:
        return [], str(error)


def _with_kit(home: Home, name: str, owner: "Registered | None", is_away: bool) -> dict[str, Any]:
    """An owner as the API tells of it; since: when it came into its state, None where that is not known."""
    state, since, registered = UNKNOWN if is_away else PENDING, "", ""
    if owner is not None and not owner.is_revoked:
        with suppress(OSError, ValueError):  # of a key that was taken away just now, or is none
            if federation.has_key(home, owner):
                state, registered = OF_STATUS.get(owner.status, UNKNOWN), owner.registered
                since = {CONNECTED: owner.since, AWAY: owner.left}.get(state, "")
    return {"name": name, "state": state, "since": since or None, "registered": registered or None}


def _without(owner: "Registered") -> dict[str, Any]:
    """An owner whose kit was taken back."""
    state = REVOKED if owner.is_revoked else LEAVING
    return {"name": owner.name, "state": state, "since": owner.revoked or None, "registered": owner.registered or None}


def packed_kit(home: Home, name: str) -> bytes:
    """A fresh kit of an owner as a ZIP file. Its private key stays nowhere on this machine."""
    content = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="fedsky-kit-") as place, zipfile.ZipFile(content, "w") as kit:
        for path in sorted(federation.make_kit(home, name, Path(place) / name).iterdir()):
            kit.write(path, f"{name}/{path.name}")  # with its mode: the key is for its owner alone
    return content.getvalue()


def words_of_run(folder: Path, start: Path) -> tuple[str, ...]:
    """What a command that is started in ``start`` says to train with a folder's federation; nothing where none is."""
    try:
        home = Federation(folder).home()
    except ValueError:  # which the page tells
        return ()
    if home is None:
        return ()
    certificate = os.path.relpath(home.folder.resolve() / "ca.crt", start)
    return (f"engine.superlink={home.superlink}", f"engine.certificate={quoted(certificate)}")
