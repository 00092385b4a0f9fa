"""What of a folder is read, what is not and who says so; names that are not UTF-8."""

import csv
import logging
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from fedsky.data import picture
from fedsky.data.folder import load
from fedsky.data.listing import escaped, list_files, locate
from fedsky.data.picture import BrokenError, read
from fedsky.photographs.__main__ import app

GBK = os.fsdecode("晴天".encode("gbk"))  # bytes C7 E7 CC EC, which are no UTF-8
ESCAPED = "%C7%E7%CC%EC"


def photo(path: Path, number: int = 0, format: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize((48, 36)).rotate(7 * number).convert("RGB").save(path, format)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """60 photographs, of which 8 are read."""
    home = tmp_path / "photos"
    for number, name in enumerate(["a.jpg", "b.JPG", "c.jfif", "d.avif"]):
        for label in ("cloudy", "sunny"):
            photo(home / label / name, number + 10 * (label == "sunny"), "JPEG" if name.endswith("fif") else None)
    for number in range(30):
        photo(home / "sunny" / "2024" / "may" / f"{number}.jpg", number)
    for number in range(18):
        photo(home / "cloudy" / f"IMG_{number}.HEIC", number, "PNG")
    photo(home / "cloudy" / "anim.gif")
    photo(home / "cloudy" / ".hidden.jpg")
    photo(home / "loose.jpg")
    (home / "cloudy" / "._a.jpg").write_bytes(b"what macOS leaves on other disks")
    (home / "cloudy" / "Thumbs.db").write_bytes(b"what Windows leaves")
    os.mkfifo(home / "cloudy" / "pipe.jpg")
    return home


TOLD = (
    "52 files are not read: "
    "30 in folders below a class (sunny/2024/may/0.jpg; move them up, or name them in a manifest.csv), "
    "18 .heic (cloudy/IMG_0.HEIC; install pillow-heif: pip install 'fedsky[heif]'), "
    "1 hidden (cloudy/.hidden.jpg; rename them), "
    "1 beside the class folders (loose.jpg; put them into one), "
    "1 .gif (cloudy/anim.gif; if they are photographs, save them as JPEG or PNG), "
    "1 no file but a pipe or a device (cloudy/pipe.jpg; remove them)"
)


@pytest.fixture
def no_heif(monkeypatch: pytest.MonkeyPatch) -> None:
    readable = picture.readable() - {"HEIF"}
    for module in ("picture", "listing"):
        monkeypatch.setattr(f"fedsky.data.{module}.readable", lambda: readable)


@pytest.mark.slow
@pytest.mark.usefixtures("no_heif")
def test_what_is_not_read_is_told_in_one_line_by_all_who_read(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "fedsky")
    listing = list_files(root)
    assert sorted(str(listing.left_out).split(", ")) == sorted(TOLD.split(", "))
    told = str(listing.left_out)
    photos = load(str(root), 16, str(tmp_path / "cache"), duplicates="keep")
    assert len(photos) == 8 and photos.names[1] == "cloudy/b.JPG" and caplog.messages == [told]
    run, review = CliRunner(), tmp_path / "review"
    for asked in (
        ["curate", str(root), "--out", str(review)],
        ["curate", str(root), "--apply", str(review / "review.csv"), "--out", str(tmp_path / "new")],
        ["explore", str(root), "--out", str(tmp_path / "page.html")],
        [
            "partition",
            "data=folder",
            f"data.root={root}",
            "num_clients=2",
            "partition.min_examples=1",
            "data.duplicates=keep",
            "data.fold=1/3",
        ],
    ):
        done = run.invoke(app, asked)
        heard = done.output + "\n".join(caplog.messages[1:])
        assert done.exit_code == 0 and heard.count(told) == 1, (asked, done.output)
    assert "52 files are not read" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_class_without_a_photograph_says_what_is_there_instead(root: Path, no_heif: None) -> None:
    photo(root / "foggy" / "a.heic", format="PNG")
    with pytest.raises(ValueError, match=r"foggy holds no photograph \(.*1 in|.heic.*read are \.jpg, .*\.avif\)"):
        list_files(root)


def test_heic_is_read_where_pillow_heif_is_there_and_under_any_name(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    for number, name in enumerate(("cloudy/a.heic", "cloudy/b.jpg", "sunny/a.HEIF", "sunny/b.png")):
        photo(tmp_path / "photos" / name, number, "HEIF")
    photos = load(str(tmp_path / "photos"), 16, str(tmp_path / "cache"), duplicates="keep")
    assert list(photos.names) == ["cloudy/a.heic", "cloudy/b.jpg", "sunny/a.HEIF", "sunny/b.png"]
    assert photos.pixels.std() > 20


def test_heic_under_another_name_says_how_to_have_it_read(tmp_path: Path, no_heif: None) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(BrokenError, match=r"a picture in HEIC, whatever its name: install pillow-heif: pip install"):
        read(tmp_path / "a.jpg")


@pytest.mark.parametrize("manifest", [True, False])
def test_a_pipe_is_no_photograph(root: Path, tmp_path: Path, manifest: bool) -> None:
    with pytest.raises(BrokenError, match="it is not a file but a folder, a pipe or a device"):
        read(root / "cloudy" / "pipe.jpg")
    if manifest:
        text = "file,label\ncloudy/a.jpg,cloudy\ncloudy/pipe.jpg,cloudy\nsunny/a.jpg,sunny\n"
        (root / "manifest.csv").write_text(text)
        with pytest.raises(ValueError, match=r"pipe\.jpg is not a readable photograph .*data.on_bad=skip"):
            load(str(root), 16, str(tmp_path / "cache"))
        photos = load(str(root), 16, str(tmp_path / "cache"), on_bad="skip")
        assert list(photos.broken) == ["cloudy/pipe.jpg"] and len(photos) == 2


def test_photographs_that_a_manifest_does_not_name_are_told(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = "file,label,review\ncloudy/a.jpg,cloudy,\nsunny/a.jpg,sunny,\nsunny/b.JPG,sunny,drop\nsunny/c.jfif,sunny,\n"
    (root / "manifest.csv").write_text(lines)
    for path in root.glob("cloudy/*.HEIC"):
        path.unlink()
    caplog.set_level(logging.WARNING, "fedsky")
    load(str(root), 16, str(tmp_path / "cache"), duplicates="keep")
    assert caplog.messages == [
        "4 files are not read: 4 in the class folders but not in manifest.csv (cloudy/b.JPG; add lines for them)"
    ]


@pytest.fixture
def chinese(tmp_path: Path) -> Path:
    """Class folders and files as an archive packed on a Chinese Windows brings them."""
    home = tmp_path / "photos"
    for number in range(6):
        photo(home / GBK / f"{GBK}{number}.jpg", number)
        photo(home / "阴" / f"云{number}.jpg", 20 + number)
    return home


def test_names_that_are_not_utf8_are_escaped_and_found_again(chinese: Path) -> None:
    assert escaped(f"{GBK}.jpg") == f"{ESCAPED}.jpg" and escaped("晴天 100%.jpg") == "晴天 100%.jpg"
    files = list_files(chinese).files
    assert list(files) == ["阴", ESCAPED] or list(files) == [ESCAPED, "阴"]
    for own in files.values():
        for name, path in own:
            assert locate(chinese, name) == path and name.encode().isascii() == (ESCAPED in name)
    shutil.copy(chinese / "阴" / "云0.jpg", chinese / GBK / f"{ESCAPED}0.jpg")
    with pytest.raises(ValueError, match=r"two files of .* would both be called .*: rename one"):
        list_files(chinese)


@pytest.mark.slow
def test_a_collection_with_such_names_is_curated_explored_and_cut(
    chinese: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "fedsky")
    photos = load(str(chinese), 16, str(tmp_path / "cache"), duplicates="keep")
    assert set(photos.classes) == {ESCAPED, "阴"} and f"{ESCAPED}/{ESCAPED}0.jpg" in photos.names
    assert caplog.messages[-1].startswith(
        f"6 names are not UTF-8 and written with %XX for each such byte, first {ESCAPED}/"
    )
    run, review, new = CliRunner(), tmp_path / "review" / "review.csv", tmp_path / "new"
    for asked in (
        ["curate", str(chinese), "--out", str(review.parent)],
        ["curate", str(chinese), "--apply", str(review), "--out", str(new)],
        ["explore", str(chinese), "--out", str(tmp_path / "page.html")],
        [
            "partition",
            "data=folder",
            f"data.root={chinese}",
            "num_clients=2",
            "partition.min_examples=1",
            "data.fold=1/3",
            "data.duplicates=keep",
        ],
    ):
        done = run.invoke(app, asked)
        assert done.exit_code == 0, (asked, done.output, done.exception)
        done.output.encode()
    with (new / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert all((new / row["file"]).is_file() and (new / row["file"]).as_posix().isprintable() for row in rows)
    assert f"{ESCAPED}/{ESCAPED}0.jpg" in {row["former_file"] for row in rows}
    assert ESCAPED in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert load(str(new), 16, str(tmp_path / "cache")).classes == photos.classes
