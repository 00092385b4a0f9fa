"""docs/serving.md names nothing of the site that is not there: options, commands, variables, files."""

import configparser
import re
import shlex
from pathlib import Path

from typer.main import get_group

from fedsky.web import Settings
from fedsky.web.__main__ import cli
from fedsky.web.options import DATABASE_VARIABLE

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


def calls() -> list[list[str]]:
    """The arguments of every ``python -m fedsky.web`` in the guide."""
    found = re.findall(r"-m fedsky\.web ([^\n']*)", "\n".join(blocks("sh") + blocks("ini")))
    return [shlex.split(each) for each in found]


def test_every_option_and_command_is_the_sites() -> None:
    group = get_group(cli)
    options = {name for each in group.params for name in (*each.opts, *each.secondary_opts)}
    takes_value = {name for each in group.params for name in each.opts if not getattr(each, "is_flag", False)}
    asked = calls()
    assert len(asked) >= 2
    for words in asked:
        rest = iter(words)
        for word in rest:
            if not word.startswith("--"):
                assert word in group.commands, word
                break
            assert word in options, word
            if word in takes_value:
                next(rest)
    prose = re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL)
    named = set(re.findall(r"`(--[a-z-]+)", prose))
    assert {"--data", "--outputs", "--threads"} <= named <= options
    for command in re.findall(r"`([a-z-]+) NAME`", prose):
        assert command in group.commands


def test_the_unit_starts_the_site_and_lets_runs_outlive_it() -> None:
    [text] = blocks("ini")
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    service = unit["Service"]
    assert "-m fedsky.web --https --name " in service["ExecStart"]
    assert service["KillMode"] == "process" and service["User"] == "fedsky" and service["NoNewPrivileges"] == "yes"


def test_what_it_names_is_there() -> None:
    assert DATABASE_VARIABLE in GUIDE
    for name in ("site.sqlite", "secret.key", "accepted/", "logs/"):
        assert f"`{name}`" in GUIDE
    assert Settings(data=Path("x")).url.endswith("/site.sqlite") and Settings().accepted.name == "accepted"
    for target in re.findall(r"`((?:tests|docs)/[a-z_/]+\.\w+)`", GUIDE):
        assert (ROOT / target).exists(), target
