"""The page of an exploration: its content, its words, and that it needs and trusts nothing else."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fedsky.photographs.curate import find
from fedsky.photographs.explore import explore
from fedsky.photographs.explore.words import meaning, wilson

HOSTILE = "x' onerror=alert(1) &<b>hi"


def photo(path: Path, seed: int, tint: tuple[float, float, float], smooth: int = 6) -> None:
    rng = np.random.default_rng(seed)
    grid = Image.fromarray(rng.integers(60, 255, (smooth, smooth), dtype=np.uint8)).resize((90, 70))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.asarray(grid)[..., None] * np.array(tint)).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("photos")
    lines = ["file,label,source,licence,review"]
    for number in range(12):
        photo(home / f"blue/{number}.png", number, (0.5, 0.7, 1.0))
        lines.append(f"blue/{number}.png,blue,commons,by-sa,ok")
    for number in range(6):
        photo(home / f"grey/{number}.png", 50 + number, (0.8, 0.8, 0.8))
        lines.append(f"grey/{number}.png,grey,{HOSTILE if number == 0 else 'openverse'},cc0,ok")
    photo(home / f"grey/{HOSTILE}.png", 90, (0.5, 0.7, 1.0))
    lines.append(f'"grey/{HOSTILE}.png",grey,openverse,cc0,doubtful')
    (home / "grey/again.png").write_bytes((home / "grey/1.png").read_bytes())
    lines.append("grey/again.png,grey,openverse,cc0,doubtful")
    (home / "grey/broken.png").write_bytes(b"nothing")
    lines.append("grey/broken.png,grey,openverse,cc0,ok")
    (home / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def page(root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page") / "page.html"
    told = explore(root, out)
    assert told.splitlines() == [
        "1 suspects against 2 of 20 photographs that the column review doubts: 1 in both, precision 1.00, recall 0.50 "
        "(flagging by chance: precision 0.10)",
        str(out),
    ]
    return out.read_text(encoding="utf-8")


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_refers_to_nothing_outside_itself(page: str) -> None:
    elements = Elements(page).found
    assert not [tag for tag, _ in elements if tag in ("script", "link", "iframe", "object", "base", "form")]
    for _, attributes in elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "srcset"):
                assert value is not None and value.startswith(("data:image/", "#"))
    assert "url(" not in page.replace("url(#", "") and "@import" not in page
    assert 'content="default-src' in page and "prefers-color-scheme: dark" in page


def test_names_from_outside_stay_text(page: str) -> None:
    assert "<b>" not in page and "&lt;b&gt;hi" in page
    assert not [tag for tag, _ in Elements(page).found if tag == "b"]


def test_every_picture_has_words_and_every_plot_its_numbers(page: str) -> None:
    elements = Elements(page).found
    assert all(attributes.get("alt") for tag, attributes in elements if tag == "img")
    plots = [attributes for tag, attributes in elements if attributes.get("class") == "card"]
    assert len(plots) == 6 and all(each["role"] == "img" and len(each["aria-label"] or "") > 20 for each in plots)
    assert page.count("The numbers of this plot") == 6
    assert "blue 12, grey 8" in page


def test_the_page_tells_what_is_there(page: str) -> None:
    for words in ("20 photographs, 2 classes", "Sources, by class", "Licences, by class", "by-sa", "Group 1: 2",
                  "exact copy", "grey/broken.png", "1 file could not be read", "colours: blue",
                  "Against the manifest"):  # fmt: skip
        assert words in page, words
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_same_folder_gives_the_same_bytes(root: Path, page: str, tmp_path: Path) -> None:
    explore(root, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page


def test_the_words_follow_from_the_numbers(root: Path) -> None:
    said = dict(meaning(find(root)))
    assert "12 photographs, grey 8 (1.50 to 1)" in said["The classes are unbalanced."]
    assert "60.0 %" in said["The classes are unbalanced."]
    assert any(headline.startswith("Colour alone does most of the work") for headline in said)
    assert any("about 4 photographs" in headline for headline in said)
    assert "1 photograph is a copy of another." in said


def test_no_colour_no_claim(tmp_path: Path) -> None:
    for number in range(30):
        photo(tmp_path / f"{'ab'[number % 2]}/{number}.png", number, (0.8, 0.8, 0.8))
    said = " ".join(headline for headline, _ in meaning(find(tmp_path)))
    assert "Colour alone is not shown to separate the classes." in said


def test_wilsons_interval_is_that_of_the_formula() -> None:
    z, n, share = 1.959964, 75, 67 / 75
    middle, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert wilson(67, 75) == pytest.approx(((middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)))


def test_one_class_of_a_manifest_is_explored_too(tmp_path: Path) -> None:
    photo(tmp_path / "a.png", 1, (0.5, 0.7, 1.0))
    (tmp_path / "manifest.csv").write_text("file,label\na.png,blue\n")
    explore(tmp_path, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "There is one class." in page and "no manifest that names sources" in page


def test_refusals(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.html"):
        explore(root, tmp_path / "page.pdf")
    with pytest.raises(ValueError, match="is not a folder"):
        explore(tmp_path / "nowhere", tmp_path / "page.html")
    (tmp_path / "manifest.csv").write_text("file,label\na.png,blue\n")
    with pytest.raises(ValueError, match="holds no readable photograph"):
        explore(tmp_path, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_the_sky_photographs_fit_a_page_below_3_megabytes(sky: Path, tmp_path: Path) -> None:
    told = explore(sky, tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size < 3_000_000
    found = re.search(r"precision (\S+), recall (\S+) ", told)
    assert found is not None and float(found[1]) > 0.5 and float(found[2]) > 0.15
