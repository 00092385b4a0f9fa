"""Owners' folders and manifests as people really have them: each is read, or refused in one line with the remedy."""

import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from owned_photographs import COLUMNS, owner_folders, photograph, with_manifest
from PIL import Image

from fedsky.config import compose, resolve
from fedsky.data import Owner
from fedsky.data.manifest import PARTS
from fedsky.data.owners import load
from fedsky.report.page import write_report
from fedsky.run import run

BOTH = {"cloudy": 6, "sunny": 6}
NAMES = ("Ada Lovelace", "Jörg Größe", "天空站", "x" * 200, "a, b; 'c' & <d>", "tab\there")


def config_of(root: Path, *overrides: str) -> dict[str, Any]:
    quick = ["engine=inline", "num_rounds=1", "data.size=16", "partition=natural", "model.norm=group", "batch_size=8"]
    config = compose(["data=folder", *quick, *overrides])
    config.data.root = str(root)  # not among the words, which are composed once
    return resolve(config)


def refusal(root: Path, *overrides: str) -> str:
    with pytest.raises(ValueError) as raised:
        load(config_of(root, *overrides))
    assert "\n" not in str(raised.value)
    return str(raised.value).replace(str(root), "root")


def whose(root: Path, *overrides: str) -> dict[str, str]:
    """The owner of every photograph that is trained or tested on."""
    photos, owners = load(config_of(root, *overrides))
    return {photos.names[index]: owner.name for owner in owners for part in PARTS for index in getattr(owner, part)}


@pytest.mark.parametrize("way", ["folders", "manifest"])
def test_names_of_all_kinds_stand_in_run_and_report(tmp_path: Path, way: str) -> None:
    root = tmp_path / "my photos"
    if way == "folders":
        owner_folders(root, dict.fromkeys(NAMES, BOTH))
    else:
        with_manifest(
            root,
            [
                {"file": f"{number}.png", "label": ("cloudy", "sunny")[number % 2], "owner": NAMES[number % len(NAMES)]}
                for number in range(10 * len(NAMES) + 5)
            ],
        )
    info = run(config_of(root), tmp_path / "runs" / "fedavg", {"strategy": "fedavg", "data": "folder"})
    assert info["config"]["client_names"] == sorted(NAMES)
    kept = json.loads((tmp_path / "runs" / "fedavg" / "partition.json").read_text())
    assert [client["name"] for client in kept["clients"]] == sorted(NAMES)
    if way == "manifest":
        return  # the run's files are alike, and so is what is made of them
    page = write_report([tmp_path / "runs"], tmp_path / "report").read_text()
    for shown in ("Ada Lovelace", "Jörg Größe", "天空站", "a, b; &#39;c&#39; &amp; &lt;d&gt;", "tab here"):
        assert shown in page, shown
    assert "<d>" not in page and "x" * 20 in page


def test_what_lies_beside_photographs_is_no_matter_or_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = owner_folders(tmp_path, {"Ada": BOTH, "Bo": BOTH})
    for name in ("Ada/notes.txt", "Ada/cloudy/Thumbs.db", "Bo/.DS_Store", "readme.md", "Bo/sunny/._00.png"):
        (root / name).write_bytes(b"text")
    (root / ".git").mkdir()
    assert set(whose(root).values()) == {"Ada", "Bo"} and len(whose(root)) == 24
    assert not [line for line in caplog.messages if "not read" in line]
    photograph(root / "beside.png", 99)
    assert len(whose(root)) == 24
    assert "1 file is not read: 1 beside the class folders (beside.png; put them into one)" in caplog.messages
    os.rename(root / "beside.png", root / "Ada" / "beside.png")
    assert refusal(root).startswith("the class folder root/Bo holds no photograph (") or refusal(root).startswith(
        "the class folder root/Ada holds"
    )
    assert refusal(root).endswith("; of owners, all photographs lie in root/OWNER/CLASS/")


def test_capital_suffixes_and_heic_are_read(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    root = owner_folders(tmp_path, {"Ada": BOTH, "Bo": BOTH})
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        image = Image.open(path)
        path.unlink()
        image.save(path.with_suffix((".JPG", ".HEIC", ".PNG", ".Jpeg")[number % 4]))
    assert len(whose(root)) == 24
    assert {Path(name).suffix for name in whose(root)} == {".JPG", ".HEIC", ".PNG", ".Jpeg"}


def test_folders_below_a_class_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = owner_folders(tmp_path, {"Ada": BOTH, "Bo": BOTH})
    for number in range(3):
        photograph(root / "Ada" / "cloudy" / "2026" / "May" / f"{number}.png", 50 + number)
    assert len(whose(root)) == 24
    told = "3 files are not read: 3 in folders below a class (Ada/cloudy/2026/May/0.png; move them up, or name them in "
    assert any(line.startswith(told) for line in caplog.messages)
    for path in (root / "Ada" / "cloudy").glob("*.png"):
        path.unlink()
    assert refusal(root).startswith(
        "the class folder root/Ada/cloudy holds no photograph (3 files are not read: 3 in fo"
    )


def test_an_owner_without_photographs_is_named(tmp_path: Path) -> None:
    root = owner_folders(tmp_path, {"Ada": BOTH, "Zoe": BOTH})
    (root / "Eve" / "sunny").mkdir(parents=True)
    assert refusal(root) == (
        "root/Eve holds no class folder with photographs, as the other owners' folders of root do (root/OWNER/CLASS/): "
        "add some, or move the folder away"
    )


@pytest.mark.parametrize(
    ("one", "other"), [("Ada", "ada"), (unicodedata.normalize("NFC", "Jörg"), unicodedata.normalize("NFD", "Jörg"))]
)
@pytest.mark.parametrize("way", ["folders", "manifest"])
def test_one_owner_under_two_names_is_refused(tmp_path: Path, way: str, one: str, other: str) -> None:
    if way == "folders":
        owner_folders(tmp_path, {one: BOTH, other: BOTH})
    else:
        with_manifest(
            tmp_path,
            [
                {
                    "file": f"{number}.png",
                    "label": ("cloudy", "sunny")[number // 2 % 2],
                    "owner": (one, other)[number % 2],
                }
                for number in range(24)
            ],
        )
    first, second = sorted((one, other))
    assert refusal(tmp_path) == (
        f"owners {first!a} and {second!a} are one name but for case, or for how their letters are encoded: "
        "write it in one way"
    )


@pytest.mark.parametrize(
    ("encoding", "delimiter", "end"),
    [("utf-8-sig", ";", "\r\n"), ("utf-16", "\t", "\r\n"), ("utf-8", ",", "\r\n"), ("utf-8-sig", ",", "\n")],
)
def test_manifests_of_spreadsheets_declare_owners(tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    lines = [
        {
            "file": f"{number}.png",
            "label": ("cloudy", "sunny")[number % 2],
            "owner": ("Jörg", "天空")[number // 2 % 2],
            "part": ("test", "", "")[number % 3],
            "taken": "2026-05-31 14:05",
        }
        for number in range(36)
    ]
    with_manifest(tmp_path, lines)
    heads = delimiter.join(f" {column.upper()} " for column in COLUMNS)
    rows = [delimiter.join(line.get(column, "") for column in COLUMNS) for line in lines]
    (tmp_path / "manifest.csv").write_bytes((end.join([heads, *rows, ""])).encode(encoding))
    assert whose(tmp_path) == {line["file"]: line["owner"] for line in lines}
    photos, owners = load(config_of(tmp_path))
    assert {photos.names[index] for owner in owners for index in owner.test} == {
        line["file"] for line in lines if line["part"] == "test"
    }


def parts_of(owners: list[Owner]) -> list[tuple[int, str]]:
    """Every photograph with its part, as often as it stands in one."""
    return [(index, part) for owner in owners for part in PARTS for index in getattr(owner, part).tolist()]


COUNTS = st.dictionaries(
    st.sampled_from(["Ada", "Bö", "C d", "天"]),
    st.fixed_dictionaries({"cloudy": st.integers(0, 7), "sunny": st.integers(5, 8)}),
    min_size=2,
    max_size=4,
).filter(lambda counts: any(each["cloudy"] for each in counts.values()))


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counts=COUNTS, fold=st.integers(1, 5))
def test_owners_of_folders_and_of_a_manifest_have_each_photograph_once_and_the_same(
    tmp_path_factory: pytest.TempPathFactory, counts: dict[str, dict[str, int]], fold: int
) -> None:
    """Disjoint, complete, each with its own owner; a folder's owners are those of a manifest that says the same."""
    counts = {name: {label: count for label, count in each.items() if count} for name, each in counts.items()}
    root = owner_folders(tmp_path_factory.mktemp("owners"), counts)
    asked = (f"data.fold={fold}/5", "data.duplicates=keep")
    photos, owners = load(config_of(root, *asked))
    found = parts_of(owners)
    assert sorted(index for index, _ in found) == list(range(len(photos)))
    assert whose(root, *asked) == {name: name.partition("/")[0] for name in photos.names}
    tested = [
        index
        for number in range(1, 6)
        for index, part in parts_of(load(config_of(root, f"data.fold={number}/5", "data.duplicates=keep"))[1])
        if part == "test"
    ]
    assert sorted(tested) == list(range(len(photos))), "over all folds each is tested once"
    files = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.png"))]
    rows = [",".join([file, file.split("/")[1], file.split("/")[0]]) for file in files]
    (root / "manifest.csv").write_text("\n".join(["file,label,owner", *rows]), encoding="utf-8")
    again, same = load(config_of(root, *asked))
    assert again.names == photos.names and parts_of(same) == found
    assert [owner.name for owner in same] == [owner.name for owner in owners]


@pytest.mark.parametrize(
    "words",
    [
        ["data=fcube"],
        ["data=synthetic", "num_clients=4"],
        ["data=rendered", "data.owners=3", "data.count=48", "data.size=16"],
    ],
    ids=" ".join,
)
def test_data_that_come_with_owners_have_each_image_once(words: list[str]) -> None:
    photos, owners = load(resolve(compose([*words, "partition=natural"])))
    assert sorted(index for index, _ in parts_of(list(owners))) == list(range(len(photos)))
    assert all(len(owner.train) and len(owner.test) for owner in owners)
