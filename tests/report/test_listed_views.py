"""A view of the report is one file that lists itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fedsky.report import views
from fedsky.report.page import write_report

WriteRun = Callable[..., Path]
WEATHER = """
from ..blocks import Section, Text

PLACE = 35


def section(about):
    return Section(f"{about.prefix}weather", "What the weather was", "", [Text(["Rain."])])
"""


@pytest.fixture
def one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A view in a file of its own, named by nothing."""
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "weather.py").write_text(WEATHER)
    monkeypatch.setattr(views, "__path__", [*views.__path__, str(tmp_path / "views")])
    views.views.cache_clear()
    yield
    views.views.cache_clear()


@pytest.mark.usefixtures("one_more")
def test_a_file_put_there_is_on_the_page_in_its_place(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "runs/a", strategy="fedavg", seed=0)
    page = write_report([tmp_path / "runs"], tmp_path / "out").read_text()
    assert '<h3 id="weather">What the weather was</h3>' in page
    places = [page.index(f'id="{anchor}"') for anchor in ("final-result", "weather", "rounds", "settings")]
    assert places == sorted(places)


def test_no_two_views_share_a_place() -> None:
    places = [view.PLACE for view in views.views()]
    assert len(places) == len(set(places)) > 8
