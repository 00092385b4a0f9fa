"""Shapley values of games in which they are known."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from fedsky.report import shapley
from fedsky.report.shapley import Coalition, Design

Game = Callable[[Coalition], float]


def values(game: Game, design: Design) -> np.ndarray:
    """The values of a game that is worth nothing without players."""
    return np.asarray(design.weights @ np.array([game(each) for each in design.coalitions]))


def by_orders(game: Game, num: int) -> np.ndarray:
    """The definition: the mean over all n! orders."""
    found = np.zeros(num)
    every = list(permutations(range(num)))
    for order in every:
        for place, player in enumerate(order):
            found[player] += game(frozenset(order[: place + 1])) - game(frozenset(order[:place]))
    return found / len(every)


def saturating(num: int, seed: int = 0) -> Game:
    """A federation as it is: more photographs add less and less, and the last player's do harm."""
    sizes = np.random.default_rng(seed).uniform(10, 100, num)

    def worth(each: Coalition) -> float:
        good = sum(sizes[player] for player in each if player != num - 1)
        return float(0.45 * good / (40 + good) - (0.1 if num - 1 in each else 0.0))

    return worth


def test_an_additive_game_gives_each_its_own() -> None:
    own = np.array([3.0, -1.0, 0.5, 7.0, 0.0])
    assert values(lambda each: float(sum(own[list(each)])), shapley.exact(5)) == pytest.approx(own, abs=1e-12)


def test_a_unanimity_game_is_shared_by_those_that_it_needs() -> None:
    assert values(lambda each: float({1, 3, 4} <= each), shapley.exact(6)) == pytest.approx(
        [0, 1 / 3, 0, 1 / 3, 1 / 3, 0], abs=1e-12
    )


def test_the_glove_game() -> None:
    """Two left gloves, one right one: 1/6, 1/6, 4/6 (Shapley and Shubik 1969)."""
    pairs: Game = lambda each: float(min(len(each & {0, 1}), len(each & {2})))  # noqa: E731
    assert values(pairs, shapley.exact(3)) == pytest.approx([1 / 6, 1 / 6, 4 / 6])


@pytest.mark.parametrize("num", [1, 2, 3, 4, 5, 6])
def test_exact_is_the_mean_over_all_orders_and_adds_up(num: int) -> None:
    drawn = np.random.default_rng(num).normal(size=2**num - 1)
    worth = dict(zip(shapley.every(num), drawn, strict=True))
    game: Game = lambda each: worth.get(each, 0.0)  # noqa: E731
    found = values(game, shapley.exact(num))
    assert found == pytest.approx(by_orders(game, num), abs=1e-12)
    assert found.sum() == pytest.approx(game(frozenset(range(num))))


def test_a_federation_of_quadratics() -> None:
    """f_i(w) = |w - t_i|^2 / 2: a coalition's model is its mean target, its worth what that gains over w = 0.

    With targets at right angles and of length 1, a coalition of s has its mean at length 1/sqrt(s); judged on the
    targets of all n it gains (2 s/s - n/s) / 2n = (2 - n/s) / 2n, the same for each coalition of that size: symmetric
    players share (2 - n/n) / 2n = 1/2n alike.
    """
    num = 5
    targets = np.eye(num)

    def game(each: Coalition) -> float:
        model = targets[sorted(each)].mean(axis=0) if each else np.zeros(num)
        return float(((targets**2).sum() - ((model - targets) ** 2).sum()) / 2 / num)

    assert game(frozenset({0, 2})) == pytest.approx((2 - num / 2) / 2 / num)
    assert values(game, shapley.exact(num)) == pytest.approx(np.full(num, 1 / 2 / num / num))


@pytest.mark.parametrize("num", [5, 6])
def test_sampled_orders_come_near_the_exact_values_and_say_how_near(num: int) -> None:
    game = saturating(num)
    truth, covered, off = values(game, shapley.exact(num)), [], []
    for number in range(60):
        rings = [[int(p) for p in np.random.default_rng([9, number, ring]).permutation(num)] for ring in range(2)]
        design = shapley.sampled(num, rings)
        assert len(design.coalitions) <= 2 * (num * (num - 1) + 1)
        worths = np.array([game(each) for each in design.coalitions])
        found = design.weights @ worths
        assert found.sum() == pytest.approx(game(frozenset(range(num))))
        covariance, freedom = design.sampling(worths)
        assert freedom == 2 * num - 1
        off.append(found - truth)
        covered.append(np.abs(found - truth) <= 2.2 * np.sqrt(np.diag(covariance)) + 1e-12)
    assert np.abs(np.mean(off, axis=0)).max() < 0.002, "no bias"
    assert np.abs(off).max() < 0.03 < np.abs(truth).max()
    assert np.mean(covered) > 0.95


def test_what_is_asked_for_is_what_is_used() -> None:
    assert len(shapley.planned(5)) == 31 and len(shapley.planned(6)) == 63
    asked = shapley.planned(8)
    assert len(asked) == len(set(asked)) < 2 * (8 * 7 + 1) < 2**8 and asked[-1] == frozenset(range(8))
    assert asked == sorted(sorted(asked, key=sorted), key=len), "the smaller first"
    design = shapley.design(8, asked)
    assert design is not None and design.pairs is not None and len(design.pairs) == 2 * 8
    assert set(design.coalitions) == set(asked)
    fewer = shapley.design(8, asked[1:])
    assert fewer is None or len(fewer.coalitions) < len(asked)
    whole = shapley.design(7, shapley.every(7))
    assert whole is not None and whole.pairs is None, "exact where everything is there"
    assert shapley.design(5, shapley.every(5)[:-1]) is None


def test_a_sampled_player_that_adds_nothing_gets_nothing() -> None:
    design = shapley.design(9, shapley.planned(9))
    assert design is not None
    found = values(lambda each: float(len(each - {4}) ** 0.5), design)
    assert found[4] == pytest.approx(0, abs=1e-12) and np.delete(found, 4).min() > 0.2
