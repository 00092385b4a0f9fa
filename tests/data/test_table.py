"""The reader of tables: what spreadsheets write is read as what was meant, by manifests, reviews and lists alike."""

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from fedsky.data import manifest, table
from fedsky.data.folder import load
from fedsky.photographs.__main__ import app
from fedsky.photographs.collect.keep import COLUMNS, Shelf
from fedsky.photographs.collect.urls import Urls
from fedsky.photographs.curate.pictures import read_manifest
from fedsky.photographs.curate.review import read_review

PLAIN = "file,label,review\na.png,x,\nb.png,y,drop\nc.png,y,relabel:x\nd.png,y,\n"
WRITTEN = {
    "semicolons": PLAIN.replace(",", ";").encode(),
    "Excel's first line": ("sep=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n")).encode(),
    "tabs in UTF-16": PLAIN.replace(",", "\t").replace("\n", "\r\n").encode("utf-16"),
    "UTF-16 without its mark": PLAIN.encode("utf-16-le"),
    "UTF-16 of the other order": PLAIN.encode("utf-16-be"),
    "UTF-8 with its mark": PLAIN.encode("utf-8-sig"),
    "capitals and spaces": PLAIN.replace("file,label,review", ' File ,LABEL," Review "').encode(),
    "an old Mac's lines": PLAIN.replace("\n", "\r").encode(),
    "empty cells at the end": PLAIN.replace("\n", ",,\n").encode() + b",,,,\n,,,,\n",
    "empty cells left out": PLAIN.replace("x,\n", "x\n").replace("y,\n", "y\n").encode(),
    "capital verdicts": PLAIN.replace("drop", "Drop").replace("relabel", "Relabel").encode(),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, name in enumerate("abcd"):
        Image.new("RGB", (20, 16), (60 * number, 0, 0)).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_manifest_as_a_spreadsheet_writes_it_trains_the_same(root: Path, tmp_path: Path, kind: str) -> None:
    path = root / "manifest.csv"
    path.write_bytes(WRITTEN[kind])
    rows, dropped = manifest.read(path, root)
    assert [(row.label, row.name) for row in rows] == [("x", "a.png"), ("x", "c.png"), ("y", "d.png")]
    assert dropped == ["b.png"]
    columns, own = read_manifest(path)
    assert columns[:3] == ("file", "label", "review")
    assert [(row["file"], row["label"]) for row in own] == [
        ("a.png", "x"),
        ("b.png", "y"),
        ("c.png", "y"),
        ("d.png", "y"),
    ]
    assert len(load(str(root), 16, str(tmp_path / "cache"), duplicates="keep")) == 3


REVIEW = 'file,label,suggestion,reason\na.png,x,keep,\nb.png,y,drop,"grey; or not, who knows"\nc.png,y,relabel:x,\n'


@pytest.mark.parametrize(
    "content",
    [
        REVIEW.encode("utf-8-sig"),
        REVIEW.replace('"grey; or not, who knows"', '"grey; or not, who knows"').replace(",", ";").encode("utf-16"),
        REVIEW.replace("file,label,suggestion", "File, LABEL ,Suggestion").replace("keep", "Keep ").encode(),
        REVIEW.replace("drop", "DROP").replace("relabel:x", "Relabel: x").encode("utf-16-le"),
    ],
)
def test_a_review_as_a_spreadsheet_writes_it_is_understood(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "review.csv").write_bytes(content)
    lines = read_review(tmp_path / "review.csv", ("x", "y"))
    assert {file: (line.label, line.suggestion, number) for file, (line, number) in lines.items()} == {
        "a.png": ("x", "keep", 2),
        "b.png": ("y", "drop", 3),
        "c.png": ("y", "relabel:x", 4),
    }


def test_a_list_of_addresses_is_read_by_the_same_reader(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("Title;URL\n晴;https://example.org/a.jpg\n".encode("utf-16"))
    (found,) = Urls(path).rows
    assert (found.url, found.title) == ("https://example.org/a.jpg", "晴")


def test_a_collection_that_a_spreadsheet_saved_grows_on(tmp_path: Path) -> None:
    row = dict.fromkeys(COLUMNS, "") | {"file": "sunny/a.jpg", "label": "sunny", "source": "s", "id": "1"}
    content = ";".join(("Review", *COLUMNS)) + "\r\n" + ";".join(("ok", *row.values())) + "\r\n"
    (tmp_path / "manifest.csv").write_bytes(content.encode("utf-16"))
    with Shelf(tmp_path, "sunny", "s", "q") as shelf:
        assert shelf.known == {("s", "1"): ("sunny", "")}
    text = (tmp_path / "manifest.csv").read_text(encoding="utf-8")
    assert text.splitlines() == [",".join(("Review", *COLUMNS)), ",".join(("ok", *row.values()))]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"file;label\na.png;x;left;over\n", "line 2: 2 fields are needed, as in its first line: put a field with ;"),
        (b"file,label,File\na.png,x,\n", "names the column 'file' twice"),
        (b"sep=;\nfile;label\na.png;x\nb.png;y;z\n", "line 4: 2 fields are needed"),
        ("file,label\na.png,晴\n".encode("gbk"), "in the spreadsheet, save it anew as CSV UTF-8"),
        (b'file,label\n"a.png"b,x\n', "is not a CSV ("),
        (b"Datei;Klasse\n", "no column file: name the columns file, label in its first line"),
    ],
)
def test_what_is_no_table_is_refused_by_its_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError) as raised:
        table.read(path, ("file", "label"))
    assert told in str(raised.value) and str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_review_with_chinese_names_comes_back_from_a_spreadsheet(tmp_path: Path) -> None:
    for number, name in enumerate(("晴/一.png", "晴/二.png", "阴/一.png", "阴/二.png")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.linear_gradient("L").rotate(90 * number).save(path)
    run, review = CliRunner(), tmp_path / "review" / "review.csv"
    assert run.invoke(app, ["curate", str(tmp_path / "photos"), "--out", str(review.parent)]).exit_code == 0
    content = review.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")  # by which a spreadsheet knows the encoding
    review.write_bytes(content.decode("utf-8-sig").replace(",", "\t").encode("utf-16"))
    done = run.invoke(app, ["curate", str(tmp_path / "photos"), "--apply", str(review), "--out", str(tmp_path / "new")])
    assert done.exit_code == 0 and (tmp_path / "new" / "晴" / "一.png").is_file(), done.output
