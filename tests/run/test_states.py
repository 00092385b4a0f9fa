"""The server knows which states its clients kept: one that is not there, or another, ends the run, in one line."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cut_short import cut_short
from flwr.app import ConfigRecord
from flwr.clientapp import ClientApp
from own_word import word_for
from run_files import info_of, rows_of
from safetensors.torch import load, save

from fedsky.client.state import UNTOLD, Saved, State, told
from fedsky.config import compose, resolve
from fedsky.data import Photos
from fedsky.engine.grid import ClientError
from fedsky.resume import resume
from fedsky.run import run
from fedsky.run.checkpoint import load_round, to_record
from fedsky.run.loop import RoundLoop

QUICK = ["engine=inline", "num_rounds=3", "num_clients=3", "participation=0.7"]
TINY = {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}


def config(*overrides: str) -> dict[str, Any]:
    return resolve(compose([*QUICK, *overrides])) | TINY


def change(
    monkeypatch: pytest.MonkeyPatch, pattern: str, after: int, how: Callable[[Path], None] = Path.unlink
) -> None:
    """Takes the states of that name away after a round, as from a machine that does not see the run's folder."""
    write = RoundLoop._write

    def writing(loop: Any, round: int, *more: Any) -> Any:
        row = write(loop, round, *more)
        if round == after:
            found = list((loop.folder / "clients").glob(pattern))
            assert found, "there is something to lose"
            for path in found:
                how(path)
        return row

    monkeypatch.setattr(RoundLoop, "_write", writing)


def make_another(path: Path) -> None:
    """As another run's, whole and of the same shapes, or one that was edited."""
    path.write_bytes(save({name: tensor + 1 for name, tensor in load(path.read_bytes()).items()}))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("overrides", "pattern"),
    [
        (["strategy=scaffold"], "*@*"),
        (["strategy=ditto"], "*@*"),
        (["strategy=local"], "*@*"),
        (["strategy=fedavg", "compression=topk"], "*-feedback@*"),
    ],
)
def test_a_state_that_is_not_there_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], pattern: str
) -> None:
    change(monkeypatch, pattern, after=1)
    with pytest.raises(ClientError) as caught:
        run(config(*overrides), tmp_path / "run")
    line = str(caught.value)
    assert f" kept of round 1 is not on {socket.gethostname()}: {tmp_path / 'run' / 'clients'}/" in line
    assert line.endswith(" is missing; all machines of a cluster must see the run's folder") and "\n" not in line
    assert info_of(tmp_path / "run")["status"] == "failed"


@pytest.mark.parametrize("how", [make_another, cut])
@pytest.mark.parametrize(
    ("overrides", "pattern"),
    [(["strategy=scaffold"], "*@*"), (["strategy=fedavg", "compression=topk"], "*-feedback@*")],
)
def test_a_state_that_is_not_the_one_that_was_saved_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], pattern: str, how: Callable[[Path], None]
) -> None:
    change(monkeypatch, pattern, 1, how)
    with pytest.raises(ClientError) as caught:
        run(config(*overrides), tmp_path / "run")
    line = str(caught.value)
    assert line.startswith("client ") and "\n" not in line
    assert f"@1.safetensors holds on {socket.gethostname()}: it was" in line and " kept of round 1 is not what " in line
    assert line.endswith("; bring that file back, or start the run anew")


def test_a_state_that_no_reply_told_of_is_not_started_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a client that saved and then failed: it goes on from the one before, which stays."""
    sent = ClientApp.__call__

    def failing(app: Any, message: Any, context: Any) -> Any:
        reply = sent(app, message, context)
        asked = message.content.config_records["config"]
        if asked["client"] == 1 and asked["round"] == 2 and message.metadata.message_type == "train":
            reply.content["failure"] = ConfigRecord({"reason": "it broke", "traceback": ""})
        return reply

    monkeypatch.setattr(ClientApp, "__call__", failing)
    run(config("strategy=scaffold", "participation=1", "on_failure=skip"), tmp_path / "run")
    rows = rows_of(tmp_path / "run", "clients")
    assert [row["status"] for row in rows if row["client"] == 1] == ["idle", "ok", "failed", "ok"]


def test_own_models_that_are_not_there_are_not_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last round's, that become the files in models/."""
    change(monkeypatch, "*@*", after=3)
    with pytest.raises(ValueError, match="kept of round 3 is not on"):
        run(config("strategy=local", "participation=1"), tmp_path / "run")


def test_it_is_known_after_a_resume_too(tmp_path: Path) -> None:
    with cut_short(3):
        run(config("strategy=scaffold"), tmp_path / "run")
    kept = load_round(tmp_path / "run", ["weight", "bias"])
    assert kept is not None and kept[1].states is not None
    saved = {each.round for each in kept[1].states.values()}
    assert saved <= {1, 2} and 2 in saved and all(each.digest for each in kept[1].states.values())
    for path in (tmp_path / "run" / "clients").glob("*@[12].safetensors"):
        path.unlink()
    with pytest.raises(ClientError, match="is missing; all machines"):
        resume(tmp_path / "run", word_for(tmp_path / "run"))


def test_a_client_with_other_data_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine of a cluster where a folder of the same name holds other photographs."""
    train = RoundLoop._train

    def training(loop: Any, round: int) -> Any:
        photos: Photos = loop.task.photos
        object.__setattr__(photos, "fingerprint", "another")  # what the process that trains finds
        return train(loop, round)

    monkeypatch.setattr(RoundLoop, "_settings", with_fingerprint(RoundLoop._settings))
    monkeypatch.setattr(RoundLoop, "_train", training)
    with pytest.raises(ClientError) as caught:
        run(config(), tmp_path / "run")
    assert f"the data on {socket.gethostname()} are not those with which the run began" in str(caught.value)


def with_fingerprint(settings: Any) -> Any:
    """Settings as the server makes them that found the data which run.json tells of."""

    def made(loop: Any, round: int, **more: Any) -> Any:
        record = settings(loop, round, **more)
        record["fingerprint"] = info_of(loop.folder)["data"]["fingerprint"]
        return record

    return made


def test_what_the_server_says_counts_not_what_lies_there(tmp_path: Path) -> None:
    for round in (1, 2, 3):
        State(tmp_path, 0, round).save({"x": torch.tensor(float(round))})
    for last, wanted in ((Saved(2), 2.0), (None, None), (UNTOLD, 3.0)):
        state = State(tmp_path, 0, 4, last).load()
        assert (None if state is None else float(state["x"])) == wanted


def test_a_message_tells_of_each_state_by_its_name() -> None:
    message: dict[str, Any] = {"states": ["3@4=a0", "3-feedback@7"]}
    wanted = [Saved(4, "a0"), Saved(7), None, None]
    assert [told(message, name) for name in (3, "3-feedback", 33, "3-other")] == wanted
    assert told({}, 3) == UNTOLD and told({"states": []}, 3) is None


def test_the_states_travel_with_no_bytes_that_count(tmp_path: Path) -> None:
    run(config("strategy=scaffold", "num_rounds=2", "participation=1"), tmp_path / "run")
    rows = rows_of(tmp_path / "run", "rounds")
    arrays = {"weight": np.zeros((2, 6)), "bias": np.zeros(2)}
    controls = {f"control/{name}": array for name, array in arrays.items()}
    sent = 3 * to_record(arrays | controls).count_bytes()  # to three clients, names and all
    assert [(row["bytes_down"], row["bytes_up"]) for row in rows] == [(0, 0), (sent, sent), (sent, sent)]
