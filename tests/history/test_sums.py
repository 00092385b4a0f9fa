"""A change to a run's files since it ended is noticed by whoever reads it; ``python -m benchmarks.rot`` tries more."""

import json
import random
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from cut_short import cut_short
from own_word import word_for
from run_files import info_of

from benchmarks.kills import digests
from benchmarks.rot import damages, of_report, unnoticed
from fedsky import language
from fedsky.config import compose, resolve
from fedsky.history import RUNNING, read_run, reasons, sums, write_end, write_json
from fedsky.resume import resume
from fedsky.run import run
from fedsky.run.loop import RoundLoop

TINY = {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}


def config() -> dict[str, Any]:
    return resolve(compose(["engine=inline", "num_rounds=2", "num_clients=2", "strategy=scaffold"])) | TINY


@pytest.fixture(scope="module", params=["done", "interrupted"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has ended."""
    folder = tmp_path_factory.mktemp("ended") / "run"
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text("seed: 0\n")
    with cut_short(2) if request.param == "interrupted" else nullcontext():
        run(config(), folder)
    assert info_of(folder)["status"] == request.param
    return folder


def copied(whole: Path, place: Path) -> Path:
    return Path(shutil.copytree(whole, place / "run"))


def test_a_folder_as_its_run_left_it_is_read(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    info = info_of(folder)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {*info["files"], "run.json"} == names
    assert sums.changed(folder, info) == ""
    for name in ("checkpoint", "clients"):  # which are large
        shutil.rmtree(folder / name)
    assert sums.changed(folder, info) == "" and read_run(folder, whole=True).status == info["status"]


def test_every_reader_notices_every_file_that_was_cut_or_has_rotted(whole: Path, tmp_path: Path) -> None:
    rng = random.Random(0)
    for path in sorted(path for path in whole.rglob("*") if path.is_file()):
        name, content = path.relative_to(whole).as_posix(), path.read_bytes()
        for what, damaged in damages(content, rng, 1, range(0, 10, 9)):
            folder = copied(whole, tmp_path)
            (folder / name).write_bytes(damaged)
            assert unnoticed(folder, name) == {}, f"{name} {what}"
            shutil.rmtree(folder)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder of a run that was killed in its third round of four, and the sums of the same run left alone."""
    place = tmp_path_factory.mktemp("killed")
    for name in ("alone", "run"):
        (place / name / ".hydra").mkdir(parents=True)
        (place / name / ".hydra" / "config.yaml").write_text("seed: 0\n")
    run(config() | {"num_rounds": 4}, place / "alone")
    with pytest.MonkeyPatch.context() as patch, cut_short(3):
        patch.setattr("fedsky.run.write_end", lambda folder, info: None)
        run(config() | {"num_rounds": 4}, place / "run")
    (place / "run" / ".lock").touch()  # which a process that is no more has left
    assert info_of(place / "run")["status"] == RUNNING
    assert read_run(place / "run", whole=True).info["reason"] == "its process ended without a word"
    return place / "run", digests(place / "alone")


def test_of_a_killed_run_every_damage_is_noticed_or_done_again(
    killed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    whole, sums = killed
    rng, mended = random.Random(0), set()
    for path in sorted(path for path in whole.rglob("*") if path.is_file() and path.name != ".lock"):
        name, content = path.relative_to(whole).as_posix(), path.read_bytes()
        for what, damaged in damages(content, rng, 2, range(0, 10, 9)):
            folder = copied(whole, tmp_path)
            (folder / name).write_bytes(damaged)
            assert unnoticed(folder, name, sums, word_for(whole)) == {}, f"{name} {what}"
            if read_run(folder).status == "done":
                mended.add(name)
            shutil.rmtree(folder)
    again = {"clients/0@3.safetensors", "clients/1@3.safetensors"}
    assert mended == {*again, "best.safetensors"}, "of the round that is done again, or the checkpoint's own weights"


def test_what_is_written_after_a_killed_runs_checkpoint_is_done_again(
    killed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder = copied(killed[0], tmp_path)
    with (folder / "rounds.jsonl").open("a") as file:
        file.write('{"round": 3, "accu')
    resume(folder, word_for(folder))
    assert digests(folder) == killed[1]


def test_a_best_model_that_a_kill_kept_from_being_written_is_written_anew(
    killed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """It is written after the checkpoint of its round, which has the same weights."""
    folder, write = tmp_path / "run", RoundLoop._write_best

    def cut(loop: RoundLoop, content: bytes | None) -> None:
        if content is not None and loop.progress.round:
            raise KeyboardInterrupt
        write(loop, content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RoundLoop, "_write_best", cut)
        patch.setattr("fedsky.run.write_end", lambda folder, info: None)
        with pytest.raises(KeyboardInterrupt):
            run(config() | {"num_rounds": 4}, folder)
    resume(folder, word_for(folder))
    assert digests(folder) == killed[1]


def test_edited_figures_are_not_counted_and_the_reason_is_told_in_the_readers_language(
    whole: Path, tmp_path: Path
) -> None:
    folder = copied(whole, tmp_path)
    info = info_of(folder)
    (folder / "run.json").write_text(json.dumps(info | {"status": "done", "reason": "edited"}, indent=1) + "\n")
    read = read_run(folder)
    assert (read.status, read.info["reason"]) == ("failed", "changed since the run ended: run.json")
    with language.use("zh"):
        assert reasons.told(read.info["reason"]) == "运行结束后被更改：run.json"
    del info["sha256"], info["files"]  # what says so cannot be left out unseen
    write_json(folder / "run.json", info | {"status": "done"})
    assert read_run(folder).info["reason"] == "changed since the run ended: run.json"


def test_a_file_that_the_run_did_not_leave_is_noticed(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    (folder / "models").mkdir()
    shutil.copy(folder / "best.safetensors", folder / "models" / "0.safetensors")
    (folder / "models" / "._0.safetensors").touch()  # of a Mac
    assert "changed since the run ended: models/0.safetensors (new)" in of_report(folder)


def test_what_a_worker_kept_after_its_run_had_failed_is_done_again(whole: Path, tmp_path: Path) -> None:
    """Of the round that was not complete; a worker of Ray's outlives a raylet that is killed."""
    folder = copied(whole, tmp_path)
    status, clients = read_run(folder).status, folder / "clients"
    kept = next(clients.glob("1@*"))
    shutil.copy(kept, clients / "1@3.safetensors")
    if status == "done":
        assert "changed since the run ended: clients/1@3.safetensors (new)" in of_report(folder)
        return
    assert read_run(folder, whole=True).status == status
    shutil.copy(kept, clients / "1@0.safetensors")
    assert read_run(folder, whole=True).info["reason"] == "changed since the run ended: clients/1@0.safetensors (new)"
    (clients / "1@0.safetensors").unlink()
    resume(folder, word_for(folder))
    assert read_run(folder, whole=True).status == "done"
    assert not (clients / "1@3.safetensors").exists()


def test_runs_without_sums_and_those_that_go_on_are_read(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    info = sums.without_sums(info_of(folder))
    write_json(folder / "run.json", info | {"status": RUNNING})
    assert read_run(folder, whole=True).info["reason"] != "changed since the run ended: run.json"
    del info["format"]
    write_json(folder / "run.json", info)
    (folder / "best.safetensors").write_bytes(b"x")
    assert read_run(folder, whole=True).status == info["status"]
    write_end(folder, info)
    assert info_of(folder)["files"]["best.safetensors"]["bytes"] == 1


def test_a_run_that_went_on_has_the_sums_of_its_end(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    if info_of(folder)["status"] == "done":
        with pytest.raises(ValueError, match="is done: start another run"):
            resume(folder)
        return
    resume(folder, word_for(folder))
    assert read_run(folder, whole=True).status == "done"
    assert "predictions.csv" in info_of(folder)["files"]
