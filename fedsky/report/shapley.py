"""Shapley values: what each player of a game adds to those before it, on average over all orders of coming.

    value_i = mean over orders of  v(those before i, and i) - v(those before i),   v(no player) given

L. S. Shapley (1953), A Value for n-Person Games, Contributions to the Theory of Games II. The values add up to
v(all) - v(none). Each is a weighted sum of the 2^n - 1 coalitions' worths, which are all needed: up to EXACT players.

For more, orders are sampled: Castro, Gomez and Tejada (2009), Polynomial Calculation of the Shapley Value Based on
Sampling, Computers & Operations Research 36. Players are seated at random in a ring; each of its n beginnings is an
order, and so is each order's reverse. Every player then stands once at every place in either direction (stratified by
place: Maleki et al. 2013, arXiv:1306.4265; reversed: Mitchell et al. 2022, Sampling Permutations for Shapley Value
Estimation, JMLR 23), and the 2n orders need no more than n (n - 1) + 1 coalitions, as the end of a ring's order is the
beginning of another one. What the sample leaves open is told by the spread between its n pairs of orders, as if these
had been drawn apart: too wide rather than too narrow, since the places are stratified.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Coalition = frozenset[int]

EXACT = 6  # players up to whom all coalitions are asked for: 63
RINGS = 2  # asked for beyond; 7 players: 71 coalitions, 10: 161
SEED = 0  # of the rings


@dataclass(frozen=True)
class Design:
    """How values follow from coalitions' worths v [coalitions]: ``weights @ v`` [players], - v(none) / n each.

    pairs: the same of each pair of orders [pairs, players, coalitions], of which weights is the mean; None where exact.
    """

    coalitions: Sequence[Coalition]
    weights: Floats
    pairs: Floats | None = None

    def sampling(self, worths: Floats) -> tuple[Floats, float]:
        """The covariance [players, players] that comes of sampling orders, and its freedom; 0 where exact."""
        if self.pairs is None:
            return np.zeros((len(self.weights), len(self.weights))), float("inf")
        found = self.pairs @ worths
        return np.asarray(np.cov(found, rowvar=False) / len(found)), len(found) - 1.0


def every(num_players: int) -> list[Coalition]:
    """All coalitions of at least one player, the smaller first."""
    return [frozenset(each) for size in range(1, num_players + 1) for each in combinations(range(num_players), size)]


def ring(num_players: int, number: int) -> list[int]:
    """The players as they sit in a ring."""
    return [int(player) for player in np.random.default_rng([SEED, number]).permutation(num_players)]


def orders(seats: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Each order that a ring makes, with its reverse."""
    beginnings = [[*seats[start:], *seats[:start]] for start in range(len(seats))]
    return [(order, order[::-1]) for order in beginnings]


def _of_ring(seats: Sequence[int]) -> list[Coalition]:
    return [frozenset(order[:size]) for order, _ in orders(seats) for size in range(1, len(seats) + 1)]


def _of_rings(rings: Sequence[Sequence[int]]) -> list[Coalition]:
    return sorted({each for seats in rings for each in _of_ring(seats)}, key=lambda each: (len(each), sorted(each)))


def planned(num_players: int) -> list[Coalition]:
    """The coalitions to run: all of them, or those of the sample, the smaller first."""
    if num_players <= EXACT:
        return every(num_players)
    return _of_rings([ring(num_players, number) for number in range(RINGS)])


def design(num_players: int, known: Collection[Coalition]) -> Design | None:
    """The values' weights: exact where all coalitions are known, else of the rings that are; None where no ring is."""
    if len(known) >= 2**num_players - 1:
        return exact(num_players)
    rings: list[list[int]] = []
    while num_players > EXACT and set(_of_ring(seats := ring(num_players, len(rings)))) <= set(known):
        rings.append(seats)
    return sampled(num_players, rings) if rings else None


def exact(num_players: int) -> Design:
    """The weights of all coalitions: |S|! (n - |S| - 1)! / n! for a player's step after the others S."""
    coalitions, n = every(num_players), num_players
    weights = np.zeros((n, len(coalitions)))
    for column, each in enumerate(coalitions):
        size = len(each)
        for player in range(n):
            joins = player in each
            before = size - 1 if joins else size
            if before < n:
                step = factorial(before) * factorial(n - before - 1) / factorial(n)
                weights[player, column] = step if joins else -step
    return Design(coalitions, weights)


def sampled(num_players: int, rings: Sequence[Sequence[int]]) -> Design:
    """The weights of the orders of some rings."""
    coalitions = _of_rings(rings)
    place = {each: column for column, each in enumerate(coalitions)}
    both = [pair for seats in rings for pair in orders(seats)]
    pairs = np.zeros((len(both), num_players, len(coalitions)))
    for number, pair in enumerate(both):
        for order in pair:
            for size, player in enumerate(order):
                pairs[number, player, place[frozenset(order[: size + 1])]] += 0.5
                if size:
                    pairs[number, player, place[frozenset(order[:size])]] -= 0.5
    return Design(coalitions, pairs.mean(axis=0), pairs)
