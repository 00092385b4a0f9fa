"""What a run says of how it was asked for."""

import sys

import pytest

from fedsky.run import provenance


@pytest.mark.parametrize(
    ("asked", "argv", "told"),
    [
        (["python", "-m", "fedsky", "seed=1"], ["/x/fedsky/__main__.py", "seed=1"], "python -m fedsky seed=1"),
        (["python", "-m", "fedsky.resume", "f"], ["/x/fedsky/resume.py", "f"], "python -m fedsky.resume f"),
        (["python", "/bin/fedsky", "seed=1"], ["/x/fedsky/__main__.py", "seed=1"], "fedsky seed=1"),
        (["python", "/bin/fedsky", "resume", "a b"], ["/x/fedsky/resume.py", "a b"], "fedsky resume 'a b'"),
        (["python", "mine.py", "--x"], ["mine.py", "--x"], "mine.py --x"),
    ],
)
def test_a_command_is_told_as_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, asked: list[str], argv: list[str], told: str
) -> None:
    monkeypatch.setattr(sys, "orig_argv", asked)
    monkeypatch.setattr(sys, "argv", argv)
    assert provenance.command() == told
