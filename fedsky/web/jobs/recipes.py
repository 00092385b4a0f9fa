"""A prepared configuration, and what the head of its file says of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fedsky.language import ENGLISH, LANGUAGES, current

# A line at the head of a recipe.
TOLD = re.compile(
    rf"(?:(?P<language>{'|'.join(LANGUAGES)})\b(?=:| Time:| Result:)[: ]*)?"
    r"(?:(?P<what>Time|Result):)?\s*(?P<text>.*)"
)


@dataclass(frozen=True)
class Recipe:
    """A prepared configuration: conf/experiment/<id>.yaml. head: what its head says, by language and by what of it."""

    id: str
    head: Mapping[str, Mapping[str, str]]

    def told(self, what: str) -> str:
        """The title, the time or the result in the language in use, else in English; empty where it tells none."""
        return self.head.get(current(), {}).get(what) or self.head[ENGLISH].get(what, "")

    def shown(self) -> dict[str, str]:
        """The recipe as the API gives it."""
        return {
            "id": self.id,
            **{what: self.told(what) for what in ("title", "time", "result")},
            "command": f"python -m fedsky experiment={self.id}",
        }


def read_recipe(name: str, path: Path) -> Recipe:
    """A recipe with what the comment at the head of its file says, up to an empty line of it.

    A sentence, then ``Time: ...`` and ``Result: ...``; the same in another language behind its name, ``zh: ...``.
    """
    head: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.removeprefix("#").strip()
        if not line.startswith("#") or not text:
            break
        if text.startswith(("@package", "python -m")):
            continue
        told = TOLD.fullmatch(text)
        assert told is not None  # it takes any text
        if told["text"]:  # no line is to end between a number and its sign
            said = told["text"].replace(" %", "\u00a0%")
            head[told["language"] or ENGLISH].setdefault((told["what"] or "title").lower(), said)
    head[ENGLISH].setdefault("title", name)
    return Recipe(name, head)
