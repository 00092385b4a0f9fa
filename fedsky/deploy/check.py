"""A preflight from an owner's side: what would keep it from taking part, each with its line."""

import email.utils
import importlib.metadata
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from fedsky import __version__
from fedsky.data import folder
from fedsky.engine.fleet import FleetConnection
from fedsky.engine.refusals import refusal
from fedsky.node.owner import OwnerFile, read

SECONDS = 10.0  # for an answer
MOST_SKEW_SECONDS = 60.0  # of which a SuperLink takes 300
SIZE = 32  # pixels a side, at which photographs are looked at


def check(path: Path) -> Iterator[tuple[str, str | None]]:
    """What was looked at, and what is wrong with it: None where nothing is. Ends at what all later needs."""
    try:
        owner = read(path)
    except ValueError as error:
        yield "owner.yaml", str(error)
        return
    yield f"owner.yaml: {owner.owner}", None
    for what, look in (
        ("name", _name),
        ("port", _port),
        ("certificate", _certificate),
        ("clock", _clock),
        ("key", _key),
    ):
        wrong = _looked(look, owner)
        yield what, wrong
        if wrong is not None:
            break
    yield f"versions: fedsky {__version__}, flwr {importlib.metadata.version('flwr')}", None
    try:
        yield _photographs(owner), None
    except (OSError, ValueError) as error:
        yield "photographs", str(error)


def _looked(look: Callable[[OwnerFile], str], owner: OwnerFile) -> str | None:
    try:
        return look(owner) or None
    except (OSError, ValueError, httpx.HTTPError) as error:
        return refusal(owner.superlink, error) if isinstance(error, httpx.HTTPError) else str(error)


def _place(owner: OwnerFile) -> tuple[str, int]:
    host, _, port = owner.superlink.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"superlink={owner.superlink}: write HOST:PORT")
    return host.strip("[]"), int(port)


def _name(owner: OwnerFile) -> str:
    host, port = _place(owner)
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        return f"{host} is not found ({error}): is the name right, and is there a network?"
    return ""


def _port(owner: OwnerFile) -> str:
    try:
        socket.create_connection(_place(owner), SECONDS).close()
    except OSError as error:
        return f"nobody listens at {owner.superlink} ({error}): does the server run, and does a firewall let you out?"
    return ""


def _certificate(owner: OwnerFile) -> str:
    host, _ = _place(owner)
    context = ssl.create_default_context(cafile=str(owner.certificate))
    try:
        with (
            socket.create_connection(_place(owner), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return f"{owner.superlink} shows another certificate ({error.verify_message}): is ca.crt of this federation?"


def _clock(owner: OwnerFile) -> str:
    with httpx.Client(verify=ssl.create_default_context(cafile=str(owner.certificate)), timeout=SECONDS) as client:
        told = client.get(f"https://{owner.superlink}/").headers.get("date")
    if told is None:
        return ""
    ahead = time.time() - email.utils.parsedate_to_datetime(told).timestamp()
    if abs(ahead) > MOST_SKEW_SECONDS:
        way = "ahead of" if ahead > 0 else "behind"
        return f"this machine's clock is {abs(ahead):.0f} s {way} the server's: set it, as by timedatectl set-ntp true"
    return ""


def _key(owner: OwnerFile) -> str:
    connection = FleetConnection(owner.superlink, owner.certificate, owner.key)
    try:
        connection.activate()
    finally:
        connection.close()
    return ""


def _photographs(owner: OwnerFile) -> str:
    photos = folder.load(str(owner.photographs), SIZE, str(owner.home / "cache"), num_classes=1)
    counts = ", ".join(f"{name} {int((photos.labels == label).sum())}" for label, name in enumerate(photos.classes))
    return f"photographs: {len(photos)} ({counts})"
