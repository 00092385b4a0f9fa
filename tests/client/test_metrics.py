"""Scores against scikit-learn's, and owners' parts that add up to the whole."""

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from fedsky.client.metrics import pool, score

Predictions = tuple[NDArray[np.float64], NDArray[np.int64]]


def predictions(seed: int, num: int, num_classes: int) -> Predictions:
    rng = np.random.default_rng(seed)
    return np.log(rng.dirichlet(np.ones(num_classes), size=num)), rng.integers(0, num_classes, num)


@pytest.mark.parametrize("num_classes", [2, 3, 7])
@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed: int, num_classes: int) -> None:
    from sklearn import metrics as reference

    log_probabilities, labels = predictions(seed, 200, num_classes)
    scores = score(log_probabilities, labels)
    predicted, classes = log_probabilities.argmax(axis=1), list(range(num_classes))
    np.testing.assert_array_equal(scores.confusion, reference.confusion_matrix(labels, predicted, labels=classes))
    assert scores.num == 200
    assert scores.accuracy == pytest.approx(reference.accuracy_score(labels, predicted), abs=1e-12)
    assert scores.balanced_accuracy == pytest.approx(reference.balanced_accuracy_score(labels, predicted), abs=1e-12)
    assert scores.loss == pytest.approx(reference.log_loss(labels, np.exp(log_probabilities), labels=classes), abs=1e-9)


def test_confusion_is_true_by_predicted() -> None:
    log_probabilities = np.log([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    np.testing.assert_array_equal(score(log_probabilities, np.array([0, 0, 0])).confusion, [[1, 2], [0, 0]])


def test_pooled_owners_have_the_scores_of_the_whole() -> None:
    log_probabilities, labels = predictions(0, 300, 3)
    ends = [0, 1, 1, 120, 300]  # one owner has a single image, one has none
    parts = [score(log_probabilities[a:b], labels[a:b]) for a, b in pairwise(ends)]
    pooled, whole = pool(parts), score(log_probabilities, labels)
    np.testing.assert_array_equal(pooled.confusion, whole.confusion)
    assert (pooled.accuracy, pooled.balanced_accuracy) == (whole.accuracy, whole.balanced_accuracy)
    assert pooled.loss == pytest.approx(whole.loss, abs=1e-12)


def test_pooling_is_not_the_mean_of_the_owners_scores() -> None:
    right, wrong = np.log([[0.9, 0.1]] * 9), np.log([[0.1, 0.9]])
    pooled = pool([score(right, np.zeros(9, dtype=np.int64)), score(wrong, np.zeros(1, dtype=np.int64))])
    assert pooled.accuracy == 0.9


def test_without_images_every_score_is_nan() -> None:
    for scores, num_classes in ((score(np.zeros((0, 2)), np.zeros(0, dtype=np.int64)), 2), (pool([]), 0)):
        assert scores.confusion.shape == (num_classes, num_classes) and scores.confusion.dtype == np.int64
        assert scores.num == scores.loss_sum == 0
        assert all(math.isnan(value) for value in (scores.loss, scores.accuracy, scores.balanced_accuracy))


def test_balanced_accuracy_is_over_the_classes_that_occur() -> None:
    log_probabilities = np.log([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
    scores = score(log_probabilities, np.array([0, 0, 0, 2]))  # class 1 is predicted but never true
    assert scores.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)
    assert scores.accuracy == 0.75


def test_a_certain_and_wrong_prediction_has_infinite_loss() -> None:
    assert score(np.array([[0.0, -np.inf]]), np.array([1])).loss == math.inf
