"""Collections of several owners: ``--owner`` says whose the pictures are, and training takes them so."""

from pathlib import Path

import pytest
from local_web import LocalWeb, picture, says
from offers import assert_whole, item, offer, rows
from typer.testing import CliRunner

from fedsky.config import compose, resolve
from fedsky.data.owners import load
from fedsky.photographs.__main__ import app
from fedsky.photographs.collect import Urls, Web, collect


@pytest.fixture
def many(site: LocalWeb) -> LocalWeb:
    for number in range(40):
        site.put(f"/{number}.jpg", says(picture(number)))
    return site


def gather(site: LocalWeb, web: Web, out: Path, label: str, owner: str, numbers: range, limit: int = 99) -> str:
    source = offer(site, *(item(site, number) for number in numbers))
    return str(collect(source, label, out, limit, web, owner=owner))


def test_what_is_collected_by_owner_is_trained_on_by_owner(many: LocalWeb, web: Web, tmp_path: Path) -> None:
    for owner, start in (("Ada", 0), ("Bö 山", 20)):
        gather(many, web, tmp_path / "skies", "sunny", owner, range(start, start + 10))
        gather(many, web, tmp_path / "skies", "cloudy", owner, range(start + 10, start + 20))
    table = rows(tmp_path / "skies")
    assert [row["owner"] for row in table] == ["Ada"] * 20 + ["Bö 山"] * 20
    assert_whole(tmp_path / "skies")
    asked = [
        "data=folder",
        f"data.root={tmp_path / 'skies'}",
        "partition=natural",
        "data.size=16",
        "data.duplicates=keep",
    ]
    photos, owners = load(resolve(compose(asked)))
    assert [owner.name for owner in owners] == ["Ada", "Bö 山"]
    whose = {row["file"]: row["owner"] for row in table}
    for each in owners:
        own = [*each.train, *each.validation, *each.test]
        assert len(own) == 20 and {whose[photos.names[index]] for index in own} == {each.name}


def test_no_picture_is_kept_for_two_owners_and_each_owners_are_counted(
    many: LocalWeb, web: Web, tmp_path: Path
) -> None:
    assert gather(many, web, tmp_path / "s", "sunny", "Ada", range(6), 4).startswith(f"kept 4 in {tmp_path}")
    told = gather(many, web, tmp_path / "s", "sunny", "Bo", range(8), 4)
    assert "kept 4 in" in told and told.endswith("refused 4: kept under sunny for Ada 4")
    again = gather(many, web, tmp_path / "s", "sunny", "Ada", range(20), 6)
    assert "kept 2 in" in again and "(4 there before)" in again and "kept under sunny for Bo 4" in again
    many.put("/copy.jpg", says(picture(0)))
    (tmp_path / "list.txt").write_text(f"{many.base}/copy.jpg\n")
    told = str(collect(Urls(tmp_path / "list.txt"), "cloudy", tmp_path / "s", 9, web, owner="Bo"))
    assert told.endswith("refused 1: kept under sunny for Ada 1")


def test_owners_are_of_all_pictures_or_of_none(many: LocalWeb, web: Web, tmp_path: Path) -> None:
    gather(many, web, tmp_path / "plain", "sunny", "", range(2))
    before = (tmp_path / "plain" / "manifest.csv").read_bytes()
    with pytest.raises(ValueError, match=r"^--owner Ada: 2 pictures of .* have none: fill in the column owner of "):
        gather(many, web, tmp_path / "plain", "sunny", "Ada", range(4))
    assert (tmp_path / "plain" / "manifest.csv").read_bytes() == before and b"owner" not in before
    gather(many, web, tmp_path / "owned", "sunny", "Ada", range(2))
    with pytest.raises(ValueError, match=r"have owners: say whose these are with --owner NAME$"):
        gather(many, web, tmp_path / "owned", "sunny", "", range(4))
    head = before.splitlines(keepends=True)[0]
    (tmp_path / "plain" / "manifest.csv").write_bytes(head)  # of a collection from which all was removed
    gather(many, web, tmp_path / "plain", "cloudy", "Ada", range(10, 12))
    assert [row["owner"] for row in rows(tmp_path / "plain")] == ["Ada", "Ada"]


@pytest.mark.parametrize("owner", ["=1+1", "a\nb", " Ada", "x" * 201])
def test_an_owners_name_is_one_line_that_no_spreadsheet_calculates(tmp_path: Path, owner: str) -> None:
    words = ["collect", "--label", "sunny", "--query", "sky", "--out", str(tmp_path / "s"), "--owner", owner]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1 and done.output.startswith("fedsky: --owner ") and done.output.count("\n") == 1
    assert done.output.rstrip().endswith("one line of text that a spreadsheet does not calculate is needed")
    assert not (tmp_path / "s").exists()
