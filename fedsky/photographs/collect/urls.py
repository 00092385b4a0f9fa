"""A list of addresses, which may come from another collection's manifest."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from fedsky.data import table as tables
from fedsky.photographs.collect.fetch import Web
from fedsky.photographs.collect.licences import kind_of
from fedsky.photographs.collect.sources import Candidate

COLUMNS = ("url", "page", "author", "licence", "licence_url", "title")


class Urls:
    """Addresses of pictures: a text file with one a line, or a CSV file with a column ``url``.

    A CSV file may also have page, author, licence, licence_url and title, as a manifest.csv has, so that a collection
    can be fetched anew. A picture without a licence is kept on the word of whoever made the list, and counted.
    """

    name: ClassVar[str] = "urls"

    def __init__(self, path: Path) -> None:
        try:
            text = tables.decoded(path.read_bytes(), path)
        except OSError as error:
            why = error.strerror or error
            raise ValueError(f"the list {path} cannot be read ({why}): name a text file, one address a line") from error
        self.query = path.name  # not the whole path, which is nobody's business
        self.rows = list(dict.fromkeys(_read(text, path)))
        if not self.rows:
            raise ValueError(f"the list {path} is empty: one address a line is needed")

    def candidates(self, web: Web) -> Iterator[Candidate]:
        """The pictures of the list, in its order."""
        yield from self.rows


def _read(text: str, path: Path) -> Iterator[Candidate]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if "url" not in tables.parse("\n".join(lines[:1]), path, (), COLUMNS).columns:
        for line in lines:
            yield Candidate("urls", line.strip(), line.strip())
        return
    for row in tables.parse("\n".join(lines), path, (), COLUMNS).lines:
        cells = {key: row.cells.get(key, "").strip() for key in COLUMNS}
        yield Candidate(
            "urls",
            cells["url"],
            cells["url"],
            cells["page"],
            cells["author"],
            kind_of(cells["licence_url"], cells["licence"]),
            cells["licence"],
            cells["licence_url"],
            cells["title"],
        )
