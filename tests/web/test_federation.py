"""The site's real federation: what is told of it, and what an administrator changes, with a home that ``init`` made."""

import io
import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from flask import Flask
from site_browser import Browser
from sqlalchemy import select

from fedsky.deploy import federation, keys
from fedsky.engine.superlink import Registered, SuperLink
from fedsky.web import Settings
from fedsky.web.tables import AuditEntry

OWNERS = "/api/admin/federation/owners"
THEN, LATER = "2026-11-01T08:00:00+00:00", "2026-11-02T09:30:00+00:00"


class Link:
    """A SuperLink that is not there: it registers and refuses, and says what it is told to of who is connected."""

    def __init__(self) -> None:
        self.nodes: dict[int, Registered] = {}
        self.answers, self.asked = True, 0

    def known(self) -> list[Registered]:
        self.asked += 1
        self._answer()
        return list(self.nodes.values())

    def register(self, name: str, key: bytes) -> int:
        self._answer()
        node = len(self.nodes) + 1
        self.nodes[node] = Registered(node, name, "registered", "", key, THEN)
        return node

    def unregister(self, node: int) -> None:
        self._answer()
        self.nodes[node] = replace(self.nodes[node], status="unregistered", revoked=LATER)

    def say(self, name: str, **values: str) -> None:
        """Changes what is said of an owner that is registered."""
        (node,) = (owner.node for owner in self.nodes.values() if owner.name == name and not owner.is_revoked)
        self.nodes[node] = replace(self.nodes[node], **values)  # type: ignore[arg-type]

    def _answer(self) -> None:
        if not self.answers:
            raise ValueError("127.0.0.1:8001 does not answer (/etc/x): see that it runs")


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Link:
    found = Link()
    for name in ("known", "register", "unregister"):
        monkeypatch.setattr(SuperLink, name, lambda _, *given, name=name: getattr(found, name)(*given))
    monkeypatch.setattr("fedsky.web.federation.PATIENCE", 0.0)
    return found


@pytest.fixture
def home(settings: Settings, link: Link) -> federation.Home:
    found = federation.init(settings.federation, ["A", "B"], "lab.example.org", 8000)
    federation.register(found)
    return found


@pytest.fixture
def admin(home: federation.Home, as_role: Callable[[str], Browser]) -> Browser:
    return as_role("admin")


def seen(browser: Browser) -> dict[str, tuple[Any, ...]]:
    """State, since when, and when it was registered, of each owner by name."""
    owners = browser.get("/api/federation").get_json()["owners"]
    return {owner["name"]: (owner["state"], owner["since"], owner["registered"]) for owner in owners}


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as kit:
        return {name: kit.read(name) for name in kit.namelist()}


def public_of(private: bytes) -> bytes:
    """The public key of an owner's secret one, as a SuperLink has it."""
    return (
        load_ssh_private_key(private, None).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


def test_a_site_without_a_federation_says_where_it_looks(as_role: Callable[[str], Browser], settings: Settings) -> None:
    told = as_role("user").get("/api/federation").get_json()
    assert told == {
        "folder": "federation",
        "address": None,
        "problem": None,
        "is_served": False,
        "why_not": "",
        "num_owners": 0,
        "owners": [],
    }
    answer = as_role("admin").post(OWNERS, {"name": "A"})
    assert answer.status_code == 409 and answer.get_json()["detail"] == "No federation is set up on this site."
    settings.federation.mkdir()
    (settings.federation / "federation.yaml").write_text("- no settings")
    told = as_role("user").get("/api/federation").get_json()
    assert told["address"] is None and told["problem"].startswith("federation is no folder of a federation")


def test_who_is_connected_since_when(admin: Browser, link: Link) -> None:
    told = admin.get("/api/federation").get_json()
    assert (told["address"], told["is_served"], told["num_owners"]) == ("lab.example.org:8000", True, 2)
    assert seen(admin) == {"A": ("new", None, THEN), "B": ("new", None, THEN)}
    link.say("A", status="online", since=LATER)
    link.say("B", status="offline", since=THEN, left=LATER)
    assert seen(admin) == {"A": ("connected", LATER, THEN), "B": ("away", LATER, THEN)}
    link.answers = False
    told = admin.get("/api/federation").get_json()
    assert not told["is_served"] and told["why_not"].startswith("127.0.0.1:8001 does not answer (…/x)")
    assert seen(admin) == {"A": ("unknown", None, None), "B": ("unknown", None, None)}


def test_many_who_look_ask_the_superlink_once(admin: Browser, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedsky.web.federation.PATIENCE", 600.0)
    before = link.asked
    for _ in range(5):
        assert seen(admin)["A"][0] == "new"
    assert link.asked == before + 1
    assert admin.post(OWNERS, {"name": "C"}).status_code == 201
    assert seen(admin)["C"][0] == "new", "a change is seen at once"


def test_an_invited_owner_gets_its_kit_once(admin: Browser, home: federation.Home, link: Link, app: Flask) -> None:
    (home.folder / "ca.key").unlink()  # which a site need not have
    answer = admin.post(OWNERS, {"name": "慕尼黑.3-x"})
    assert (answer.status_code, answer.mimetype) == (201, "application/zip")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "attachment" in answer.headers["Content-Disposition"]
    kit = unpacked(answer.data)
    files = {"慕尼黑.3-x.key", "ca.crt", "owner.yaml", "README.md", "fedsky-node.service", "compose.yaml"}
    assert set(kit) == {f"慕尼黑.3-x/{name}" for name in files | {"home/"}}
    with zipfile.ZipFile(io.BytesIO(answer.data)) as packed:
        assert stat.S_IMODE(packed.getinfo("慕尼黑.3-x/慕尼黑.3-x.key").external_attr >> 16) == 0o600
    key = public_of(kit["慕尼黑.3-x/慕尼黑.3-x.key"])
    assert key.strip() == keys.public_pem(home.public("慕尼黑.3-x")).strip()
    assert [owner.key.strip() for owner in link.nodes.values() if owner.name == "慕尼黑.3-x"] == [key.strip()]
    assert not home.kit("慕尼黑.3-x").exists(), "no secret key stays"
    assert seen(admin)["慕尼黑.3-x"] == ("new", None, THEN)
    again = admin.post(OWNERS, {"name": "慕尼黑.3-x"})
    assert again.status_code == 422 and "has a kit already" in again.get_json()["detail"]
    with app.extensions["database"].reading() as db:
        (entry,) = db.scalars(select(AuditEntry).where(AuditEntry.action == "invite-owner"))
    assert (entry.actor, entry.target) == ("admin", "慕尼黑.3-x")
    assert kit["慕尼黑.3-x/慕尼黑.3-x.key"].decode() not in json.dumps(entry.detail)


@pytest.mark.parametrize(
    "name", ["../x", "..", ".x", "a/b", "a\\b", "a b", "a\nb", "a\0b", "-a", "", "a" * 41, "A", "<b>", "a;b", "${x}"]
)
def test_odd_names_are_refused_as_init_refuses_them(admin: Browser, home: federation.Home, name: str) -> None:
    before = sorted(path for path in home.folder.rglob("*"))
    answer = admin.post(OWNERS, {"name": name})
    assert answer.status_code == 422, answer.text
    assert sorted(path for path in home.folder.rglob("*")) == before
    with pytest.raises(ValueError, match=r"no name for an owner|has a kit already"):
        federation.check_new(home, name)


@pytest.mark.parametrize("path", ["..%2F..%2Fca", "%2e%2e%2fca", "C", "A%00", "../ca"])
def test_only_owners_with_a_kit_are_changed(admin: Browser, home: federation.Home, path: str) -> None:
    before = {each: each.read_bytes() for each in home.folder.rglob("*") if each.is_file()}
    assert admin.delete(f"{OWNERS}/{path}").status_code in (404, 405)
    assert admin.post(f"{OWNERS}/{path}/key").status_code in (404, 405)
    assert {each: each.read_bytes() for each in home.folder.rglob("*") if each.is_file()} == before


def test_another_key_and_the_old_one_refused(admin: Browser, home: federation.Home, link: Link) -> None:
    mine = home.kit("A") / "owner.yaml"
    mine.write_text("mine")
    answer = admin.post(f"{OWNERS}/A/key")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    key = public_of(unpacked(answer.data)["A/A.key"]).strip()
    states = [(owner.key.strip() == key, owner.status) for owner in link.nodes.values() if owner.name == "A"]
    assert states == [(False, "unregistered"), (True, "registered")]
    assert mine.read_text() == "mine", "a kit that lies there is not touched"
    assert seen(admin)["A"] == ("new", None, THEN)


def test_a_revoked_owner_stays_in_the_table(admin: Browser, home: federation.Home, link: Link) -> None:
    assert admin.delete(f"{OWNERS}/A").get_json() == {"is_told": True}
    assert home.names() == ["B"] and seen(admin)["A"] == ("revoked", LATER, THEN)
    assert admin.delete(f"{OWNERS}/A").status_code == 404
    assert admin.post(OWNERS, {"name": "A"}).status_code == 201
    assert seen(admin)["A"] == ("new", None, THEN), "invited again it is one owner"


def test_what_is_changed_while_it_is_not_served_is_told_later(
    admin: Browser, home: federation.Home, link: Link
) -> None:
    link.answers = False
    assert admin.delete(f"{OWNERS}/A").get_json() == {"is_told": False}
    assert admin.post(OWNERS, {"name": "C"}).status_code == 201
    assert admin.post("/api/admin/federation/register").get_json() == {"is_told": False}
    link.answers = True
    assert {name: told[0] for name, told in seen(admin).items()} == {"A": "leaving", "B": "new", "C": "pending"}
    assert admin.post("/api/admin/federation/register").get_json() == {"is_told": True}
    assert {name: told[0] for name, told in seen(admin).items()} == {"A": "revoked", "B": "new", "C": "new"}


def test_who_may_what(home: federation.Home, visitor: Browser, as_role: Callable[[str], Browser], app: Flask) -> None:
    changes = [
        ("POST", OWNERS),
        ("POST", f"{OWNERS}/A/key"),
        ("DELETE", f"{OWNERS}/A"),
        ("POST", "/api/admin/federation/register"),
    ]
    for path in ("/api/federation", "/api/federation/run"):
        assert visitor.get(path).status_code == 401 and as_role("user").get(path).status_code == 200
    before = {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()}
    for browser, status in ((visitor, 401), (as_role("user"), 403), (as_role("operator"), 403)):
        for method, path in changes:
            assert browser.change(method, path, json={"name": "C"}).status_code == status
    admin = as_role("admin")
    for method, path in changes:
        without = admin.client.open(path, method=method, json={"name": "C"})
        assert without.status_code == 400 and without.get_json()["code"] == "csrf"
        foreign = admin.change(method, path, json={"name": "C"}, headers={"Origin": "http://evil.example"})
        assert foreign.status_code == 403
    assert {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()} == before


def test_no_answer_tells_where_the_folder_lies_or_any_key(admin: Browser, home: federation.Home) -> None:
    told = admin.get("/api/federation").text
    assert str(home.folder) not in told and "PRIVATE KEY" not in told
    for path in (Path("kits/A/A.key"), Path("ca.key")):
        assert (home.folder / path).read_text()[40:80] not in told
