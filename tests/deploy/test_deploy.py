"""A federation's folder: authority, kits, names; and the commands around it."""

import stat
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from typer.testing import CliRunner

from fedsky.deploy import federation
from fedsky.deploy.__main__ import app
from fedsky.node.owner import read


def test_init_writes_all_that_owners_need(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["init", "A", "B", "--host", "192.168.1.10", "--folder", str(tmp_path / "f")])
    assert done.exit_code == 0 and done.output.count("bring it to") == 2
    home = federation.read(tmp_path / "f")
    assert (home.names(), home.port, home.superlink) == (["A", "B"], 8000, "127.0.0.1:8001")
    kit = home.kit("B")
    assert {path.name for path in kit.iterdir()} == {
        "B.key",
        "ca.crt",
        "owner.yaml",
        "README.md",
        "fedsky-node.service",
        "compose.yaml",
        "home",
    }
    owner = read(kit / "owner.yaml")
    assert (owner.owner, owner.superlink, owner.leaves["predictions"]) == ("B", "192.168.1.10:8000", False)
    assert load_ssh_private_key(owner.key.read_bytes(), None).key_size == 384  # type: ignore[union-attr]
    for secret in (owner.key, home.folder / "ca.key", home.folder / "server.key"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret
    assert "中文" in (kit / "README.md").read_text() and "{" not in (kit / "README.md").read_text()
    assert yaml.safe_load((kit / "compose.yaml").read_text())["services"]["node"]["restart"] == "always"


def test_the_servers_certificate_is_for_its_address_and_signed_by_the_authority(tmp_path: Path) -> None:
    federation.init(tmp_path / "f", [], "lab.example.org", 8000)
    authority, server = (
        x509.load_pem_x509_certificate((tmp_path / "f" / f"{name}.crt").read_bytes()) for name in ("ca", "server")
    )
    server.verify_directly_issued_by(authority)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["lab.example.org", "localhost"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_more_owners_later_and_what_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    federation.init(folder, ["A"], "h", 8000)
    authority = (folder / "ca.crt").read_bytes()
    assert federation.init(folder, ["B"], "h", 8000).names() == ["A", "B"]
    assert (folder / "ca.crt").read_bytes() == authority, "what owners have stays valid"
    for names, host, told in ((["A"], "h", "has a kit already"), (["../x"], "h", "no name"), (["C"], "g", "already")):
        with pytest.raises(ValueError, match=told):
            federation.init(folder, names, host, 8000)
    with pytest.raises(ValueError, match="C has no kit"):
        federation.revoke(federation.read(folder), "C")
    done = CliRunner().invoke(app, ["status", "--folder", str(tmp_path)])
    assert done.exit_code == 1 and "no folder of a federation" in done.output and done.output.count("\n") == 1


def test_an_owner_yaml_that_was_filled_in_stays_when_the_key_is_another(tmp_path: Path) -> None:
    home = federation.init(tmp_path / "f", ["A"], "h", 8000)
    (home.kit("A") / "owner.yaml").write_text("mine")
    key = (home.kit("A") / "A.key").read_bytes()
    federation.make_kit(home, "A")
    assert (home.kit("A") / "owner.yaml").read_text() == "mine" and (home.kit("A") / "A.key").read_bytes() != key


def test_check_tells_what_is_wrong_first(tmp_path: Path) -> None:
    home = federation.init(tmp_path / "f", ["A"], "no-such-host.invalid", 8000)
    done = CliRunner().invoke(app, ["check", str(home.kit("A") / "owner.yaml")])
    lines = done.output.splitlines()
    assert done.exit_code == 1 and lines[0] == "owner.yaml: A: ok" and lines[1].startswith("name: no-such-host.invalid")
    assert not [line for line in lines if line.startswith("port")], "what needs it is not looked at"
    assert lines[-1].startswith("photographs: data.root=")
