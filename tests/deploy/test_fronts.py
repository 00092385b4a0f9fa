"""What stands before a SuperLink as docs/deployment.md has it: nginx in the gate's place; and what starts a node."""

import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import federation as support
import httpx
import pytest
import tls_front
import yaml

from fedsky.deploy import federation
from fedsky.deploy.check import check
from fedsky.deploy.serve import Server
from fedsky.engine.fleet import FleetConnection
from fedsky.engine.refusals import refusal
from fedsky.node.owner import read

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "deployment.md"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[federation.Home]:
    """A federation that serves behind nginx."""
    if (program := tls_front.nginx()) is None:
        pytest.skip("nginx is not installed")
    base = tmp_path_factory.mktemp("fronts")
    made = federation.init(base / "federation", ["A"], "127.0.0.1", support.free_port())
    [block] = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    changes = {
        "listen 8000 ssl;": f"listen 127.0.0.1:{made.port} ssl;",
        "server 127.0.0.1:8001;": f"server {made.superlink};",
        "/var/lib/fedsky/federation": str(made.folder),
    }
    for old, new in changes.items():
        assert old in block, f"{GUIDE.name} has no {old}"
        block = block.replace(old, new)
    server = Server(made)
    try:
        server.ready()
        front = tls_front.run(program, block, made.port, base)
        try:
            yield made
        finally:
            front.terminate()
            front.wait(20)
    finally:
        server.close()


def test_nginx_passes_what_nodes_ask_for_and_nothing_else(home: federation.Home) -> None:
    context = ssl.create_default_context(cafile=str(home.folder / "ca.crt"))
    with httpx.Client(base_url=f"https://{home.host}:{home.port}", verify=context) as client:
        for path in support.FORBIDDEN:
            assert client.post(f"/v1/{path}").status_code == 403, path
        assert client.get("/v1/fleet/pull-messages").status_code == 403
        assert client.post("/v1/fleet/pull-messages").status_code not in (403, 404)


def test_a_node_connects_through_nginx(home: federation.Home) -> None:
    owner = read(home.kit("A") / "owner.yaml")
    found = dict(check(home.kit("A") / "owner.yaml"))
    assert {found[what] for what in ("name", "port", "certificate", "clock", "key")} == {None}
    connection = FleetConnection(owner.superlink, owner.certificate, owner.key)
    try:
        connection.activate()
        assert connection.pull() is None
        assert [each.status for each in federation.status(home)] == ["online"]
    finally:
        connection.close()


def test_owners_are_added_and_get_other_keys_while_it_serves(home: federation.Home) -> None:
    federation.init(home.folder, ["B"], home.host, home.port)
    assert "has not registered it" in _connected(home, "B")
    assert federation.register(home) == ["B"]
    assert _connected(home, "B") == ""
    old = read(home.kit("A") / "owner.yaml").key.read_bytes()
    federation.rotate(home, "A")
    assert _connected(home, "A") == ""
    (home.kit("A") / "A.key").write_bytes(old)
    assert "has not registered it" in _connected(home, "A")
    assert [each.name for each in federation.status(home)] == ["A", "B"]


def _connected(home: federation.Home, name: str) -> str:
    """How an owner's node is refused; nothing where it is not."""
    owner = read(home.kit(name) / "owner.yaml")
    connection = FleetConnection(owner.superlink, owner.certificate, owner.key)
    try:
        connection.activate()
    except httpx.HTTPStatusError as error:
        return refusal(owner.superlink, error)
    finally:
        connection.close()
    return ""


def test_systemd_takes_the_kits_unit(tmp_path: Path) -> None:
    if (program := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is not installed")
    kit = federation.init(tmp_path / "f", ["A"], "h", 8000).kit("A")
    unit = tmp_path / "fedsky-node.service"
    text = (kit / unit.name).read_text()
    assert "/opt/fedsky/bin/python" in text
    unit.write_text(text.replace("/opt/fedsky/bin/python", sys.executable))
    env = os.environ | {"LANG": "C"}
    done = subprocess.run([program, "verify", str(unit)], capture_output=True, text=True, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    # What systemd mounts for writing has to be there when the unit starts.
    (writable,) = re.findall(r"ReadWritePaths=/opt/fedsky-kit/(\w+)", text)
    assert (kit / writable).is_dir()


def test_the_compose_file_has_what_owner_yaml_names(tmp_path: Path) -> None:
    kit = federation.init(tmp_path / "f", ["A"], "h", 8000).kit("A")
    node = yaml.safe_load((kit / "compose.yaml").read_text())["services"]["node"]
    mounted = {target: (source, *mode) for source, target, *mode in (each.split(":") for each in node["volumes"])}
    assert node["command"] == "python -m fedsky.node /kit/owner.yaml" and mounted["/kit"] == (".", "ro")
    owner = read(kit / "owner.yaml")
    for path, mode in ((owner.photographs, ("ro",)), (owner.home, ())):
        assert mounted[f"/kit/{path.name}"] == (f"./{path.name}", *mode)
    assert owner.home.is_dir(), "Docker would make it, for root alone"
