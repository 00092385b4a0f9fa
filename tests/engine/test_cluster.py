"""A run's own Ray cluster takes commands from nobody but the run."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from interrupted import writer

from fedsky.engine import cluster

SUPPORT = Path(__file__).parents[1] / "support"
# What an attacker's program does: it has the cluster run a command of its own.
STRANGER = """
import ray, sys
from pathlib import Path
ray.init(address=sys.argv[1], log_to_driver=False)
ray.get(ray.remote(num_cpus=0)(Path.touch).remote(Path(sys.argv[2])), timeout=60)
"""


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, Any]]:
    """A process with a cluster of its own, and what it tells of it."""
    with subprocess.Popen(
        [sys.executable, str(SUPPORT / "open_cluster.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as program:
        assert program.stdin is not None and program.stdout is not None
        late = threading.Timer(180, program.kill)
        late.start()
        told = json.loads(program.stdout.readline())
        yield told
        program.stdin.write("\n")
        program.stdin.flush()
        assert program.wait(60) == 0
        late.cancel()
    assert not Path(told["folder"]).exists(), "nothing is left of it"


def processes(opened: dict[str, Any]) -> list[psutil.Process]:
    program = psutil.Process(opened["pid"])
    return [program, *program.children(recursive=True)]


def stranger(opened: dict[str, Any], canary: Path, **token: str) -> "subprocess.Popen[bytes]":
    program = [sys.executable, "-c", STRANGER, opened["address"], str(canary)]
    return subprocess.Popen(
        program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {cluster.LOOPBACK: "0"} | token
    )


def test_no_more_actors_start_than_there_are_clients(opened: dict[str, Any]) -> None:
    assert opened["cores"] == 1, "64 were asked for, for one client"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to find Ray's processes")
def test_a_cluster_of_a_runs_own_listens_on_this_machine_alone(opened: dict[str, Any]) -> None:
    found = processes(opened)
    places = {
        each.laddr.ip
        for process in found
        for each in process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    }
    assert {"gcs_server", "raylet"} <= {process.name() for process in found}
    assert places and {place.removeprefix("::ffff:") for place in places} == {"127.0.0.1"}


def test_who_has_not_the_token_is_refused(opened: dict[str, Any], tmp_path: Path) -> None:
    """Three programs at a time, as Ray tries for 20 seconds."""
    asked = [
        stranger(opened, tmp_path / "none", RAY_AUTH_MODE="disabled"),
        stranger(opened, tmp_path / "wrong", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=opened["token"][::-1]),
        stranger(opened, tmp_path / "right", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=opened["token"]),
    ]
    codes = [each.wait(120) for each in asked]
    assert [path.name for path in tmp_path.iterdir()] == ["right"], "the test sees a command that is run"
    assert codes == [1, 1, 0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to find Ray's processes")
def test_other_users_see_neither_the_token_nor_the_sockets(opened: dict[str, Any]) -> None:
    """Command lines and the modes of folders are what another user may read of a process."""
    assert not any(opened["token"] in word for process in processes(opened) for word in process.cmdline())
    folder = Path(opened["folder"])
    assert folder.stat().st_mode & 0o077 == 0
    written = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert written and not any(opened["token"].encode() in path.read_bytes() for path in written)


def test_the_environment_is_as_before_when_a_cluster_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str | None] = {}
    names = (cluster.MODE, cluster.TOKEN, cluster.TOKEN_PATH, cluster.LOOPBACK)

    def init(address: str, **own: Any) -> None:
        seen.update({name: os.environ.get(name) for name in names})

    monkeypatch.setattr(cluster, "_init", init)
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(cluster.TOKEN_PATH, "of/the/user")
    tokens = set()
    for _ in range(2):
        cluster.start(None, 1)
        assert seen[cluster.MODE] == "token" and seen[cluster.TOKEN_PATH] is None and seen[cluster.LOOPBACK] == "0"
        tokens.add(seen[cluster.TOKEN])
        cluster.stop()
        assert [os.environ.get(name) for name in names] == [None, None, "of/the/user", None]
    assert len(tokens) == 2 and min(len(str(token)) for token in tokens) == 64


def test_a_cluster_that_is_joined_is_given_the_users_token(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    modes: list[str | None] = []
    monkeypatch.setattr(cluster, "_init", lambda address, **_: modes.append(os.environ.get(cluster.MODE)))
    monkeypatch.setattr(cluster, "_joined", lambda _: {})
    for name in (cluster.MODE, cluster.TOKEN, cluster.TOKEN_PATH):
        monkeypatch.delenv(name, raising=False)
    cluster.start("auto", 1)
    cluster.stop()
    assert modes == [None] and "without a token" in caplog.text
    caplog.clear()
    monkeypatch.setenv(cluster.TOKEN, "of the user")
    cluster.start("auto", 1)
    cluster.stop()
    assert modes == [None, "token"] and not caplog.text
    assert os.environ[cluster.TOKEN] == "of the user" and cluster.MODE not in os.environ


def test_a_folder_whose_path_is_too_long_for_sockets_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / ("a" * 60)
    place.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(place))
    with pytest.raises(ValueError, match="bytes too long a path for the sockets of engine=ray: set RAY_TMPDIR"):
        cluster.start(None, 1)
    assert list(place.iterdir()) == []


def test_the_folder_of_a_run_that_was_killed_is_removed_by_the_next(tmp_path: Path) -> None:
    for name in ("ray-killed", "ray-unknown", "other"):
        (tmp_path / name / "r").mkdir(parents=True)
    with writer(tmp_path / "ray-killed"):
        cluster._remove_left_behind(str(tmp_path))
        assert {path.name for path in tmp_path.iterdir()} == {"ray-killed", "ray-unknown", "other"}
    cluster._remove_left_behind(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"ray-unknown", "other"}


def test_what_rays_own_process_leaves_when_it_is_killed_is_known_by_the_clusters_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(cluster.TOKEN, raising=False)
    assert cluster._orphans() == [], "and no other process, where there is no token"
    monkeypatch.setenv(cluster.TOKEN, "of-this-test")
    with subprocess.Popen(["sleep", "100"]) as child:
        parent = subprocess.run(["sh", "-c", "sleep 100 >&2 & echo $!"], stdout=subprocess.PIPE, check=True)
        try:
            assert [process.pid for process in cluster._orphans()] == [int(parent.stdout)]
        finally:
            psutil.Process(int(parent.stdout)).kill()
            child.kill()
