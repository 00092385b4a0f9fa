"""``python -m docs``: writes anew what the documentation takes from code, conf/, reference runs and measurements.

In a Markdown file such a part stands between ``<!-- from NAME ... -->`` and ``<!-- end -->``; pictures are whole
files. tests/test_docs.py fails where one of them is stale.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from docs import architecture, compared, configuration, result, speed

ROOT = Path(__file__).resolve().parent.parent
PART = re.compile(r"(?P<head><!-- from (?P<source>.*?) -->\n)(?P<old>.*?)(?P<end><!-- end -->)", re.DOTALL)


@cache
def house() -> architecture.House:
    """The rooms as they are."""
    return architecture.read(ROOT)


def quoted(name: str) -> str:
    """A file of the checkout as a block of code."""
    language = {".py": "python", ".yaml": "yaml"}[Path(name).suffix]
    return f"```{language}\n{(ROOT / name).read_text(encoding='utf-8').rstrip()}\n```"


# What may stand between the two marks: NAME, of what (the rest of the mark), and what stood there before.
PARTS: dict[str, Callable[[str, str], str]] = {
    "file": lambda name, _old: quoted(name),
    "rooms": lambda _name, _old: f"{house().counts}\n\n{architecture.table(house())}",
    "keys": lambda _name, _old: configuration.top(ROOT / "conf"),
    "groups": lambda _name, _old: configuration.groups(ROOT / "conf"),
    "runs": lambda name, old: result.rows(ROOT / name, old),
    "shelf": lambda rest, _old: compared.table(*rest.split(" ")),
    "speed": lambda name, _old: speed.table(speed.read(ROOT / name)),
    "story": lambda rest, _old: result.story(rest.split(" ")[0], ROOT / rest.split(" ")[1]),
}
PICTURES: dict[str, Callable[[], str]] = {
    "docs/architecture.svg": lambda: architecture.drawing(house()),
    "docs/speed.svg": lambda: speed.picture(speed.read(ROOT / "docs" / "speed.json")),
    "docs/joining.svg": lambda: result.picture(ROOT / "outputs" / "reference" / "sky"),
}


def pages() -> list[Path]:
    """The Markdown files."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def fresh(page: str) -> str:
    """A page with its parts written anew; ValueError for a mark that nothing writes."""

    def part(match: re.Match[str]) -> str:
        name, _, rest = match["source"].partition(" ")
        if name not in PARTS:
            raise ValueError(f"<!-- from {match['source']} -->: choose {', '.join(PARTS)}")
        return f"{match['head']}{PARTS[name](rest, match['old'].strip())}\n{match['end']}"

    return PART.sub(part, page)


def main() -> None:
    """Writes the pages and pictures that are stale, and names them."""
    new = {path: fresh(path.read_text(encoding="utf-8")) for path in pages()}
    new |= {ROOT / name: draw() for name, draw in PICTURES.items()}
    for path, content in new.items():
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
