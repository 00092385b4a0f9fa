"""README, page, terminal and site say the same number in the same words."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from fedsky import language
from fedsky.report import terminal
from fedsky.report.page import write_selection
from fedsky.report.selection import Choice, select
from fedsky.report.story import stories
from fedsky.report.summary import compare

ROOT = Path(__file__).resolve().parents[2]
SKY = ROOT / "outputs" / "reference" / "sky"

FIRST = (
    "Owners gain by joining: together (fedavg, the best of 2 strategies) they are 3.8 points better than alone "
    "(95 % interval 1.4 to 6.3)."
)


@pytest.mark.usefixtures("no_pixels")
@pytest.mark.parametrize(("lang", "readme"), [("en", "README.md"), ("zh", "README.zh.md")])
def test_the_reference_runs_are_told_alike_everywhere(tmp_path: Path, lang: str, readme: str) -> None:
    with language.use(lang):
        selection = select([SKY])
        [told] = stories(selection.kinds[0])
        page = write_selection(selection, [SKY], tmp_path, Choice())
        output = io.StringIO()
        terminal.show(selection, console=Console(file=output, highlight=False))
    [kind] = compare([SKY], lang=lang)["kinds"]
    assert kind["story"] == [{"context": "", "sentences": told.sentences}]
    assert len(told.sentences) == 3 and (told.who == FIRST) == (lang == "en")
    places = {
        readme: (ROOT / readme).read_text(encoding="utf-8"),
        "page": page.read_text(encoding="utf-8"),
        "terminal": output.getvalue(),
    }
    for sentence in told.sentences:
        for name, text in places.items():
            # a terminal's lines end where they are full
            assert "".join(sentence.split()) in "".join(text.split()), name
