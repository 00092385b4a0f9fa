"""A run goes on with what it began with: other data are refused, other code is told, and one process alone writes."""

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cut_short import cut_short
from interrupted import writer
from PIL import Image
from run_files import digests, info_of

from fedsky.config import compose, resolve
from fedsky.config.claim import Claim
from fedsky.history.lock import HeldError
from fedsky.machine.versions import versions
from fedsky.resume import resume, resume_sweep
from fedsky.run import beginning, provenance, run
from fedsky.run.dry_run import dry_run

SMALL = ["engine=inline", "num_clients=2", "num_rounds=4", "data=folder", "data.size=16", "data.duplicates=keep"]


def photographs(root: Path, count: int = 24) -> Path:
    for number in range(count):
        folder = root / ("cloudy" if number % 2 else "sunny")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return root


def info(folder: Path) -> dict[str, Any]:
    content = info_of(folder)
    assert isinstance(content, dict)
    return content


Cut = Callable[..., Path]


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cut:
    """A run that was interrupted in round 3, on the photographs in ``photographs``."""

    def make(*overrides: str) -> Path:
        monkeypatch.chdir(tmp_path)
        photographs(tmp_path / "photographs")
        asked = [*SMALL, "data.root=photographs", f"data.cache={tmp_path / 'cache'}", *overrides]
        with cut_short(3):
            run(resolve(compose(asked)), tmp_path / "run")
        return tmp_path / "run"

    return make


def add(root: Path) -> None:
    photographs(root, 30)


def rename(root: Path) -> None:
    (root / "cloudy").rename(root / "windy")


def swap(root: Path) -> None:
    for here, there in (("cloudy", "x"), ("sunny", "cloudy"), ("x", "sunny")):
        (root / here).rename(root / there)


def repaint(root: Path) -> None:
    Image.new("RGB", (16, 16), "red").save(root / "sunny" / "00.png")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (add, "6 photographs more (30, not 24); bring those back"),
        (lambda root: (root / "sunny" / "02.png").unlink(), "1 photograph fewer (23, not 24); bring"),
        (rename, "classes sunny, windy, not cloudy, sunny; bring"),
        (swap, "as many photographs of the same classes, but other ones, or with other names or labels; bring"),
        (repaint, "as many photographs of the same classes, but other ones"),
    ],
)
def test_other_data_are_refused_by_name(cut: Cut, change: Callable[[Path], None], told: str) -> None:
    folder = cut()
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    change(Path("photographs"))
    with pytest.raises(ValueError) as caught:
        resume(folder)
    assert str(caught.value).startswith(f"{folder}: the data are not those of the beginning: {told}")
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == before


def test_what_it_began_with_stays(cut: Cut, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    folder = cut()
    begun = info(folder)
    assert begun["data"]["num_images"] == 24 and len(begun["data"]["fingerprint"]) == 16
    known, machine = versions() | {"torch": "9.9"}, provenance.machine() | {"processor": "Z80"}
    monkeypatch.setattr(beginning, "versions", lambda: known)
    monkeypatch.setattr(provenance, "machine", lambda: machine)
    monkeypatch.setattr(provenance, "constraints", lambda: {})
    monkeypatch.setattr(provenance, "commit", lambda: {"commit": "f" * 40, "changed": False})
    monkeypatch.setattr(provenance, "now", lambda: "2030-01-01T00:00:00+00:00")
    with caplog.at_level(logging.WARNING, "fedsky"):
        resume(folder)
    done = info(folder)
    for key in ("started", "command", "versions", "machine", "commit", "changed", "data", "choices", "config"):
        assert done.get(key) == begun.get(key), key
    [resumed] = done["resumed"]
    assert resumed == {
        "started": "2030-01-01T00:00:00+00:00",
        "versions": known,
        "commit": "f" * 40,
        "changed": False,
        "machine": machine,
    }
    [line] = [record.message for record in caplog.records if "goes on with" in record.message]
    for told in ("torch 9.9 (begun with ", "the processor Z80 (begun with "):
        assert told in line
    assert ("commit ffffffffff (begun with " in line) == ("commit" in begun)


def test_the_same_code_on_the_same_machine_is_nothing_to_tell(cut: Cut, caplog: pytest.LogCaptureFixture) -> None:
    folder = cut()
    with caplog.at_level(logging.WARNING, "fedsky"):
        resume(folder)
    assert "goes on with" not in caplog.text and len(info(folder)["resumed"]) == 1


def test_relative_places_begin_where_the_run_was_started(
    cut: Cut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cut()
    run(resolve(compose([*SMALL, "data.root=photographs", f"data.cache={tmp_path / 'cache'}"])), tmp_path / "whole")
    (tmp_path / "elsewhere").mkdir()
    photographs(tmp_path / "elsewhere" / "photographs", 12)  # others, of the same name
    monkeypatch.chdir(tmp_path / "elsewhere")
    resume(folder)
    assert digests(folder) == digests(tmp_path / "whole")
    assert info(folder)["config"]["data"]["root"] == "photographs", "as it was asked"


NEW = ("data", "directory", "format", "files", "sha256", "trace")


def older(folder: Path) -> None:
    """What a version left that kept no fingerprint, no states, no directory and no sums."""
    left = {key: value for key, value in info(folder).items() if key not in NEW}
    (folder / "run.json").write_text(json.dumps(left))


@pytest.mark.parametrize("strategy", ["fedavg", "scaffold"])
def test_a_run_of_an_older_version_goes_on_as_far_as_it_can_be_checked(
    cut: Cut, tmp_path: Path, caplog: pytest.LogCaptureFixture, strategy: str
) -> None:
    folder = cut(f"strategy={strategy}")
    asked = [*SMALL, "data.root=photographs", f"data.cache={tmp_path / 'cache'}", f"strategy={strategy}"]
    run(resolve(compose(asked)), tmp_path / "whole")
    older(folder)
    [path] = (folder / "checkpoint").iterdir()
    path.write_bytes(without_states(path.read_bytes()))
    resume(folder)
    assert "it cannot be checked that they are the same" in caplog.text
    assert digests(folder) == digests(tmp_path / "whole")


def without_states(content: bytes) -> bytes:
    """A checkpoint whose header says nothing of states and sums, as older versions wrote it."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    about = json.loads(header["__metadata__"]["fedsky"])
    for key in ("states", "sums", "whole"):
        del about[key]
    header["__metadata__"]["fedsky"] = json.dumps(about)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def test_other_numbers_of_images_are_refused_in_a_run_of_an_older_version(cut: Cut) -> None:
    folder = cut()
    older(folder)
    photographs(Path("photographs"), 30)
    with pytest.raises(ValueError, match=r"the data are not those of the beginning: partition\.json"):
        resume(folder)


@pytest.mark.parametrize("foreign", ["._2.safetensors", ".nfs0.safetensors", "2 (copy).safetensors", "x.safetensors"])
def test_foreign_files_beside_a_checkpoint_are_nobodys(cut: Cut, foreign: str) -> None:
    folder = cut("strategy=scaffold")
    (folder / "checkpoint" / foreign).write_bytes(b"\0\5\26\7")
    (folder / "clients" / "._0@2.safetensors").write_bytes(b"\0\5\26\7")
    (folder / "clients" / "0@x.safetensors").write_bytes(b"")
    resume(folder)
    assert (folder / "checkpoint" / foreign).exists() and (folder / "clients" / "._0@2.safetensors").exists()


def test_while_somebody_writes_nobody_else_does(cut: Cut, tmp_path: Path) -> None:
    folder = cut()
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    with writer(folder) as other:
        for act in (
            lambda: resume(folder),
            lambda: run(resolve(compose(SMALL)), folder),
            lambda: resume_sweep(folder, {}),
        ):
            with pytest.raises(HeldError, match=f"process {other.pid} on this machine, since .* writes there"):
                act()
    assert info(folder) == info(whole)
    resume(folder)  # now that it is gone
    resume(whole)
    assert digests(folder) == digests(whole)
    assert not (folder / ".lock").exists()


def test_a_command_is_refused_before_hydra_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config: Any = compose([])
    asked = compose_hydra(tmp_path / "taken", tmp_path / "sweep")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "run.json").write_text("{}")
    with pytest.raises(SystemExit, match="fedsky: taken holds a run already: name another folder"):
        Claim().on_run_start(asked)
    Claim().on_run_end(asked)
    with writer(tmp_path / "sweep"), pytest.raises(SystemExit, match=r"fedsky: sweep: process \d+ on this machine"):
        Claim().on_multirun_start(asked)
    Claim().on_multirun_start(asked)
    Claim().on_multirun_end(asked)
    assert os.listdir(tmp_path / "sweep") == [] and os.listdir(tmp_path / "taken") == ["run.json"]
    with pytest.raises(ValueError, match="holds a run already"):
        dry_run(resolve(config), tmp_path / "taken")
    assert os.listdir(tmp_path / "taken") == ["run.json"], "a dry run removes its folder, not a run's"


def compose_hydra(run_folder: Path, sweep: Path) -> Any:
    from omegaconf import OmegaConf

    return OmegaConf.create({"hydra": {"run": {"dir": str(run_folder)}, "sweep": {"dir": str(sweep)}}})


def test_a_trace_file_that_was_changed_is_refused(cut: Cut, tmp_path: Path) -> None:
    trace = tmp_path / "there.csv"
    trace.write_text("client,first,last\n0,1,9\n1,1,9\n")
    folder = cut("clients=trace", f"clients.trace={trace}")
    before = trace.read_text()
    trace.write_text(before.replace("1,1,9", "1,3,9"))
    with pytest.raises(ValueError, match=r"clients\.trace=.* is not the file of the beginning: bring that back, or"):
        resume(folder)
    trace.write_text(before)
    resume(folder)
    assert info(folder)["status"] == "done"
