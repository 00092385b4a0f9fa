"""Files of tests that take minutes begin first, so that no process is left with one of them at the end.

Then those with the most tests that start something (slow.py), and last those of which each takes a moment.
"""

from collections import Counter

import pytest

LONGEST = (
    "strategies/test_every.py",
    "web/browser/test_browser.py",
    "engine/test_engines.py",
    "test_readme.py",
    "web/test_jobs_for_real.py",
    "report/test_page.py",
    "machine/test_interrupt.py",
    "test_installed.py",
    "engine/test_deployment.py",
    "test_resume.py",
    "test_beside.py",
    # of those that make quick runs
    "model/test_weights.py",
    "web/test_runs_api.py",
    "web/test_jobs_api.py",
    "web/test_security.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts by file; each file's tests stay in their order."""

    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))

    def place(item: pytest.Item) -> tuple[int, int]:
        name = item.path.as_posix()
        listed = next((number for number, end in enumerate(LONGEST) if name.endswith(f"tests/{end}")), len(LONGEST))
        return listed, -slow[item.path]

    items.sort(key=place)
