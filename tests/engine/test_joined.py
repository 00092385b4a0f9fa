"""A Ray cluster of two nodes that is joined: the bytes of one machine, also where a node is lost; else refused."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from places import two_machines
from ray_nodes import Nodes, ray_nodes
from run_files import digests, info_of

from fedsky.config import compose, resolve
from fedsky.run import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Ray has clusters of several nodes on Linux alone")
WORDS = ["num_rounds=3", "num_clients=6"]
TINY: dict[str, Any] = {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}
SETTINGS = {"option": 2, "weights": "uniform", "control_weights": "uniform"}
SCAFFOLD: dict[str, Any] = {**TINY, "strategy": {"_target_": "strategies.scaffold.Scaffold", **SETTINGS}}
LOSING: dict[str, Any] = {**TINY, "strategy": {"_target_": "tiny.LosingNode", **SETTINGS}}


def inline(settings: dict[str, Any], folder: Path) -> None:
    run(resolve(compose(["engine=inline", *WORDS])) | settings, folder)


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that is there when the second node is lost."""
    return tmp_path_factory.mktemp("lost") / "lost"


@pytest.fixture(scope="module")
def nodes(lost: Path) -> Iterator[Nodes]:
    with ray_nodes() as started:
        started.start("127.0.0.1")
        started.start("127.0.0.1", env={"SECOND": "", "LOST": str(lost)})
        yield started


def test_two_nodes_make_the_bytes_of_one_machine_and_one_may_be_lost(nodes: Nodes, lost: Path, tmp_path: Path) -> None:
    here = {**TINY, "data": {"_target_": "tiny.points_here", "fold": "1/5"}}
    jobs = [(WORDS, here, tmp_path / "other"), (WORDS, SCAFFOLD, tmp_path / "two"), (WORDS, LOSING, tmp_path / "lost")]
    (other, two, less), told = nodes.run(jobs, address="auto")
    inline(SCAFFOLD, tmp_path / "one")
    assert "its data are not those where the run is started: bring the same to every node" in other["refused"]
    assert digests(tmp_path / "two") == digests(tmp_path / "one")
    assert [node["num_cores"] for node in two["joined"]["nodes"]] == [1, 1] and two["joined"]["num_nodes"] == 2
    assert two["joined"]["address"] == nodes.address[0]
    assert f"engine.address=auto: joined the Ray cluster at {nodes.address[0]}: " in told
    assert lost.exists() and "a worker died in mid-round (" in told
    assert digests(tmp_path / "lost") == digests(tmp_path / "one")
    assert less["status"] == "done"
    assert info_of(tmp_path / "two")["joined"] == two["joined"]


def test_a_machine_that_does_not_see_the_runs_folder_trains_what_keeps_nothing_there(tmp_path: Path) -> None:
    """On two machines with networks and mounts of their own; a client that would keep something there refuses."""
    apart, shared = tmp_path / "apart", tmp_path / "shared"
    apart.mkdir()
    jobs = [(WORDS, TINY, apart / "mean"), (WORDS, SCAFFOLD, apart / "kept"), (WORDS, SCAFFOLD, shared / "kept")]
    with two_machines() as (first, second), ray_nodes() as nodes:
        subprocess.run([*second, "mount", "-t", "tmpfs", "none", apart], check=True)
        nodes.start("10.77.0.1", first)
        nodes.start("10.77.0.2", second)
        (mean, refused, kept), _ = nodes.run(jobs, first)
    inline(TINY, tmp_path / "mean")
    inline(SCAFFOLD, tmp_path / "kept")
    assert digests(apart / "mean") == digests(tmp_path / "mean")
    assert [node["name"] for node in mean["joined"]["nodes"]] == ["first", "second"]
    assert re.sub("^client [0-5] ", "", refused["refused"]) == (  # whose comes first
        "keeps something from round to round in the run's folder, which is not seen from second (10.77.0.2): "
        "name a folder that all nodes share (hydra.run.dir=...)"
    )
    assert kept["status"] == "done" and digests(shared / "kept") == digests(tmp_path / "kept")
    assert not list((shared / "kept" / "clients").glob(".*")), "no sign is left"
