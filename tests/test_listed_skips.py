"""Continuous integration fails on a skip that nobody has listed."""

import subprocess
import sys
from pathlib import Path

import pytest
from listed_skips import unlisted

SUPPORT = Path(__file__).resolve().parent / "support"


def test_a_skip_is_listed_by_its_reason_or_its_test() -> None:
    skips = ["tests/a.py::test_x: no photographs at /sky", "tests/b.py::test_y: Node is missing"]
    assert unlisted(skips, ["# a remark", "", "*: no photographs at *"]) == [skips[1]]
    assert unlisted(skips, ["tests/?.py::*: *"]) == []
    assert unlisted(skips, []) == skips


@pytest.mark.parametrize(("listed", "code"), [("*: not today", 0), ("*: another reason", 1)])
def test_an_unlisted_skip_fails_the_session(tmp_path: Path, listed: str, code: int) -> None:
    (tmp_path / "conftest.py").write_text("from listed_skips import pytest_addoption, pytest_sessionfinish\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\ndef test_good(): pass\n@pytest.mark.skip(reason='not today')\ndef test_skipped(): pass\n"
    )
    (tmp_path / "skips.txt").write_text(f"# remark\n{listed}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", ".",
         "-o", f"pythonpath={SUPPORT}", "--listed-skips", "skips.txt", "test_it.py"],
        cwd=tmp_path, capture_output=True, text=True, env={"PATH": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert ("not listed in skips.txt: test_it.py::test_skipped: not today" in done.stdout) == bool(code)
