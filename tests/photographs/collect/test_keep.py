"""What is a picture, and what stands in the manifest."""

import hashlib
import io
from pathlib import Path

import pytest
from local_web import bomb, picture
from offers import rows
from PIL import Image

from fedsky.photographs.collect import Candidate
from fedsky.photographs.collect.fetch import Refusal
from fedsky.photographs.collect.keep import COLUMNS, Shelf, cell, check_label, inspect


def candidate(number: int = 1, title: str = "", author: str = "", page: str = "") -> Candidate:
    url = f"https://a.example/{number}.jpg"
    return Candidate("commons", str(number), url, page, author, "by", "CC BY 4.0", title=title)


def shelf(out: Path, label: str = "sunny") -> Shelf:
    return Shelf(out, label, "commons", "blue sky")


@pytest.mark.parametrize(("format", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp")])
def test_types_by_content(format: str, suffix: str) -> None:
    assert inspect(picture(size=(80, 72), format=format)) == (suffix, 80, 72)


def test_a_jpeg_with_a_second_one_behind_it_is_a_jpeg() -> None:
    file, one = io.BytesIO(), Image.new("RGB", (80, 80))
    one.save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (80, 80), "blue")])
    assert inspect(file.getvalue())[0] == ".jpg"


def moving(format: str) -> bytes:
    file, one = io.BytesIO(), Image.new("RGB", (80, 80))
    one.save(file, format, save_all=True, append_images=[Image.new("RGB", (80, 80), "blue")])
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>a page that is sent as image/jpeg</html>", "no JPEG, PNG or WebP"),
        (b"", "no JPEG, PNG or WebP"),
        (b"\xff\xd8\xff", "no JPEG, PNG or WebP"),
        (picture(format="GIF"), "no JPEG, PNG or WebP"),
        (picture(size=(400, 300))[:-300], "broken"),
        (picture(size=(400, 300), format="PNG")[:-60], "broken"),
        (bomb(), "too many pixels"),  # above Pillow's limit for an error
        (bomb(10000, 10000), "too many pixels"),  # and for a warning
        (bomb(8000, 7000), "too many pixels"),  # and ours
        (picture(size=(63, 500)), "too small"),
        (moving("PNG"), "animated"),
        (moving("WEBP"), "animated"),
    ],
)
def test_what_is_no_picture_that_is_wanted(content: bytes, reason: str) -> None:
    with pytest.raises(Refusal) as raised:
        inspect(content)
    assert raised.value.reason == reason


def test_the_bomb_is_small() -> None:
    assert len(bomb()) < 200


@pytest.mark.parametrize("label", ["sunny", "晴れ", "partly cloudy", "class-2", "v1.0"])
def test_labels(label: str) -> None:
    check_label(label)


@pytest.mark.parametrize(
    "label", ["", " ", ".", "..", ".hidden", "a/b", "a\\b", "/etc", "-x", "=x", "a\nb", "a" * 101, "\ud800", "x "]
)
def test_labels_that_are_no_folder(label: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a plain folder name") as raised:
        shelf(tmp_path, label)
    assert "\n" not in str(raised.value)


def test_the_bytes_and_their_row(tmp_path: Path) -> None:
    content = picture()
    with shelf(tmp_path) as open_shelf:
        open_shelf.keep(candidate(title="Himmel über Zürich 晴れ", author="Zoë", page="https://a.example/1"), content)
    (row,) = rows(tmp_path)
    digest = hashlib.sha256(content).hexdigest()
    assert tuple(row) == COLUMNS
    assert row["file"] == f"sunny/{digest[:16]}.jpg" and row["sha256"] == digest
    assert (tmp_path / row["file"]).read_bytes() == content
    assert (row["title"], row["author"], row["licence"]) == ("Himmel über Zürich 晴れ", "Zoë", "CC BY 4.0")
    assert (row["width"], row["height"], row["query"], row["id"]) == ("80", "72", "blue sky", "1")


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", " \r\n=1", "\x00=1", "\u200b=1"])
def test_no_text_is_a_formula(text: str, tmp_path: Path) -> None:
    with shelf(tmp_path) as open_shelf:
        open_shelf.keep(candidate(title=text, author=text), picture())
    (row,) = rows(tmp_path)
    assert row["title"] == row["author"] and row["title"].startswith("'") and row["title"][1] in "=+-@"


def test_a_text_stays_on_one_line() -> None:
    assert cell('a\n"b"\r\u2028c\ud800') == 'a "b" c?'
    assert cell(cell("=1")) == cell("=1")
    assert len(cell("a" * 9000, 500)) == 500


def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    with shelf(tmp_path) as open_shelf:
        open_shelf.keep(candidate(1), picture())
        with pytest.raises(Refusal) as raised:
            open_shelf.keep(candidate(2), picture())
        assert raised.value.reason == "duplicate" and open_shelf.has(candidate(1)) and not open_shelf.has(candidate(2))
    with shelf(tmp_path, "cloudy") as open_shelf:
        for attempt in (lambda: open_shelf.keep(candidate(2), picture()), lambda: open_shelf.has(candidate(1))):
            with pytest.raises(Refusal) as raised:
                attempt()
            assert raised.value.reason == "kept under sunny"
    assert len(rows(tmp_path)) == 1


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "sunny" / f"{hashlib.sha256(picture()).hexdigest()[:16]}.jpg"
    path.parent.mkdir()
    path.write_bytes(b"somebody's own")
    with shelf(tmp_path) as open_shelf, pytest.raises(Refusal, match="another file has its name"):
        open_shelf.keep(candidate(), picture())
    assert path.read_bytes() == b"somebody's own"


def test_columns_of_ones_own_stay(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(",".join(["review", *COLUMNS]) + "\r\nkeep,sunny/a.jpg,sunny\r\n")
    with shelf(tmp_path) as open_shelf:
        open_shelf.keep(candidate(), picture())
    assert [row["review"] for row in rows(tmp_path)] == ["keep", ""]
    assert rows(tmp_path)[1]["id"] == "1"


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"file,label\n", "no column source"), (b"", "no column file"), (b"\xff\xfe\n", "not text in UTF-8 or UTF-16")],
)
def test_a_table_of_another_kind_is_left_alone(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "manifest.csv").write_bytes(content)
    with pytest.raises(ValueError, match=why), shelf(tmp_path):
        pass
    assert (tmp_path / "manifest.csv").read_bytes() == content


def test_a_row_cut_anywhere_is_taken_back_and_written_anew(tmp_path: Path) -> None:
    with shelf(tmp_path) as open_shelf:
        open_shelf.keep(candidate(1), picture(1))
        open_shelf.keep(candidate(2, title="über"), picture(2))
    manifest = tmp_path / "manifest.csv"
    whole = manifest.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for cut in [*range(start + 1, len(whole), 9), len(whole) - 2, len(whole) - 1]:
        manifest.write_bytes(whole[:cut])
        with shelf(tmp_path) as open_shelf:
            complete = cut == len(whole) - 1
            assert open_shelf.num_without_row() == (not complete)
            assert open_shelf.has(candidate(2)) == complete
            if not complete:
                open_shelf.keep(candidate(2, title="über"), picture(2))
        assert [row["id"] for row in rows(tmp_path)] == ["1", "2"], cut


def test_two_commands_do_not_share_a_folder(tmp_path: Path) -> None:
    with shelf(tmp_path), pytest.raises(ValueError, match="another collect is at work"), shelf(tmp_path, "cloudy"):
        pass
    with shelf(tmp_path, "cloudy"):
        pass


def test_a_folder_for_nothing_is_not_left_behind(tmp_path: Path) -> None:
    with shelf(tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists()


def test_what_a_killed_command_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "sunny").mkdir()
    for name in (".0123456789abcdef.jpg.x7_2", "mine.jpg", ".mine"):
        (tmp_path / "sunny" / name).touch()
    with shelf(tmp_path):
        pass
    assert sorted(path.name for path in (tmp_path / "sunny").iterdir()) == [".mine", "mine.jpg"]
