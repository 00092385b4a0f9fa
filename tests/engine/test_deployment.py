"""A real federation on loopback, with TLS and keys: its bytes are the simulation's, and what must not pass does not."""

import hashlib
import json
import os
import signal
import ssl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import federation as support
import httpx
import pytest
import torch
from cut_short import cut_short
from flwr.app import ConfigRecord, Message, RecordDict

from fedsky import __version__
from fedsky.config import compose, resolve
from fedsky.data.folder import load
from fedsky.deploy import federation
from fedsky.deploy.check import check
from fedsky.engine import close, deployment
from fedsky.engine.deployed import DeploymentGrid
from fedsky.machine import versions
from fedsky.model.pixels import to_float
from fedsky.resume import resume
from fedsky.run import run
from fedsky.run.loop import RoundLoop
from fedsky.web.federation import Federation

pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # of Flower's bundle
WORDS = ["model.width=0.5", "data.size=16", "num_rounds=2", "batch_size=4", "evaluate=clients"]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[support.Local]:
    with support.local_federation(tmp_path_factory.mktemp("federation")) as served:
        for name in support.OWNERS:
            served.start(name)
        support.wait_for(lambda: served.connected() == list(support.OWNERS))
        yield served
        close()


@pytest.fixture(autouse=True)
def no_engine_is_left() -> None:
    """In place of the one for all tests: the federation stays open for those of this file."""
    return


def deployed(local: support.Local, folder: Path, *words: str) -> dict[str, Any]:
    return run(resolve(compose([*local.settings, *WORDS, *words])), folder)


def inline(local: support.Local, folder: Path, *words: str) -> dict[str, Any]:
    data = ["engine=inline", "data=folder", f"data.root={local.photographs}", "partition=natural"]
    return run(resolve(compose([*data, *WORDS, *words])), folder)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows(folder: Path, without: str = " ") -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / "clients.jsonl").read_text().splitlines())
    return [{key: value for key, value in row.items() if not key.startswith(without)} for row in lines]


@pytest.mark.parametrize(("strict", "code"), [(False, "f" * 16), (True, "f" * 16), (True, None)])
def test_an_owners_other_code_is_told_or_refused(
    strict: bool, code: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    federation: Any = object.__new__(deployment.Federation)
    federation.settings = {"same_code": strict}
    answer = {"version": __version__, "code": code or versions.code()}
    content = RecordDict({"answer": ConfigRecord({"json": json.dumps(answer)})})
    reply = Message(content, dst_node_id=1, message_type="query")
    if strict and code:
        with pytest.raises(ValueError, match=r"owner B has other code of fedsky .*: install the same commit"):
            federation._answer("B", reply)
    else:
        assert federation._answer("B", reply) == answer
    assert ("results may be others" in caplog.text) is not strict


@pytest.mark.parametrize("strategy", ["fedavg", "scaffold", "local", "fedbn"])
def test_the_same_bytes_as_a_simulation(local: support.Local, tmp_path: Path, strategy: str) -> None:
    info = deployed(local, tmp_path / "far", f"strategy={strategy}")
    inline(local, tmp_path / "near", f"strategy={strategy}")
    far, near = tmp_path / "far", tmp_path / "near"
    for name in ("rounds.jsonl", "partition.json"):
        assert digest(far / name) == digest(near / name), name
    if strategy in ("fedavg", "scaffold"):
        assert digest(far / "clients.jsonl") == digest(near / "clients.jsonl")
        assert digest(far / "model.safetensors") == digest(near / "model.safetensors")
    else:  # nobody's own model is tried on other owners' photographs, and no model leaves
        assert rows(far, "pooled_") == rows(near, "pooled_")
        assert not (far / "models").exists() and not list((far / "clients").glob("*"))
    assert [owner["name"] for owner in info["joined"]["owners"]] == list(support.OWNERS)
    assert (far / "predictions.csv").read_text().count("\n") == 1, "no predictions leave unless owner.yaml says so"


def test_no_photograph_path_or_file_name_left_an_owner(local: support.Local, tmp_path: Path) -> None:
    local.gate.bodies.clear()
    deployed(local, tmp_path / "run", "num_rounds=1")
    sent = b"".join(local.gate.bodies)
    assert len(sent) > 10_000
    for owner in support.OWNERS:
        for path in (local.home.kit(owner) / "photographs").rglob("*.png"):
            content = path.read_bytes()
            assert content[40:72] not in sent and path.name.encode() not in sent
        assert str(local.home.kit(owner)).encode() not in sent and b"photographs" not in sent
        pixels = load(str(local.photographs / owner), 16, str(tmp_path / "cache"), num_classes=2).pixels
        for image in pixels:  # as it is decoded, and as a model gets it
            assert image.tobytes()[:32] not in sent
            assert to_float(torch.from_numpy(image[None])).numpy().tobytes()[:64] not in sent


def test_resumed_it_has_the_same_bytes(local: support.Local, tmp_path: Path) -> None:
    inline(local, tmp_path / "near", "strategy=scaffold")
    with cut_short(2):
        deployed(local, tmp_path / "far", "strategy=scaffold")
    close()  # as where the driver was killed
    from fedsky.config import permitted

    given = permitted.word([], [f"{word}" for word in local.settings[1:]])
    resume(tmp_path / "far", given)
    for name in ("rounds.jsonl", "clients.jsonl", "model.safetensors"):
        assert digest(tmp_path / "far" / name) == digest(tmp_path / "near" / name), name


def test_predictions_are_refused_on_both_sides(local: support.Local, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="owner A: owner A lets no predictions leave") as caught:
        deployed(local, tmp_path / "run", "engine.predictions=true")
    assert "leaves.predictions" in str(caught.value)
    assert "refused: owner A lets no predictions leave" in local.said("A")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["strategy=centralized"], "photographs on one machine, and they stay with their owners"),
        (["evaluate=server"], "with engine=deployment the server has no photograph"),
        (["data.root=/etc"], "data.root=/etc: the photographs are with the owners"),
        (["engine.owners=[A,D]"], "engine.owners: D is not registered"),
        (["num_clients=2"], "num_clients=2: 3 owners take part"),
    ],
)
def test_what_cannot_be_is_refused(local: support.Local, tmp_path: Path, words: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("[", r"\[")):
        deployed(local, tmp_path / "run", *words)


def test_the_gate_passes_what_nodes_ask_for_and_nothing_else(local: support.Local) -> None:
    address = f"{local.home.host}:{local.home.port}"
    context = ssl.create_default_context(cafile=str(local.home.folder / "ca.crt"))
    with httpx.Client(base_url=f"https://{address}", verify=context) as client:
        for path in (*support.FORBIDDEN, "fleet/pull-messages?x=1"):
            assert client.post(f"/v1/{path}").status_code == 403, path
        assert client.get("/v1/fleet/pull-messages").status_code == 403
        assert client.post("/v1/fleet/pull-messages").status_code not in (403, 404)


def test_whoever_is_not_known_is_refused_with_a_line(local: support.Local, tmp_path: Path) -> None:
    other = federation.init(tmp_path / "other", ["A"], local.home.host, local.home.port)
    stranger = other.kit("A")
    (stranger / "photographs").symlink_to(local.kit("A") / "photographs")
    found = dict(check(stranger / "owner.yaml"))
    assert "another certificate" in str(found["certificate"])
    (stranger / "ca.crt").write_bytes((local.home.folder / "ca.crt").read_bytes())
    found = dict(check(stranger / "owner.yaml"))
    assert found["certificate"] is None and "not registered it" in str(found["key"])


def test_a_worker_that_dies_costs_its_round_and_no_more(
    local: support.Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = RoundLoop._train

    def kill(loop: Any, round: int) -> Any:
        if round == 1:
            (worker,) = workers(local.nodes["B"].pid)
            os.kill(worker, signal.SIGKILL)
        return train(loop, round)

    monkeypatch.setattr(RoundLoop, "_train", kill)
    deployed(local, tmp_path / "run")
    found = {(row["round"], row["client"]): row for row in rows(tmp_path / "run")}
    assert found[1, 1]["status"] == "failed" and "worker ended with -9" in found[1, 1]["reason"]
    assert found[1, 0]["status"] == found[2, 1]["status"] == "ok"


def workers(pid: int) -> list[int]:
    """The processes that answer messages, of a node."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_a_superlink_that_is_killed_costs_no_reply(
    local: support.Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inline(local, tmp_path / "near", "strategy=scaffold")
    train = RoundLoop._train

    def kill(loop: Any, round: int) -> Any:
        if round == 1:
            local.server.process.kill()  # serve starts another
        return train(loop, round)

    monkeypatch.setattr(RoundLoop, "_train", kill)
    deployed(local, tmp_path / "far", "strategy=scaffold")
    for name in ("rounds.jsonl", "clients.jsonl", "model.safetensors"):
        assert digest(tmp_path / "far" / name) == digest(tmp_path / "near" / name), name


def test_an_answer_that_is_too_late_is_not_waited_for(
    local: support.Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, outward = RoundLoop._train, DeploymentGrid._outward
    (worker,) = workers(local.nodes["B"].pid)

    def stopped(loop: Any, round: int) -> Any:
        if round == 1:
            os.kill(worker, signal.SIGSTOP)
        try:
            return train(loop, round)
        finally:
            os.kill(worker, signal.SIGCONT)

    def soon(grid: Any, message: Any) -> Any:
        sent = outward(grid, message)
        if (message.metadata.message_type, message.metadata.dst_node_id) == ("train", 2):
            asked = message.content.config_records["config"]
            sent.metadata.ttl = 0.5 if asked["round"] == 1 else sent.metadata.ttl
        return sent

    monkeypatch.setattr(RoundLoop, "_train", stopped)
    monkeypatch.setattr(DeploymentGrid, "_outward", soon)
    deployed(local, tmp_path / "run")
    found = {(row["round"], row["client"]): row for row in rows(tmp_path / "run")}
    assert (found[1, 1]["status"], found[1, 1]["reason"]) == ("late", "no reply of B within engine.ttl_seconds=600")
    assert found[1, 0]["status"] == found[1, 2]["status"] == found[2, 1]["status"] == "ok"


def test_an_owner_that_goes_is_away_and_one_that_comes_back_takes_part(
    local: support.Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = RoundLoop._train

    def go(loop: Any, round: int) -> Any:
        if round == 1:
            local.stop("C")
            support.wait_for(lambda: "C" not in local.connected())
        else:  # with another key
            federation.rotate(local.home, "C")
            local.start("C")
            support.wait_for(lambda: "C" in local.connected())
        loop.grid.inner.federation.seen = (0.0, set())
        return train(loop, round)

    monkeypatch.setattr(RoundLoop, "_train", go)
    deployed(local, tmp_path / "run")
    found = {(row["round"], row["client"]): row for row in rows(tmp_path / "run")}
    assert (found[1, 2]["status"], found[1, 2]["reason"], found[1, 2]["loss"]) == ("away", "not connected", None)
    assert found[2, 2]["status"] == "ok" and found[2, 2]["loss"] is not None


def test_a_revoked_owner_leaves_with_a_line(local: support.Local) -> None:
    federation.revoke(local.home, "C")
    assert local.nodes.pop("C").wait(60) == 1
    assert "does not know this key" in local.said("C")
    assert [owner.name for owner in federation.status(local.home)] == ["A", "B"]
    told, why = Federation(local.home.folder).owners(local.home)
    assert why == "" and [(owner["name"], owner["state"]) for owner in told] == [
        ("A", "connected"),
        ("B", "connected"),
        ("C", "revoked"),
    ]
    times = [[datetime.fromisoformat(owner[when]) for when in ("registered", "since")] for owner in told]
    assert all(first < last and last.tzinfo is not None for first, last in times)
