"""The report's interval holds the truth: the benchmark of coverage, on few data sets."""

from dataclasses import replace

import pytest

from benchmarks import coverage
from benchmarks.coverage import Design

COUNT = 12


@pytest.mark.parametrize("design", [Design(), Design(unlike=False, seeds=2)], ids=["unlike", "alike"])
def test_the_interval_holds_the_truth_and_claims_nothing_false(design: Design) -> None:
    told = coverage.tell(design, COUNT)
    assert told.coverage >= 10 / COUNT
    assert told.any_shown <= 1 / COUNT


def test_an_effect_is_found() -> None:
    told = coverage.tell(Design(gain=2.0), 6)
    assert told.truth > 15
    assert told.power == 1


def test_near_duplicates_widen_it() -> None:
    once, known = (coverage.tell(replace(Design(), copies=copies), 4).width for copies in (1, 4))
    assert known > 1.5 * once
