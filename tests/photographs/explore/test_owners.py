"""What the commands on photographs say by owner."""

from pathlib import Path

import pytest
from owned_photographs import owner_folders, with_manifest
from PIL import Image
from typer.testing import CliRunner

from fedsky.data import table
from fedsky.data.picture import camera
from fedsky.photographs.__main__ import app
from fedsky.photographs.curate import find
from fedsky.photographs.explore import explore
from fedsky.photographs.explore.owners import owner_tables


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ada has both classes alike, Bo is sunny, Cy has two of Ada's photographs; Bo's are by one camera."""
    home = owner_folders(
        tmp_path_factory.mktemp("photos"),
        {"Ada": {"cloudy": 6, "sunny": 6}, "Bo": {"sunny": 8}, "Cy": {"cloudy": 4, "sunny": 4}},
    )
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Sky & Co", "Eye 3\0"
    for path in (home / "Bo" / "sunny").iterdir():
        Image.open(path).save(path, exif=exif)
    for name in ("00.png", "01.png"):
        (home / "Cy" / "cloudy" / f"copy-{name}").write_bytes((home / "Ada" / "cloudy" / name).read_bytes())
    return home


def test_each_owner_and_each_pair_is_counted(root: Path) -> None:
    (_, each), (_, pairs) = owner_tables(find(root))
    assert each[["owner", "photographs", "cloudy", "sunny"]].to_numpy().tolist() == [
        ["Ada", 12, 6, 6],
        ["Bo", 8, 0, 8],
        ["Cy", 10, 6, 4],
    ]
    assert each["cameras"].tolist() == ["not told 12", "Sky & Co Eye 3 8", "not told 10"]
    shared = {(row.owner, row[1]): row[-1] for row in pairs.rename(columns={"and": "other"}).itertuples(index=False)}
    assert shared == {("Ada", "Bo"): 0, ("Ada", "Cy"): 2, ("Bo", "Cy"): 0}
    labels = {frozenset(row[:2]): float(row[2]) for row in pairs.itertuples(index=False, name=None)}
    # of (1/2, 1/2) and (0, 1): the root of the Jensen-Shannon divergence in bits, 0.311
    assert labels[frozenset(("Ada", "Bo"))] == pytest.approx(0.558, abs=0.001)
    assert labels[frozenset(("Ada", "Cy"))] < 0.1 < labels[frozenset(("Bo", "Cy"))]


def test_the_page_has_owners_where_there_are_some(root: Path, tmp_path: Path) -> None:
    explore(root, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for shown in (
        "<h2>Owners</h2>",
        "Photographs per owner",
        "Distribution of brightness by owner. Medians: Ada 0.",
        "Sky &amp; Co Eye 3 8",
    ):
        assert shown in page
    assert page.count('<figure id="owner_') == 5
    explore(root / "Ada", tmp_path / "classes.html")
    assert "<h2>Owners</h2>" not in (tmp_path / "classes.html").read_text(encoding="utf-8")


def test_what_it_means_counts_what_is_there(root: Path, tmp_path: Path) -> None:
    explore(root / "Ada", tmp_path / "alike.html")
    page = (tmp_path / "alike.html").read_text(encoding="utf-8")
    assert "Each has 6 photographs; always answering cloudy is right on 50.0 %." in page
    assert "it was not trained on (n = 12, " in page and "One test fold has about 2 photographs" in page
    lines = [{"file": f"{n}.png", "label": ("cloudy", "sunny")[n % 3 > 0], "part": "test" * (n < 6)} for n in range(18)]
    explore(with_manifest(tmp_path / "declared", lines), tmp_path / "declared.html")
    page = (tmp_path / "declared.html").read_text(encoding="utf-8")
    assert "sunny has 12 photographs, cloudy 6 (2.00 to 1); always answering sunny is right on 66.7 %." in page
    assert "6 photographs are declared to test with: an accuracy is known to about ±" in page
    assert "One test fold" not in page


@pytest.mark.slow
def test_a_curated_copy_still_knows_its_owners(root: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["curate", str(root), "--out", str(tmp_path / "review")])
    assert done.exit_code == 0 and "by owner: Ada 12, Bo 8, Cy 10" in done.output
    again = ["curate", str(root), "--apply", str(tmp_path / "review" / "review.csv"), "--out", str(tmp_path / "new")]
    assert CliRunner().invoke(app, again).exit_code == 0
    rows = [line.cells for line in table.read(tmp_path / "new" / "manifest.csv", ("file", "owner")).lines]
    assert {row["former_file"].split("/")[0] == row["owner"] for row in rows} == {True}
    shown = CliRunner().invoke(
        app, ["partition", "data=folder", f"data.root={tmp_path / 'new'}", "partition=natural", "data.size=16"]
    )
    assert shown.exit_code == 0 and "Ada" in shown.output and "owner Bo has no photograph of cloudy" in shown.output


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x89PNG\r\n\x1a\n"])
def test_a_camera_that_cannot_be_read_is_not_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    assert camera(tmp_path / "a.png") == ""
