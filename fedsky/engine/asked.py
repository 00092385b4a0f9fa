"""What every machine of a Ray cluster must have for a run, and how an actor finds out what its own lacks."""

from dataclasses import dataclass
from pathlib import Path

from fedsky.machine import remedies
from fedsky.machine.versions import code, versions

SIGN = ".sign"  # the file in the folder of states that tells who sees it


@dataclass(frozen=True)
class Asked:
    """What every machine of a cluster must have for a run: the server's versions, code, data; the folder, if need be.

    text: the specification of its task; states: the folder of the clients' own states, where a file has the sign.
    """

    text: str
    fingerprint: str
    states: Path
    sign: str
    versions: dict[str, str]
    code: str

    def lack(self) -> str | None:
        """What of it this machine has otherwise, in one line; None where it has all."""
        here = versions()
        others = [
            f"{name} {here[name]}, not {version}" for name, version in self.versions.items() if here[name] != version
        ]
        if others:
            return f"it has {'; '.join(others)}: install the same on every node"
        if code() != self.code:
            return "its fedsky has other code than where the run is started: bring the same to every node"
        from fedsky.client.task import load_task  # and torch with it, which the server imports while Ray starts

        try:
            fingerprint = load_task(self.text).photos.fingerprint
        except OSError as error:
            return f"its data cannot be read: {remedies.told(error)}"
        except ValueError as error:
            return f"its data cannot be read: {error}"
        if fingerprint != self.fingerprint:
            return "its data are not those where the run is started: bring the same to every node"
        return None

    def is_seen(self) -> bool:
        """Whether this machine sees the folder of states."""
        try:
            return (self.states / SIGN).read_text(encoding="utf-8") == self.sign
        except OSError:
            return False
