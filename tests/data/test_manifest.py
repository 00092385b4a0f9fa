"""A manifest of photographs: whose classes, which rows, and what is refused with which advice."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from fedsky.data import Photos
from fedsky.data.folder import load


@pytest.fixture
def root(tmp_path: Path) -> Path:
    home = tmp_path / "photos"
    home.mkdir()
    for number, name in enumerate("dcba"):
        Image.new("RGB", (20, 16), (60 * number, 0, 0)).save(home / f"{name}.png")
    return home


def write(root: Path, text: str, name: str = "manifest.csv") -> Path:
    path = root / name
    path.write_text(text, encoding="utf-8")
    return path


def loaded(root: Path | None, tmp_path: Path, manifest: str | bool | None = None) -> Photos:
    return load(None if root is None else str(root), 16, str(tmp_path / "cache"), manifest)


def refusal(root: Path, manifest: str | bool | None = None) -> str:
    with pytest.raises(ValueError) as raised:
        loaded(root, root.parent, manifest)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_label_is_the_tables_and_other_columns_are_for_people(root: Path, tmp_path: Path) -> None:
    write(root, "\ufefflicence,label,file\ncc0, sunny ,./b.png\nby,cloudy,d.png\n,mixed,a.png\n,cloudy,c.png\n")
    photos = loaded(root, tmp_path)
    assert list(photos.classes) == ["cloudy", "mixed", "sunny"]
    assert list(photos.names) == ["c.png", "d.png", "a.png", "b.png"]
    assert photos.labels.tolist() == [0, 0, 1, 2]
    assert [int(pixels[0].mean()) for pixels in photos.pixels] == [60, 0, 180, 120]


def test_the_review_drops_and_relabels(root: Path, tmp_path: Path) -> None:
    write(
        root,
        "file,label,review\na.png,sunny,keep\nb.png,sunny, Drop \nc.png,sunny,relabel: cloudy\nd.png,cloudy,doubtful\n"
        "missing.png,sunny,drop\n",
    )
    photos = loaded(root, tmp_path)
    assert dict(zip(photos.names, photos.labels.tolist(), strict=True)) == {"a.png": 1, "c.png": 0, "d.png": 0}


def test_a_manifest_may_lie_elsewhere_and_bring_the_root(root: Path, tmp_path: Path) -> None:
    text = "file,label\na.png,x\nb.png,y\n"
    elsewhere = write(tmp_path, text, "list.csv")
    here = write(root, text, "list.csv")
    one, other = loaded(root, tmp_path, str(elsewhere)), loaded(None, tmp_path, str(here))
    assert one.fingerprint == other.fingerprint and len(one) == 2


def test_false_goes_by_the_folders(root: Path, tmp_path: Path) -> None:
    write(root, "file,label\na.png,x\nb.png,y\n")
    for name in ("one", "two"):
        (root / name).mkdir()
        shutil.copy(root / "a.png", root / name / "a.png")
    assert list(loaded(root, tmp_path, False).classes) == ["one", "two"]
    assert list(loaded(root, tmp_path).classes) == ["x", "y"]


def test_the_sky_manifest_agrees_with_its_folders(sky: Path, tmp_path: Path) -> None:
    by_table, by_folder = (load(str(sky), 16, str(tmp_path), manifest, duplicates="keep") for manifest in (None, False))
    assert by_table.fingerprint == by_folder.fingerprint and by_table.groups is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,label\na.png,x\n", "manifest.csv has no column file: name the columns"),
        ("", "manifest.csv has no column file"),
        ("file,class\na.png,x\n", "manifest.csv has no column label"),
        ("file,label\na.png,x\n", "photographs of 1 classes (x): two or more are needed"),
        ("file,label\n", "photographs of 0 classes (none)"),
        ("file,label\na.png,x\n./a.png,y\n", "names a.png twice: remove one of the rows"),
        ("file,label\na.png,x\n,y\n", "manifest.csv, line 3: file is empty: fill it in"),
        ("file,label\na.png\nb.png,y\n", "manifest.csv, line 2: label is empty: fill it in"),
        (
            "file,label,review\na.png,x,relabel:\nb.png,y,\n",
            "line 2: review=relabel: names no class: write relabel:NAME",
        ),
    ],
)
def test_what_is_no_manifest_is_refused(root: Path, text: str, told: str) -> None:
    write(root, text)
    assert told in refusal(root)


def test_another_encoding_is_refused(root: Path) -> None:
    (root / "manifest.csv").write_bytes("file,label\na.png,größer\n".encode("latin-1"))
    assert "is not text in UTF-8 or UTF-16" in refusal(root)


def test_a_row_without_its_file_is_told(root: Path, tmp_path: Path) -> None:
    write(root, "file,label\na.png,x\ngone.png,y\nb.png,y\n")
    with pytest.raises(OSError, match=r"gone\.png cannot be read .*: mend or remove it, or set data.on_bad=skip"):
        loaded(root, tmp_path)


@pytest.mark.parametrize("manifest", ["nowhere.csv", True])
def test_a_manifest_that_is_not_there_is_refused(root: Path, manifest: str | bool) -> None:
    message = refusal(root, manifest)
    assert message.startswith(f"data.manifest={'true' if manifest is True else manifest} is not a file")
    assert "set data.manifest=false" in message
