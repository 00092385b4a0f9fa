"""The page as its readers meet it: without eyes, on paper, in the dark, in a hurry."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from written import report

from fedsky import language
from fedsky.report.page import heading
from fedsky.report.selection import select

pytestmark = pytest.mark.usefixtures("no_pixels")

WriteRun = Callable[..., Path]
Judge = Callable[..., list[tuple[str, str, str]]]


class Outline(HTMLParser):
    """The headings, landmarks, links and images of a page, as a screen reader finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.found: dict[str, list[dict[str, str | None]]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.setdefault(tag, []).append(dict(attrs))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def write_four(root: Path, write_run: WriteRun, judge: Judge) -> None:
    for number, name in enumerate(("local", "fedavg", "fedprox", "centralized")):
        for seed in range(2):
            write_run(root / f"{name}{seed}", name, seed, predictions=judge(*range(8)), owners=(0.7, 0.6 + number / 10))


def test_the_page_can_be_read_without_eyes(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    write_four(tmp_path / "runs", write_run, judge)
    text, _ = report(tmp_path / "runs", tmp_path / "out")
    outline = Outline()
    outline.feed(text)
    assert outline.headings[0] == 1 and outline.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(outline.headings)), "no level is left out"
    assert len(outline.found["main"]) == len(outline.found["nav"]) == len(outline.found["header"]) == 1
    names = {each.get("id") for members in outline.found.values() for each in members}
    links = [each["href"] or "" for each in outline.found["a"]]
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= names
    assert links[0] == "#content"
    plots = [each for each in outline.found["div"] if each.get("role") == "img"]
    assert len(plots) > 15
    assert all(len(each["aria-label"] or "") > 30 for each in plots)
    assert text.count("<figure") == text.count("The numbers of this plot") == len(plots)
    assert all("alt" in each for each in outline.found.get("img", []))


@pytest.mark.parametrize(
    ("lang", "classes", "data", "said"),
    [
        ("en", [["cloudy", "sunny"]], "folder", "Cloudy or sunny: who gains by joining?"),
        ("zh", [["cloudy", "sunny"]], "folder", "多云或晴：谁因加入联邦而得益？"),
        ("en", [list("0123456789")], "digits", "Digits (10 classes): who gains by joining?"),
        ("zh", [list("0123456789")], "digits", "Digits（10 类）：谁因加入联邦而得益？"),
        ("en", [list("01"), list("0123")], "digits", "0 or 1, digits (4 classes): who gains by joining?"),
        ("en", [list("01"), list("12"), list("23"), list("34")], "digits", "Who gains by joining?"),
        ("en", [None], "digits", "Who gains by joining?"),
    ],
)
def test_the_heading_names_what_the_runs_tell_apart(
    lang: str, classes: list[list[str] | None], data: str, said: str, tmp_path: Path, write_run: WriteRun
) -> None:
    for number, own in enumerate(classes):
        write_run(tmp_path / str(number), info={"data.classes": own}, choices={"data": data})
    with language.use(lang):
        assert heading(select([tmp_path]).results) == said


def test_the_finding_comes_first_then_owners_then_the_rest_folded(
    tmp_path: Path, write_run: WriteRun, judge: Judge
) -> None:
    write_four(tmp_path / "runs", write_run, judge)
    text, _ = report(tmp_path / "runs", tmp_path / "out")
    first = text.index('<p class="who">')
    assert first < text.index('<figure id="story"') < text.index('id="gains"') < text.index('<details class="views">')
    sections = re.findall(r'<section aria-labelledby="([\w-]+)">\s*(<details class="views"><summary>)?<h3', text)
    assert [name for name, folded in sections if not folded] == ["short", "gains"]
    assert not re.search(r"<details[^>]* open", text[:first]), "nothing unfolded stands before the finding"


def test_kinds_are_told_apart_by_what_only_they_chose(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "runs" / "a", info={"data.fingerprint": "f1"})
    write_run(tmp_path / "runs" / "b", info={"data.fingerprint": "f2"}, choices={"partition": "dirichlet"})
    text, _ = report(tmp_path / "runs", tmp_path / "out")
    assert re.search(r"<h2[^>]*>[^<]*, partition=dirichlet</h2>", text)
    assert re.search(r"<h2[^>]*>[^<]*, partition=iid</h2>", text)


def test_a_long_table_is_cut_on_the_page_alone(tmp_path: Path, write_run: WriteRun) -> None:
    curve = [0.5 + number / 1000 for number in range(101)]
    write_run(tmp_path / "runs" / "a", curve=curve, config={"num_rounds": 100})
    text, table = report(tmp_path / "runs", tmp_path / "out")
    assert "The first 60 of 101 rows; all are in tables/accuracy.csv." in text
    assert len(table("accuracy")) == 101


def test_in_print_folds_are_open_and_in_the_dark_there_is_a_scheme(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "runs" / "a")
    text, _ = report(tmp_path / "runs", tmp_path / "out")
    assert "@media (prefers-color-scheme: dark)" in text
    assert "details::details-content { content-visibility: visible" in text.partition("@media print")[2]
