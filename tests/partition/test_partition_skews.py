"""Each kind of skew by its own definition: against its source's procedure, and in the limit where it is iid."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedsky.checks import shown
from fedsky.partition import (
    Indices,
    contiguous,
    cut,
    dirichlet,
    dirichlet_in_turn,
    dirichlet_label,
    dirichlet_quantity,
    iid,
    label_quantity,
    label_table,
    noise,
    quantity,
    quantity_lognormal,
)
from fedsky.partition.heterogeneity import heterogeneity

SETTINGS = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**31)
labels_of = st.lists(st.integers(0, 4), min_size=20, max_size=150).map(lambda values: np.array(values, dtype=np.int64))
SKY = (np.arange(298) >= 149).astype(np.int64)  # two classes of 149


def table(labels: Indices, cuts: list[Indices]) -> Any:
    return np.array([label_table(labels, own, int(labels.max()) + 1) for own in cuts])


@SETTINGS
@given(labels_of, st.integers(1, 10), st.sampled_from([0.01, 0.1, 1.0, 100.0]), seeds)
def test_dirichlet_label_gives_each_class_by_shares_of_its_own(
    labels: Indices, num: int, alpha: float, seed: int
) -> None:
    cuts = dirichlet_label(labels, num, np.random.default_rng(seed), alpha=alpha, smallest=0)
    rng = np.random.default_rng(seed)
    for label in np.unique(labels):
        # The procedure of the paper and of NIID-Bench, which cuts down where this rounds.
        shares = rng.dirichlet(np.repeat(alpha, num))
        images = np.flatnonzero(labels == label)
        parts = np.split(images, (np.cumsum(shares) * len(images)).astype(int)[:-1])
        counts = [int((labels[own] == label).sum()) for own in cuts]
        np.testing.assert_allclose(counts, [len(part) for part in parts], atol=1)
        assert sum(counts) == len(images)


@pytest.mark.parametrize("alpha", [0.01, 1e-4])
@pytest.mark.parametrize("balance", [False, True])
def test_dirichlet_label_with_two_classes_and_a_tiny_alpha_has_hardly_more_than_an_owner_a_class(
    alpha: float, balance: bool
) -> None:
    owners, first = [], np.zeros(4)
    for seed in range(200):
        cuts = dirichlet_label(SKY, 4, np.random.default_rng(seed), alpha=alpha, smallest=0, balance=balance)
        counts = table(SKY, cuts)
        np.testing.assert_array_equal(counts.sum(axis=0), [149, 149])
        owners.append((counts > 0).sum(axis=0).mean())
        first += counts[:, 0]
    assert np.mean(owners) < 1.2
    # No client is favoured: each has a class in a quarter of the draws, give or take four standard deviations.
    assert np.abs(first / first.sum() - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / 200)


def test_dirichlet_label_with_balance_gives_who_has_its_fair_share_nothing_more() -> None:
    labels = np.repeat(np.arange(6), 50)
    for seed in range(30):
        cuts = dirichlet_label(labels, 5, np.random.default_rng(seed), alpha=0.05, smallest=0, balance=True)
        before = np.cumsum(table(labels, cuts), axis=1)
        for label in range(1, 6):
            full = before[:, label - 1] >= 60
            np.testing.assert_array_equal(before[full, label], before[full, label - 1])


@pytest.mark.parametrize("least", [5, 10])
def test_dirichlet_label_refuses_what_redrawing_does_not_give_and_names_an_alpha_that_does(least: int) -> None:
    for seed in range(3):
        with pytest.raises(ValueError, match=r"partition.alpha=0.1 .*100 draws: the smallest feasible alpha") as raised:
            cut(SKY, 10, partial(dirichlet_label, alpha=0.1, smallest=least), seed, least)
        feasible = float(str(raised.value).rsplit(" ", 1)[1])
        assert 0.1 < feasible < 1
        cuts = cut(SKY, 10, partial(dirichlet_label, alpha=feasible, smallest=least), seed, least)
        assert min(map(len, cuts)) >= least


def test_dirichlet_label_is_not_dirichlet() -> None:
    sizes = [len(own) for own in cut(SKY, 5, partial(dirichlet_label, alpha=0.5, smallest=5), 0, 5)]
    assert np.ptp(sizes) > 20
    assert np.ptp([len(own) for own in cut(SKY, 5, partial(dirichlet, alpha=0.5), 0, 5)]) <= 1


def counts_of_hsu(labels: Indices, num: int, alpha: float, rng: np.random.Generator) -> Any:
    """Images [clients, classes] by the procedure of TensorFlow Federated: clients one after the other."""
    stock = np.bincount(labels).astype(float)
    mixtures = rng.dirichlet(alpha * stock / stock.sum(), size=num)
    counts = np.zeros((num, len(stock)))
    for own, mixture in zip(counts, mixtures, strict=True):
        for _ in range(len(labels) // num):
            weights = np.where(stock > 0, mixture, 0.0)
            weights = weights / weights.sum() if weights.sum() > 0 else (stock > 0) / (stock > 0).sum()
            drawn = rng.choice(len(stock), p=weights)
            own[drawn] += 1
            stock[drawn] -= 1
    return counts


@pytest.mark.parametrize(
    ("labels", "alpha"), [(SKY[4:-4], 0.3), (np.arange(400) % 10, 0.5)], ids=["sky", "ten classes"]
)
@pytest.mark.slow
def test_dirichlet_is_as_unlike_as_its_source_has_it_and_in_turn_is_less(labels: Indices, alpha: float) -> None:
    def unlike(draw: Callable[[np.random.Generator], Any]) -> tuple[float, float]:
        each = [heterogeneity(draw(np.random.default_rng(seed))) for seed in range(60)]
        return float(np.mean(each)), float(np.std(each) / np.sqrt(len(each)))

    source, error = unlike(lambda rng: counts_of_hsu(labels, 10, alpha, rng))
    ours, own_error = unlike(lambda rng: table(labels, dirichlet(labels, 10, rng, alpha=alpha)))
    in_turn, _ = unlike(lambda rng: table(labels, dirichlet_in_turn(labels, 10, rng, alpha=alpha)))
    assert abs(ours - source) < 3 * np.hypot(error, own_error)
    assert in_turn < ours - 0.05


@pytest.mark.parametrize(
    "partition",
    [
        lambda alpha: partial(dirichlet, alpha=alpha),
        lambda alpha: partial(dirichlet_in_turn, alpha=alpha),
        lambda alpha: partial(dirichlet_label, alpha=alpha, smallest=0),
        lambda alpha: partial(dirichlet_quantity, alpha=alpha, quantity_alpha=alpha, smallest=0),
    ],
    ids=["dirichlet", "dirichlet_in_turn", "dirichlet_label", "dirichlet_quantity"],
)
@pytest.mark.slow
def test_label_proportions_tend_to_iid_as_alpha_grows(partition: Callable[[float], Any]) -> None:
    labels = np.arange(3000) % 3
    unlike = []
    for alpha in (0.3, 3.0, 1e6):
        counts = [table(labels, partition(alpha)(labels, 5, np.random.default_rng(seed))) for seed in range(4)]
        unlike.append(np.mean([heterogeneity(own[own.sum(axis=1) > 0]) for own in counts]))
    assert unlike[0] > 1.5 * unlike[1] > 4 * unlike[2]
    assert unlike[2] < 0.05
    assert np.ptp(counts[0].sum(axis=1)) < 10, "and the sizes with them"


@SETTINGS
@given(labels_of, st.integers(1, 8), st.data())
def test_label_quantity_gives_every_client_so_many_classes_and_owners_equal_parts(
    labels: Indices, num: int, data: st.DataObject
) -> None:
    classes = np.unique(labels)
    num_classes = data.draw(st.integers(-(-len(classes) // num), len(classes)))
    rng = np.random.default_rng(data.draw(seeds))
    many = np.concatenate([labels, np.repeat(classes, num)])  # enough of each class for everyone
    counts = table(many, label_quantity(many, num, rng, num_classes=num_classes))[:, classes]
    np.testing.assert_array_equal((counts > 0).sum(axis=1), num_classes)
    assert counts.any(axis=0).all()
    for client, own in enumerate(counts):
        assert own[client % len(classes)] > 0
    for column in counts.T:
        assert np.ptp(column[column > 0]) <= 1


def test_with_more_classes_than_clients_each_has_an_owner() -> None:
    labels = np.repeat(np.arange(6), 9)
    for seed in range(20):  # 3 clients of 2 classes: each class has one owner, by no chance
        counts = table(labels, label_quantity(labels, 3, np.random.default_rng(seed), num_classes=2))
        np.testing.assert_array_equal(np.sort(counts, axis=0), [[0] * 6, [0] * 6, [9] * 6])


@pytest.mark.parametrize(
    ("num", "num_classes", "bounds"),
    [(3, 1, "2 to 5"), (10, 0, "1 to 5"), (10, 6, "1 to 5"), (10, 1.5, "1 to 5"), (10, True, "1 to 5")],
)
def test_label_quantity_refuses_a_number_of_classes_that_cannot_be(num: int, num_classes: Any, bounds: str) -> None:
    with pytest.raises(
        ValueError, match=f"partition.num_classes={shown(num_classes)}: .*{bounds}, is needed with {num}"
    ):
        label_quantity(np.arange(200) % 5, num, np.random.default_rng(0), num_classes=num_classes)


def test_lognormal_sizes_have_the_deviation_asked_for() -> None:
    labels = np.arange(400_000) % 2
    cuts = quantity_lognormal(labels, 2000, np.random.default_rng(0), sigma=0.5, smallest=1)
    assert np.std(np.log([len(own) for own in cuts])) == pytest.approx(0.5, abs=0.03)
    even = quantity_lognormal(labels, 2000, np.random.default_rng(0), sigma=1e-9, smallest=1)
    assert {len(own) for own in even} == {200}


@pytest.mark.parametrize("sigma", [3.0, 1e308])
def test_lognormal_refuses_too_large_a_sigma_with_one_that_works(sigma: float) -> None:
    with pytest.raises(ValueError, match=r"partition\.sigma=.*: the largest feasible sigma is about") as raised:
        cut(SKY, 10, partial(quantity_lognormal, sigma=sigma, smallest=10), 0, 10)
    feasible = float(str(raised.value).rsplit(" ", 1)[1])
    assert min(map(len, cut(SKY, 10, partial(quantity_lognormal, sigma=feasible, smallest=10), 0, 10))) >= 10


def test_dirichlet_quantity_has_the_sizes_of_quantity() -> None:
    both = dirichlet_quantity(SKY, 6, np.random.default_rng(3), alpha=0.1, quantity_alpha=2.0, smallest=10)
    sizes = [len(own) for own in quantity(SKY, 6, np.random.default_rng(3), alpha=2.0, smallest=10)]
    assert [len(own) for own in both] == sizes
    assert np.ptp(sizes) > 20
    assert heterogeneity(table(SKY, both)) > 0.25


def test_dirichlet_quantity_names_the_setting_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"partition.quantity_alpha=0.01 .* feasible quantity_alpha is about"):
        cut(SKY, 10, partial(dirichlet_quantity, alpha=0.5, quantity_alpha=0.01, smallest=10), 0, 10)


def test_contiguous_is_cut_by_index() -> None:
    np.testing.assert_array_equal(np.concatenate(cut(SKY, 4, contiguous, 7, 10)), np.arange(298))
    assert [len(own) for own in cut(SKY, 4, contiguous, 7, 10)] == [75, 75, 74, 74]


def test_noise_has_the_cut_of_iid() -> None:
    assert all(map(np.array_equal, cut(SKY, 4, partial(noise, sigma=0.1), 5, 10), cut(SKY, 4, iid, 5, 10)))
    with pytest.raises(ValueError, match=r"partition\.sigma=-1: a number above 0"):
        cut(SKY, 4, partial(noise, sigma=-1), 5, 10)
