"""``pytest --listed-skips FILE`` fails where a test is skipped that FILE does not list: no skip goes unseen."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option; a line of FILE is a pattern of ``test id: reason``, # begins a remark."""
    parser.addoption("--listed-skips", type=Path, metavar="FILE", help="fail on skips that FILE does not list")


def unlisted(skipped: list[str], lines: list[str]) -> list[str]:
    """The skips, ``test id: reason`` each, that no line stands for."""
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [skip for skip in skipped if not any(fnmatchcase(skip, pattern) for pattern in patterns)]


def _told(report: pytest.TestReport | pytest.CollectReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return f"{report.nodeid}: {reason.removeprefix('Skipped: ')}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the session, naming each skip that is not listed."""
    file: Path | None = session.config.getoption("listed_skips")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if file is None or reporter is None:
        return
    skipped = [_told(report) for report in reporter.stats.get("skipped", [])]
    found = unlisted(skipped, file.read_text(encoding="utf-8").splitlines())
    if found:
        reporter.write_line("")
        for skip in found:
            reporter.write_line(f"skipped, and not listed in {file}: {skip}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
