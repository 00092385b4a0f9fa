"""Every text of a report, and of the site's refusals, can be said in every language, with the same values in it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from fedsky import language
from fedsky.language import LANGUAGES, LOCALE, N_, _, ngettext

FEDSKY = LOCALE.parent
FRONTEND = FEDSKY / "web" / "frontend"  # which has catalogues of its own
METHODS = [("**.py", "python"), ("**.jinja", "jinja2")]
Text = str | tuple[str, ...]


def marked() -> dict[Text, str]:
    """Every marked text and where it stands; one with a form for many is a pair."""
    found: dict[Text, str] = {}
    texts = extract_from_dir(FEDSKY, METHODS, directory_filter=lambda place: Path(place) != FRONTEND)
    for name, line, text, _comments, _context in texts:
        found[tuple(text) if isinstance(text, list | tuple) else text] = f"{name}:{line}"
    return found


def catalogue(name: str) -> dict[Text, Message]:
    with (LOCALE / name / "LC_MESSAGES" / "fedsky.po").open("rb") as file:
        messages = [message for message in read_po(file, locale=name) if message.id]
    return {tuple(m.id) if isinstance(m.id, list | tuple) else m.id: m for m in messages}


def forms(text: Text | list[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def values(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)[^}]*\}", text))


@pytest.mark.parametrize("name", sorted(set(LANGUAGES) - {"en"}))
def test_every_marked_text_is_translated_and_no_other(name: str) -> None:
    texts, messages = marked(), catalogue(name)
    assert len(texts) > 0
    known = {text for text, message in messages.items() if all(forms(message.string)) and not message.fuzzy}
    untranslated = [f"{place} {text}" for text, place in texts.items() if text not in known]
    assert not untranslated
    assert sorted(map(str, set(messages) - set(texts))) == [], "translations of what is nowhere said"


@pytest.mark.parametrize("name", sorted(set(LANGUAGES) - {"en"}))
def test_translations_have_the_same_values(name: str) -> None:
    for text, message in catalogue(name).items():
        wanted = set.union(*(values(form) for form in forms(text)))
        for form in forms(message.string):
            assert values(form) == wanted, text


def calls() -> Iterator[tuple[Path, ast.Call, str]]:
    for path in sorted(path for path in FEDSKY.rglob("*.py") if not path.is_relative_to(FRONTEND)):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
                yield path, node, node.func.id


def test_every_call_gives_the_values_that_its_text_has() -> None:
    counted = 0
    for path, call, name in calls():
        texts = call.args[:1] if name == "_" else call.args[:2]
        where = f"{path.name}:{call.lineno}"
        assert not any(isinstance(text, ast.JoinedStr | ast.BinOp) for text in texts), f"{where}: not a plain text"
        if not all(isinstance(text, ast.Constant) for text in texts) or any(k.arg is None for k in call.keywords):
            continue
        named = {str(keyword.arg) for keyword in call.keywords} | ({"n"} if name == "ngettext" else set())
        wanted = set.union(*(values(str(text.value)) for text in texts if isinstance(text, ast.Constant)))
        assert wanted - {"n"} == named - {"n"}, where
        counted += 1
    assert counted > 0


def test_a_text_is_said_in_the_language_in_use() -> None:
    assert ngettext("{n} run", "{n} runs", 1) == "1 run"
    assert ngettext("{n} run", "{n} runs", 3) == "3 runs"
    with language.use("zh"):
        assert language.current() == "zh"
        assert ngettext("{n} run", "{n} runs", 3) == "3 次运行"
        assert _("") == ""
        assert _("no such text, {name}", name="{braces} of a value") == "no such text, {braces} of a value"
    assert language.current() == "en"
    assert N_("loss") == "loss"


def test_a_failure_leaves_the_language_as_it_was() -> None:
    with pytest.raises(RuntimeError), language.use("zh"):
        raise RuntimeError
    assert language.current() == "en"


def test_an_unknown_language_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^lang=fr: choose en or zh$"), language.use("fr"):
        pass
