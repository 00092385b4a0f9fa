"""The documentation is fresh, its links lead somewhere, and what is said of the project in one place is said in one."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import fedsky
from docs import __main__ as made
from docs import architecture, configuration, result

ROOT = made.ROOT
REMEDY = "stale: run make docs"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
# matplotlib names what it draws more than once by its unrounded numbers
HASHED = re.compile(r"\b[pm][0-9a-f]{10}\b")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", made.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_taken_from_elsewhere_is_fresh(page: Path) -> None:
    content = page.read_text(encoding="utf-8")
    assert made.fresh(content) == content, REMEDY
    assert content.count("<!-- from ") == content.count("<!-- end -->") == len(made.PART.findall(content))


@pytest.mark.parametrize("name", made.PICTURES)
def test_pictures_are_fresh(name: str) -> None:
    kept, drawn = (HASHED.sub("drawn", picture) for picture in (text(name), made.PICTURES[name]()))
    assert NUMBER.sub("", kept) == NUMBER.sub("", drawn), REMEDY
    # other versions of the library round otherwise
    assert [float(each) for each in NUMBER.findall(kept)] == pytest.approx(
        [float(each) for each in NUMBER.findall(drawn)], abs=0.01
    ), REMEDY


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", made.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    content = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", content) + re.findall(r'src="([^"]+)"', content):
        if "://" not in target:
            name, _, anchor = target.partition("#")
            file = page.parent / name if name else page
            assert file.exists(), (page.name, target)
            assert not anchor or anchor in anchors(file), (page.name, target)


def test_every_page_is_linked_from_the_readme() -> None:
    for readme, folder in (("README.md", "docs"), ("README.zh.md", "docs/zh")):
        for page in (ROOT / folder).glob("*.md"):
            assert f"({page.relative_to(ROOT).as_posix()})" in text(readme), (readme, page)


def test_files_that_are_named_are_there() -> None:
    shown = set(re.findall(r"^`([\w/.]+)`:$", text("docs/extending.md"), flags=re.MULTILINE))
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        named = re.findall(
            r"`((?:fedsky|conf|tests|docs|benchmarks|strategies|baselines)/[\w/.]+)`", page.read_text("utf-8")
        )
        assert [name for name in named if not (ROOT / name).exists() and name not in shown] == [], page


def test_nothing_is_left_to_be_filled_in() -> None:
    for path in [*made.pages(), *(ROOT / "conf").rglob("*.yaml")]:
        assert not re.search(r"TBD|TODO|REFERENCE_MODEL_PATH", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_a_readme_is_short_and_counts_rightly(name: str) -> None:
    content = text(name)
    assert len(content.encode()) <= 10_000
    strategies = [
        path for path in (ROOT / "conf" / "strategy").glob("*.yaml") if "baselines." not in path.read_text("utf-8")
    ]
    cuts = list((ROOT / "conf" / "partition").glob("*.yaml"))
    told = re.search(r"(\d+) (?:strategies|种策略)", made.PART.sub("", content))
    assert told and int(told[1]) == len(strategies)
    assert len(cuts) == 12 and re.search("twelve ways|12 种", content)


def test_what_the_readme_says_of_the_result_is_what_the_report_finds() -> None:
    folder = ROOT / "outputs" / "reference" / "sky"
    gain, pooled = (result.comparison(folder, "fedavg", other) for other in ("local", "centralized"))
    assert gain.verdict == "better" and gain.difference, "about 4 points better than owners who train alone"
    assert round(100 * gain.difference.value) == 4
    assert pooled.verdict == "open", "not shown to differ from training on everybody's photographs"
    low, high = (f"{100 * end:+.1f}" for end in (gain.difference.low or 0, gain.difference.high or 0))
    for page in ("README.md", "README.zh.md", "docs/measured.md", "docs/zh/measured.md"):
        assert f"| +3.8 [{low}, {high}] |" in text(page), page


def test_a_key_without_a_meaning_is_told(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text("# What it is\n_target_: a.b\nmu: 0.1  # weight; 0: none\npart:\n  side: 3 # pixels\nrate: 1\n")
    with pytest.raises(ValueError, match=r"some\.yaml, line 6: .* rate means"):
        configuration.keys(file)
    file.write_text(file.read_text().replace("rate: 1", "rate: ${rate}  # as the run's"))
    found = [(key.name, key.default, key.meaning) for key in configuration.keys(file, "group.")]
    assert found == [
        ("group.mu", "0.1", "weight; 0: none"),
        ("group.part.side", "3", "pixels"),
        ("group.rate", "${rate}", "as the run's"),
    ]


def test_rooms_floors_arrows_and_circles_are_read_from_the_imports(tmp_path: Path) -> None:
    for name, content in {
        "fedsky/__init__.py": "",
        "fedsky/low.py": '"""The ground."""',
        "fedsky/left/__init__.py": '"""Left."""\nfrom fedsky import low',
        "fedsky/left/inner.py": "from ..right import other\nfrom . import aside",
        "fedsky/left/aside.py": "def f():\n    from fedsky.left import inner",
        "fedsky/right/__init__.py": '"""Right."""',
        "fedsky/right/other.py": "import fedsky.left.aside",
        "strategies/__init__.py": '"""Shelf."""',
        "strategies/one.py": "from fedsky.right.other import x",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    house = architecture.read(tmp_path)
    assert house.floors == {"low": 1, "left": 2, "right": 2, "strategies": 3}
    assert set(house.rooms.edges) == {("left", "low"), ("left", "right"), ("right", "left"), ("strategies", "right")}
    assert house.circles == [["left", "right"]]
    assert architecture.circles(house.files) == [["fedsky.left.aside", "fedsky.left.inner", "fedsky.right.other"]]
    assert house.counts.startswith("4 rooms on 3 floors with 4 arrows; 1 circle between rooms (left, right); ")
    drawing = architecture.drawing(house)
    assert drawing.count("<rect") == 5 and drawing.count('stroke="#d00000"') == 2 and ">strategies</text>" in drawing
    with pytest.raises(ValueError, match="there is no fedsky/ here"):
        architecture.read(tmp_path / "fedsky")


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads(text("pyproject.toml"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["hatch"]["version"] == {"path": "fedsky/__init__.py"}
    newest = re.search(r"^## (\d+\.\d+\.\d+)", text("CHANGELOG.md"), flags=re.MULTILINE)
    assert newest and fedsky.__version__.startswith(newest[1])
    assert "version" not in yaml.safe_load(text("CITATION.cff"))


def test_continuous_integration_has_the_pythons_that_are_promised() -> None:
    job = yaml.safe_load(text(".github/workflows/test.yml"))["jobs"]["test"]
    versions = job["strategy"]["matrix"]["python"]
    oldest = tomllib.loads(text("pyproject.toml"))["project"]["requires-python"].removeprefix(">=")
    assert versions == ["3.11", "3.12", "3.13"] and versions[0] == oldest
    assert job["steps"][-1]["run"] == ".ci/run" and (ROOT / ".ci" / "run").stat().st_mode & 0o111
