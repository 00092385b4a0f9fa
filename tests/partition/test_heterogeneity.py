"""The Jensen-Shannon distance to the whole, by hand and by SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from fedsky.partition.heterogeneity import heterogeneity, label_distances


def test_alike_owners_are_at_no_distance_whatever_their_sizes() -> None:
    assert heterogeneity([[3, 1], [30, 10], [6, 2]]) == 0.0
    assert heterogeneity([[7, 0]]) == 0.0


def test_two_owners_of_one_class_each_by_hand() -> None:
    # Own (1, 0), whole (1/2, 1/2), middle (3/4, 1/4): bits of own log2(4/3), of the whole (log2(2/3) + 1) / 2.
    divergence = (np.log2(4 / 3) + (np.log2(2 / 3) + 1) / 2) / 2
    assert heterogeneity([[10, 0], [0, 10]]) == pytest.approx(np.sqrt(divergence), abs=1e-15)
    assert np.sqrt(divergence) == pytest.approx(0.5579230452841438, abs=1e-15)


def test_many_owners_of_one_class_each_come_near_one() -> None:
    assert 0.99 < heterogeneity(np.eye(1000)) < 1.0


def test_every_owner_counts_alike_however_large() -> None:
    counts = [[100, 0], [1, 1]]
    assert heterogeneity(counts) == np.mean(label_distances(counts))
    assert label_distances(counts)[1] > 0.5 > label_distances(counts)[0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any), min_size=1, max_size=8))
def test_distances_are_those_of_scipy(counts: list[list[int]]) -> None:
    whole = np.sum(counts, axis=0)
    expected = [jensenshannon(np.array(own) / sum(own), whole / whole.sum(), base=2) for own in counts]
    np.testing.assert_allclose(label_distances(counts), np.nan_to_num(expected), atol=1e-7)
