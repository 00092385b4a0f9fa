"""The same command gives the same bytes: run again, with either engine, with any number of actors, resumed or not."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import forked
import pytest
from run_files import REPEATED, digests, info_of, rows_of

from fedsky.config import compose, resolve
from fedsky.engine import cluster, open_grid
from fedsky.engine.grid import ClientError
from fedsky.history import read_run
from fedsky.resume import resume
from fedsky.run import run
from fedsky.run.loop import RoundLoop

# A ResNet with BatchNorm, 7 unequal clients, half of them in a round.
UNEQUAL = ["partition=quantity", "partition.alpha=2", "partition.min_examples=5", "num_clients=7", "participation=0.5",
           "num_rounds=3", "data.count=140", "data.size=32", "batch_size=8", "strategy=fedprox"]  # fmt: skip
# Flower mods on the clients, one of which keeps a state.
AROUND = ["attack=gaussian", "compression=topk"]
FILES = (*REPEATED, "best.safetensors")
TESTS = Path(__file__).resolve().parents[1]
TINY = {"PYTHONPATH": os.pathsep.join(map(str, (TESTS / "support", TESTS.parent)))}  # with the module tiny


def command(*overrides: str) -> list[str]:
    return [sys.executable, "-m", "fedsky", *overrides]


def test_the_same_bytes_with_either_engine_and_any_number_of_actors(tmp_path: Path) -> None:
    """One sweep in a process of its own; the other engine in this one."""
    words = ["-m", *UNEQUAL, *AROUND, "engine=ray", "engine.num_actors=2,1", "hydra.sweep.dir=."]
    done = forked.command("fedsky", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name, seed in (("inline", 0), ("other", 1)):
        run(resolve(compose([*UNEQUAL, *AROUND, "engine=inline", f"seed={seed}"])), tmp_path / name)
    inline = digests(tmp_path / "inline", FILES)
    assert [digests(tmp_path / job, FILES) for job in "01"] == [inline] * 2
    assert digests(tmp_path / "other", FILES) != inline


def test_phones_keep_their_bytes_with_either_engine_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models of several rounds are under way when the run is stopped, and clocks go on where they stood."""
    phones = ["strategy=fedbuff", "strategy.buffer=2", "clients=phones", "num_clients=5", "num_rounds=5",
              "clients.crash=0.2", "clients.lost=0.2", "data.count=60", "data.size=32", "batch_size=8"]  # fmt: skip
    config = resolve(compose([*phones, "engine=inline"]))
    run(config, tmp_path / "whole")
    train = RoundLoop._train

    def stop(loop: Any, round: int) -> Any:
        done = train(loop, round)
        if round == 4:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(RoundLoop, "_train", stop)
    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path / "stopped")
    monkeypatch.setattr(RoundLoop, "_train", train)
    resume(tmp_path / "stopped")
    done = forked.command("fedsky", *phones, "engine=ray", "engine.num_actors=2", "hydra.run.dir=ray", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    whole = digests(tmp_path / "whole", FILES)
    assert digests(tmp_path / "stopped", FILES) == digests(tmp_path / "ray", FILES) == whole
    rows = rows_of(tmp_path / "whole", "clients")
    assert len({row["status"] for row in rows}) > 2 and any(row["staleness"] for row in rows)


@pytest.mark.parametrize("strategy", ["fedavg", "local"])
def test_the_same_bytes_resumed_or_not(tmp_path: Path, strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolve(compose([*UNEQUAL[:-1], f"strategy={strategy}", "engine=inline", "patience=9"]))
    run(config, tmp_path / "whole")

    judge = RoundLoop._judge

    def stop(loop: Any, round: int, last: bool) -> Any:
        if round == 2:  # trained, but not complete
            with (tmp_path / "stopped" / "rounds.jsonl").open("a") as file:
                file.write('{"round": 2, "loss"')  # the line that the interruption cuts
            raise KeyboardInterrupt
        return judge(loop, round, last)

    monkeypatch.setattr(RoundLoop, "_judge", stop)
    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path / "stopped")
    assert info_of(tmp_path / "stopped")["status"] == "interrupted"
    monkeypatch.setattr(RoundLoop, "_judge", judge)
    resume(tmp_path / "stopped")
    names = FILES if strategy == "fedavg" else (*FILES[:3], *(f"models/{client}.safetensors" for client in range(7)))
    assert digests(tmp_path / "stopped", names) == digests(tmp_path / "whole", names)
    with pytest.raises(ValueError, match="is done"):
        resume(tmp_path / "stopped")


def test_a_client_that_raises_ends_the_run_with_its_traceback(tmp_path: Path) -> None:
    config = resolve(compose(["engine=inline", "num_rounds=1"]))
    config |= {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}
    config["strategy"] = {"_target_": "tiny.Failing"}
    with pytest.raises(ClientError, match=r"client 2: KeyError: 'a mistake in client 2'") as caught:
        run(config, tmp_path / "run")
    assert "in fail" in caught.value.report
    info = info_of(tmp_path / "run")
    assert info["status"] == "failed"
    assert "a mistake in client 2" in info["reason"]


def test_a_client_that_raises_in_an_actor_does_too_and_costs_its_job_alone(tmp_path: Path) -> None:
    small = ["data.count=50", "data.size=32", "num_rounds=1", "engine=ray", "hydra.sweep.dir=."]
    targets = "strategy._target_=tiny.Failing,strategies.fedavg.FedAvg"
    done = forked.command("fedsky", "-m", *small, targets, cwd=tmp_path, env=os.environ | TINY)
    assert done.returncode == 1
    assert "in fail" in (tmp_path / "0" / "run.log").read_text()
    assert done.stderr.count("strategy._target_=tiny.Failing: client 2: KeyError") == 1
    assert "1 job(s) failed" in done.stderr
    statuses = [json.loads((tmp_path / str(number) / "run.json").read_text())["status"] for number in (0, 1)]
    assert statuses == ["failed", "done"]


def test_an_actor_that_dies_costs_nothing_and_one_that_dies_again_its_job(tmp_path: Path) -> None:
    """Its client is done again by a fresh one, to the same bytes; what others answer meanwhile counts."""
    small = ["data.count=50", "data.size=32", "num_rounds=1", "engine.num_actors=1"]
    targets = "strategy._target_=tiny.Dying,strategies.fedavg.FedAvg,tiny.DyingOnce"
    env = os.environ | TINY | {"DIED": str(tmp_path / "died")}
    done = forked.command("fedsky", "-m", *small, "hydra.sweep.dir=.", targets, cwd=tmp_path, env=env)
    assert done.returncode == 1 and "strategy._target_=tiny.Dying: client 2: " in done.stderr
    assert done.stderr.count("a worker died in mid-round (") == 2 and (tmp_path / "died").exists()
    assert "Traceback" not in done.stderr
    statuses = [json.loads((tmp_path / str(job) / "run.json").read_text())["status"] for job in range(3)]
    assert statuses == ["failed", "done", "done"]
    assert digests(tmp_path / "2", FILES) == digests(tmp_path / "1", FILES)


def test_divergence_names_the_client_and_the_remedy(tmp_path: Path) -> None:
    config = resolve(
        compose(["engine=inline", "num_rounds=3", "data.count=100", "data.size=32", "lr=1e30", "local_epochs=3"])
    )
    with pytest.raises(ClientError, match=r"client 0: training diverged in round 1: lower lr=1e\+30 \(the mean loss"):
        run(config, tmp_path / "run")
    assert not (tmp_path / "run" / "model.safetensors").exists()


def descendants(pid: int) -> set[int]:
    """The processes that a process started, and those that they did (Linux)."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to find Ray's processes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "run"
    process = subprocess.Popen(
        command("num_rounds=500", "data.count=200", "data.size=32", f"hydra.run.dir={folder}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_interrupts,
    )
    try:
        rounds, deadline = folder / "rounds.jsonl", time.monotonic() + 120
        while time.monotonic() < deadline and not (rounds.is_file() and rounds.read_text().count("\n") > 2):
            time.sleep(0.1)
        started = descendants(process.pid)
        assert len(started) >= 3, "Ray runs"
        process.send_signal(number)
        assert process.wait(timeout=120) == 130
        deadline = time.monotonic() + 60
        while left := [pid for pid in started if alive(pid)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    info = info_of(folder)
    assert (info["status"], info["reason"]) == ("interrupted", "stopped by the user")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to find Ray's processes")
def test_without_rays_own_process_a_run_ends_and_the_next_finds_nothing_of_it(tmp_path: Path) -> None:
    """In one line, if Ray does not end the process first, which it does at a moment of its own."""
    folder, temporary = tmp_path / "run", tmp_path.parents[2] / f"r{os.getpid()}"  # a short path, as for sockets
    temporary.mkdir()
    process = subprocess.Popen(
        command("num_rounds=500", "data.count=60", "data.size=16", "model=simple_cnn", f"hydra.run.dir={folder}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"RAY_TMPDIR": str(temporary)},
    )
    try:
        rounds, deadline = folder / "rounds.jsonl", time.monotonic() + 200
        while time.monotonic() < deadline and not (rounds.is_file() and rounds.read_text().count("\n") > 2):
            time.sleep(0.1)
        [raylet] = [pid for pid in descendants(process.pid) if "raylet" in Path(f"/proc/{pid}/comm").read_text()]
        started = descendants(process.pid)
        os.kill(raylet, signal.SIGKILL)
        told = process.communicate(timeout=60)[1]
        assert process.returncode == 1 and "Traceback" not in told, (process.returncode, told)
        deadline = time.monotonic() + 90  # where Ray ended it, its agents first look for their cluster, half a minute
        while (left := [pid for pid in started if alive(pid)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left
        cluster._remove_left_behind(str(temporary))
        assert [*temporary.iterdir()] == []
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(temporary)
    ended = read_run(folder)
    assert ended.status in ("failed", "interrupted")
    assert (ended.status == "failed") == ("fedsky: Ray's own process (raylet) was killed" in told)


def heed_interrupts() -> None:
    """What a terminal's foreground has and a background job, whose shell lets it ignore Ctrl-C, has not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere", "127.0.0.1:99999999"])
def test_an_address_where_nothing_listens_is_told_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="no Ray cluster answers there; start one or leave it out"):
        open_grid({"kind": "ray", "num_actors": None, "num_gpus": 0.0, "address": address}, 2)
