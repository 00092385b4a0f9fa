"""Names that a font lacks: found in another font of the machine, or numbered and explained, never identical boxes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import typer
from matplotlib.font_manager import fontManager
from PIL import Image
from typer.testing import CliRunner

from fedsky import language
from fedsky.photographs.__main__ import app
from fedsky.report import fonts, style
from fedsky.report.__main__ import main
from fedsky.report.fonts import Spelling, find, has, spelled, spelling
from fedsky.report.plots import partition
from fedsky.report.plots.layout import short

report = typer.Typer()
report.command()(main)
WriteRun = Callable[..., Path]
CACHES = (fonts.find, fonts._characters, fonts._take_in_new, fontManager._findfont_cached)  # type: ignore[attr-defined]
NO_CHINESE = "no font with Chinese characters: apt install fonts-noto-cjk"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Nothing remembered of another test's fonts."""
    for cached in CACHES:
        cached.cache_clear()
    yield
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture
def latin_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with the fonts that come with matplotlib and no others."""
    own = [entry for entry in fontManager.ttflist if "matplotlib" in entry.fname]
    assert any(entry.name == fonts.LATIN for entry in own)
    monkeypatch.setattr(fontManager, "ttflist", own)
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", list)


@pytest.mark.usefixtures("latin_alone")
def test_what_no_font_has_is_numbered_and_told_once() -> None:
    assert fonts.chinese_font() is None and has(fonts.LATIN, "é") and not has(fonts.LATIN, "北")
    with spelling() as used:
        assert spelled("北京 (n = 3)") == "[1] (n = 3)" and spelled("上海, 北京") == "[2], [1]"
        assert spelled("Zürich ≤ 3") == "Zürich ≤ 3" and short("北京") == "[1]"
    assert used.legend.startswith("No font here has the characters of some names, and figures have numbers for them: ")
    assert "[1] 北京, [2] 上海. Install a font" in used.legend and "fonts-noto-cjk" in used.legend
    assert spelled("北京") == "北京"  # where nothing is drawn
    with language.use("zh"):
        assert "[1] 北京" in used.legend and "fonts-noto-cjk" in used.legend and "No font" not in used.legend


def owners_figure(names: dict[int, str], used: Spelling) -> str:
    import pandas as pd

    rows = [(client, "train", label, 5) for client in names for label in ("晴", "阴")]
    with style.drawing(used):
        return style.as_svg(partition(pd.DataFrame(rows, columns=["client", "part", "class", "count"]), names))


@pytest.mark.usefixtures("latin_alone")
def test_owners_in_a_figure_are_told_apart_without_a_font() -> None:
    used = Spelling()
    drawn = owners_figure({0: "北京", 1: "上海"}, used)
    assert "LastResort" not in drawn and used.numbers == {"晴": 1, "阴": 2, "北京": 3, "上海": 4}
    assert owners_figure({0: "北京", 1: "上海"}, used) != owners_figure({0: "北京", 1: "北京"}, used)
    assert used.numbers == {"晴": 1, "阴": 2, "北京": 3, "上海": 4}  # the same in all figures of a page


@pytest.mark.skipif(fonts.chinese_font() is None, reason=NO_CHINESE)
def test_with_a_font_the_characters_themselves_are_drawn() -> None:
    used = Spelling()
    drawn = owners_figure({0: "北京", 1: "上海"}, used)
    assert used.legend == "" and "CJK" in drawn and "LastResort" not in drawn


@pytest.mark.skipif(fonts.chinese_font() is None, reason=NO_CHINESE)
def test_a_font_that_matplotlib_has_not_heard_of_yet_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    known = list(fontManager.ttflist)
    monkeypatch.setattr(fontManager, "ttflist", [entry for entry in known if "matplotlib" in entry.fname])
    found = find("北")  # as after the package was installed
    assert found is not None and has(found, "北")
    with spelling() as used:
        assert spelled("北京") == "北京"
    assert used.legend == ""


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for number in range(12):
        path = tmp_path / "photos" / ("晴" if number % 2 else "阴") / f"照片{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        grid = np.random.default_rng(number).integers(60, 255, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(grid).resize((48, 36)).save(path)
    return tmp_path / "photos"


@pytest.mark.slow
@pytest.mark.usefixtures("latin_alone")
def test_every_command_that_draws_says_so_once(photographs: Path, tmp_path: Path) -> None:
    asked = (
        ["partition", "data=folder", f"data.root={photographs}", "num_clients=2", "client_names=[北京,上海]",
         "partition.min_examples=1", "data.fold=1/3", "--out", str(tmp_path / "who.svg")],
        ["explore", str(photographs), "--out", str(tmp_path / "page.html")],
        ["curate", str(photographs), "--out", str(tmp_path / "review")],
    )  # fmt: skip
    for command in asked:
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        assert done.output.count("No font here has the characters") == 1 and "fonts-noto-cjk" in done.output, command
        assert "] 晴" in done.output and "] 阴" in done.output
    assert "No font here has the characters" in (tmp_path / "page.html").read_text(encoding="utf-8")
    for drawn in ("who.svg", "page.html"):
        assert "LastResort" not in (tmp_path / drawn).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("latin_alone")
def test_a_report_says_so_on_its_page_and_in_the_terminal(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "run", config={"client_names": ["北京", "上海"]})
    done = CliRunner().invoke(report, [str(tmp_path / "run")])
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    for told in (done.output, page):
        told = " ".join(told.split())
        assert told.count("No font here has the characters of some names") == 1 and "fonts-noto-cjk" in told
        assert "[1] 北京" in told and "[2] 上海" in told
    assert "LastResort" not in page and done.exit_code == 0
