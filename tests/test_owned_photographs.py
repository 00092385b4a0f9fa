"""Photographs whose owners are declared, from the folder on disk through run, resume, report and site."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cut_short import cut_short
from owned_photographs import owner_folders, with_manifest

from fedsky.config import compose, resolve
from fedsky.data.manifest import PARTS
from fedsky.data.owners import load
from fedsky.history import read_run
from fedsky.report.page import write_report
from fedsky.resume import resume
from fedsky.run import run
from fedsky.run.dry_run import dry_run
from fedsky.web.runs.views import owner_names, partition

QUICK = ["engine=inline", "num_rounds=2", "data.size=16", "partition=natural", "model.norm=group", "batch_size=8"]
THREE = {"Ada": {"cloudy": 8, "sunny": 6}, "Bo": {"cloudy": 5, "sunny": 7}, "Cy": {"cloudy": 6, "sunny": 6}}


def config_of(root: Path, *overrides: str) -> dict[str, Any]:
    config = compose(["data=folder", *QUICK, *overrides])
    config.data.root = str(root)  # not among the words, which are composed once
    return resolve(config)


def days(count: int = 30) -> list[dict[str, str]]:
    """Photographs of three owners: one a day, every third a test, those of a day of two owners one group."""
    return [
        {
            "file": f"{number:02d}.png",
            "label": ("sunny", "cloudy")[number % 2],
            "owner": "XYZ"[number % 3],
            "part": ("test", "", "validation", "", "", "train")[number // 3 % 6],
            "taken": f"2026-05-{1 + number // 3:02d}",
        }
        for number in range(count)
    ]


def folders(root: Path) -> Path:
    return owner_folders(root, THREE)


def manifest(root: Path) -> Path:
    lines = [line | {"group": line["taken"] if line["owner"] == "X" else ""} for line in days(36)]
    return with_manifest(root, lines)


def sharing(root: Path) -> Path:
    """Bo has two of Ada's photographs, too."""
    owner_folders(root, THREE)
    for name in ("00.png", "01.png"):
        (root / "Bo" / "cloudy" / f"copy-{name}").write_bytes((root / "Ada" / "cloudy" / name).read_bytes())
    return root


def one_class(root: Path) -> Path:
    return owner_folders(root, {**THREE, "Di": {"sunny": 6}})


FOUR: dict[Callable[[Path], Path], dict[str, list[int]]] = {
    folders: {"Ada": [8, 6], "Bo": [5, 7], "Cy": [6, 6]},
    manifest: {"X": [6, 6], "Y": [6, 6], "Z": [6, 6]},
    sharing: {"Ada": [8, 6], "Bo": [7, 7], "Cy": [6, 6]},
    one_class: {"Ada": [8, 6], "Bo": [5, 7], "Cy": [6, 6], "Di": [0, 6]},
}


@pytest.mark.parametrize("make", FOUR, ids=lambda make: make.__name__)
def test_owners_are_run_resumed_reported_and_shown(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    root, wanted = make(tmp_path / "photos"), FOUR[make]
    config = config_of(root)
    assert config["num_clients"] is None
    info = run(config, tmp_path / "runs" / "whole", {"strategy": "fedavg", "data": "folder"})
    assert info["config"]["num_clients"] == len(wanted) and info["config"]["client_names"] == list(wanted)
    shown = partition(read_run(tmp_path / "runs" / "whole"))
    found = {client["name"]: np.sum([client[part] for part in PARTS], axis=0).tolist() for client in shown["clients"]}
    assert (found, shown["num_owners"], shown["classes"]) == (wanted, len(wanted), ["cloudy", "sunny"])
    assert owner_names(read_run(tmp_path / "runs" / "whole")) == dict(enumerate(wanted))
    page = write_report([tmp_path / "runs"], tmp_path / "report").read_text()
    assert all(f">{name}<" in page for name in wanted)

    with cut_short(2):
        run(config_of(root), tmp_path / "stopped")
    resume(tmp_path / "stopped")
    for name in ("rounds.jsonl", "clients.jsonl", "predictions.csv", "partition.json", "model.safetensors"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "runs" / "whole" / name).read_bytes(), name


def test_a_run_does_not_go_on_with_photographs_that_are_anothers_now(tmp_path: Path) -> None:
    root = with_manifest(tmp_path / "photos", days())
    with cut_short(2):
        run(config_of(root), tmp_path / "run")
    text = (root / "manifest.csv").read_text()
    (root / "manifest.csv").write_text(text.replace(",Y,", ",Z,", 1))
    with pytest.raises(ValueError, match="the data are not those of the beginning: as many photographs of the same"):
        resume(tmp_path / "run")


def test_a_manifest_says_owner_part_group_and_date(tmp_path: Path) -> None:
    lines = days()
    root = with_manifest(tmp_path / "photos", lines)
    photos, owners = load(config_of(root))
    said = {line["file"]: line for line in lines}
    assert [owner.name for owner in owners] == ["X", "Y", "Z"]
    for owner in owners:
        for part in ("train", "validation", "test"):
            for name in (photos.names[index] for index in getattr(owner, part)):
                assert said[name]["owner"] == owner.name and said[name]["part"] in ("", part)
    info = run(config_of(root, "data.split=time", "num_rounds=1", "strategy=local"), tmp_path / "run")
    assert info["status"] == "done" and info["config"]["data"]["split"] == "time"
    assert info["data"]["num_declared_test"] == sum(line["part"] == "test" for line in lines)
    for line in lines:
        line |= {"part": "", "group": line["taken"]}
    photos, owners = load(config_of(with_manifest(tmp_path / "grouped", lines), "data.split=time"))
    latest = max(photos.names[index] for owner in owners for index in owner.train)
    earliest = min(photos.names[index] for owner in owners for index in owner.test)
    assert latest < earliest, "of three owners, all photographs of a day are on one side"
    assert all(len(owner.test) == 2 for owner in owners)


def test_owners_are_kept_by_name_and_by_number_and_others_are_left_out(tmp_path: Path) -> None:
    root = owner_folders(tmp_path / "photos", THREE)
    for asked in ("[Ada,Cy]", "[0,2]"):
        info = run(config_of(root, f"+partition.owners={asked}", "num_rounds=1"), tmp_path / asked)
        assert info["config"]["client_names"] == ["Ada", "Cy"] and info["config"]["num_clients"] == 2
    one, other = ((tmp_path / asked / "clients.jsonl").read_bytes() for asked in ("[Ada,Cy]", "[0,2]"))
    assert one == other
    named = resolve(compose(["data=folder", f"data.root={root}", *QUICK, "client_names=[p,q,r]", "num_rounds=1"]))
    assert run(named, tmp_path / "named")["config"]["client_names"] == ["p", "q", "r"]


def test_who_owns_what_is_no_matter_to_another_partition(tmp_path: Path) -> None:
    config = config_of(owner_folders(tmp_path / "photos", THREE), "partition=iid", "num_clients=2")
    photos, owners = load(config)
    assert sum(len(owner.train) + len(owner.validation) + len(owner.test) for owner in owners) == len(photos) == 38
    assert [owner.name for owner in owners] == ["", ""]


def test_what_is_odd_about_owners_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = owner_folders(tmp_path / "photos", {**THREE, "Di": {"sunny": 6}})
    for name in ("00.png", "01.png"):
        (root / "Bo" / "cloudy" / f"copy-{name}").write_bytes((root / "Ada" / "cloudy" / name).read_bytes())
    dry_run(config_of(root), tmp_path / "run")
    told = "\n".join(caplog.messages)
    run(config_of(root, "num_rounds=1"), tmp_path / "run")
    told = "\n".join(caplog.messages)
    assert "owner Di has no photograph of cloudy: a model that it trains alone never says so, " in told
    assert "leave the owner out with +partition.owners=[...]" in told
    assert "owners Ada and Bo share 2 pictures (near duplicates, or one group; first Ada/cloudy/00.png and Bo/" in told
    photos, owners = load(config_of(root))
    place = {
        photos.names[index]: part
        for owner in owners
        for part in ("train", "validation", "test")
        for index in getattr(owner, part)
    }
    for name in ("00.png", "01.png"):
        assert place[f"Ada/cloudy/{name}"] == place[f"Bo/cloudy/copy-{name}"]
    assert len(load(config_of(root, "data.duplicates=drop"))[0]) == len(photos) - 2
    lines = [{**line, "part": ("train", "test")[number % 2]} for number, line in enumerate(days(12))]
    again = with_manifest(tmp_path / "leak", lines)
    (again / "01.png").write_bytes((again / "00.png").read_bytes())
    lines[2]["part"] = lines[4]["part"] = "validation"
    with_manifest(tmp_path / "leak", lines)
    (again / "01.png").write_bytes((again / "00.png").read_bytes())
    caplog.clear()
    run(config_of(again, "num_rounds=1"), tmp_path / "leaky")
    assert "1 picture is declared to train and to test with (first 00.png and 01.png): " in "\n".join(caplog.messages)


@pytest.mark.parametrize(
    ("counts", "overrides", "line"),
    [
        (
            THREE,
            ["num_clients=5"],
            "num_clients=5: these data come with 3 owners, no more and no fewer: leave num_clients",
        ),
        (
            THREE,
            ["num_clients=3", "+partition.owners=[Ada,Bo]"],
            "num_clients=3: partition.owners names 2 owners, no mo",
        ),
        (THREE, ["+partition.owners=[Ada,Eve]"], "partition.owners=[Ada,Eve]: there is no Eve; choose of Ada, Bo, Cy"),
        (THREE, ["client_names=[a,b]"], "client_names=[a,b]: as many names as num_clients=3 are needed"),
        (
            THREE,
            ["data.split=time"],
            "data.split=time: Ada/cloudy/00.png has no date (14 of its owner have none): fill ",
        ),
        (THREE, ["data.split=date"], "data.split=date: choose folds or time"),
        (
            THREE,
            ["data.split=time", "data.fold=2/5"],
            "data.fold=2/5: with data.split=time there is one part to test on",
        ),
        (
            {**THREE, "Di": {"sunny": 1, "cloudy": 1}},
            [],
            "owner Di has 2 photographs (copies as one), too few for 5 folds",
        ),
        ({"Ada": {"sunny": 9}}, [], "the owners' folders of "),
    ],
)
def test_what_owners_cannot_do_is_refused(
    tmp_path: Path, counts: dict[str, dict[str, int]], overrides: list[str], line: str
) -> None:
    root = owner_folders(tmp_path / "photos", counts)
    with pytest.raises(ValueError) as raised:
        run(config_of(root, *overrides), tmp_path / "run")
    assert str(raised.value).startswith(line) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"owner": ""}, "manifest.csv: 00.png has no owner (1 have none): fill in the column for every photograph"),
        (
            {"part": "exam"},
            "manifest.csv, line 2: part=exam: write train, validation, test, or nothing to leave it to ",
        ),
        ({"taken": "May"}, "manifest.csv, line 2: taken=May is not a date: write one such as 2026-05-31 or 2026"),
        (
            {"group": "g", "part": "train"},
            "group g has 01.png to test and 00.png to train with: give all of a group one",
        ),
    ],
)
def test_what_a_manifest_says_wrongly_is_refused(tmp_path: Path, change: dict[str, str], line: str) -> None:
    lines = days()
    lines[0] |= change
    lines[1] |= {"group": "g"}
    root = with_manifest(tmp_path / "photos", lines)
    with pytest.raises(ValueError) as raised:
        load(config_of(root))
    assert str(raised.value).removeprefix(f"{root}/").startswith(line)


def test_parts_that_leave_nothing_to_choose_by_are_refused(tmp_path: Path) -> None:
    lines = [{**line, "part": "test" if number < 9 else "train"} for number, line in enumerate(days())]
    root = with_manifest(tmp_path / "photos", lines)
    with pytest.raises(ValueError, match=r"^no owner has a photograph to validate with, which is what chooses"):
        load(config_of(root))
    lines = [{**line, "part": "train" if line["owner"] == "X" else ""} for line in days()]
    with pytest.raises(ValueError, match=r"^owner X has no photograph to test with: add some, or leave parts in man"):
        load(config_of(with_manifest(tmp_path / "none", lines)))


@pytest.mark.parametrize(
    "text", ["2026-05-31", "2026-05-31T00:00", "2026:05:31 00:00:00", "2026-05-31 02:00+02:00", ""]
)
def test_dates_are_read_as_people_and_cameras_write_them(tmp_path: Path, text: str) -> None:
    lines = days()
    lines[0]["taken"] = text
    photos = load(config_of(with_manifest(tmp_path, lines)))[0]
    assert photos.declared is not None and photos.declared.taken is not None
    found = photos.declared.taken[photos.names.index("00.png")]
    assert math.isnan(found) if not text else found == 1780185600.0


def test_stray_photographs_beside_owners_are_told(tmp_path: Path) -> None:
    root = owner_folders(tmp_path / "photos", THREE)
    (root / "Bo" / "stray.png").write_bytes((root / "Bo" / "cloudy" / "00.png").read_bytes())
    with pytest.raises(ValueError, match=r"holds no photograph .*; of owners, all photographs lie in root/OWNER/CL"):
        load(config_of(root))
