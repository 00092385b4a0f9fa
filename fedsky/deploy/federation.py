"""A federation's folder: its authority, the server's certificate, a kit for each owner, and what they are called."""

import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from fedsky import checks
from fedsky.deploy import keys, kit
from fedsky.language import _

if TYPE_CHECKING:  # the site reads a federation's folder without Flower
    from fedsky.engine.superlink import Registered, SuperLink

NAME = re.compile(r"[\w][\w.-]{0,39}")
SETTINGS = "federation.yaml"


@dataclass(frozen=True)
class Home:
    """The folder of a federation; host and port: where owners reach the gate; inner: the SuperLink's port."""

    folder: Path
    host: str
    port: int
    inner: int

    @property
    def superlink(self) -> str:
        """Where the SuperLink listens, on this machine alone."""
        return f"127.0.0.1:{self.inner}"

    def kit(self, name: str) -> Path:
        """The folder of an owner's kit."""
        return self.folder / "kits" / name

    def public(self, name: str) -> Path:
        """An owner's public key."""
        return self.folder / "owners" / f"{name}.pub"

    def names(self) -> list[str]:
        """The owners that have a kit, in the order of the clients' numbers."""
        return sorted(path.stem for path in (self.folder / "owners").glob("*.pub"))

    def link(self) -> "SuperLink":
        """The SuperLink, as its administrator sees it."""
        from fedsky.engine.superlink import SuperLink

        return SuperLink(self.superlink, self.folder / "ca.crt")


def read(folder: Path) -> Home:
    """The federation that was set up in a folder; ValueError where none was."""
    try:
        content = yaml.safe_load((folder / SETTINGS).read_text(encoding="utf-8"))
        return Home(folder.absolute(), str(content["host"]), int(content["port"]), int(content["inner"]))
    except (OSError, TypeError, KeyError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{folder} is no folder of a federation: python -m fedsky.deploy init NAMES") from error


def init(folder: Path, names: list[str], host: str, port: int) -> Home:
    """Sets a federation up, or adds owners to one that is there; ValueError for a name that is taken or none."""
    if (folder / SETTINGS).exists():
        home = read(folder)
        if (host, port) != (home.host, home.port):
            raise ValueError(f"{folder} is a federation at {home.host}:{home.port} already: name another folder")
    else:
        checks.whole("--port", port, 1, 65534)
        home = Home(folder.absolute(), host, port, port + 1)
        keys.make_authority(folder)
        keys.make_server(folder, host)
        settings = {"host": host, "port": port, "inner": port + 1}
        keys.write(folder / SETTINGS, yaml.safe_dump(settings, sort_keys=False).encode())
    for name in names:
        check_new(home, name)
    for name in names:
        make_kit(home, name)
    return home


def check_new(home: Home, name: str) -> None:
    """Raises ValueError where no owner can be called so, or one is."""
    if not NAME.fullmatch(name):
        raise ValueError(
            _("{name} is no name for an owner: letters, digits, dots and dashes, 40 at most", name=repr(name))
        )
    if home.public(name).exists():
        raise ValueError(_("{name} has a kit already: rotate gives it another key", name=name))


def make_kit(home: Home, name: str, folder: Path | None = None) -> Path:
    """Makes an owner's key and all that it needs; the folder is to be brought to the owner by a safe way.

    folder: where, in place of the federation's own ``kits``.
    """
    folder = folder or home.kit(name)
    keys.make_key(folder / f"{name}.key", home.public(name))
    kit.write(folder, name, f"{home.host}:{home.port}", (home.folder / "ca.crt").read_bytes())
    return folder


def register(home: Home) -> list[str]:
    """Has the SuperLink know every owner's key, and no other; the names of those that it did not know."""
    with closing(home.link()) as link:
        return _register(home, link)


def _register(home: Home, link: "SuperLink") -> list[str]:
    before = {each.name: each for each in link.registered()}
    new = []
    for name in home.names():
        if name in before and has_key(home, before[name]):
            continue
        if name in before:
            link.unregister(before[name].node)
        link.register(name, keys.public_pem(home.public(name)))
        new.append(name)
    for name, owner in before.items():
        if name not in home.names():
            link.unregister(owner.node)
    return new


def has_key(home: Home, owner: "Registered") -> bool:
    """Whether the SuperLink knows an owner by the key that it has now."""
    return owner.key.strip() == keys.public_pem(home.public(owner.name)).strip()


def rotate(home: Home, name: str) -> Path:
    """Gives an owner another key, and takes the old one back."""
    check_known(home, name)
    folder = make_kit(home, name)
    register(home)
    return folder


def withdraw(home: Home, name: str) -> None:
    """Takes an owner's kit back; its key is refused as soon as the SuperLink is told, by ``register``."""
    check_known(home, name)
    home.public(name).unlink()


def revoke(home: Home, name: str) -> None:
    """Takes an owner's key back."""
    withdraw(home, name)
    register(home)


def status(home: Home) -> "list[Registered]":
    """The owners as the SuperLink knows them."""
    return [owner for owner in known(home) if not owner.is_revoked]


def known(home: Home) -> "list[Registered]":
    """All owners that the SuperLink has ever known, by name; those whose keys were taken back, too."""
    with closing(home.link()) as link:
        return sorted(link.known(), key=lambda owner: (owner.name, owner.registered))


def check_known(home: Home, name: str) -> None:
    """Raises ValueError where no owner that has a kit is called so."""
    if name not in home.names():
        raise ValueError(f"{name} has no kit in {home.folder}, {', '.join(home.names()) or 'nobody'} has")
