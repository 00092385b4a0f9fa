"""Krum, MultiKrum and Bulyan: whom they choose."""

import numpy as np
import pytest
import torch
from flwr.app import ArrayRecord, RecordDict
from flwr.serverapp import strategy as flwr
from flwr.serverapp.strategy.bulyan import aggregate_n_closest_weights
from flwr.serverapp.strategy.multikrum import select_multikrum
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from replies import aggregate, flower, rule

from strategies.bulyan import Bulyan, nearest_mean, select
from strategies.krum import Krum, scores, squared_distances
from strategies.multikrum import MultiKrum

Points = NDArray[np.float64]
SEEDS = st.integers(0, 10**6)
few = settings(deadline=None, max_examples=25)


def draw(seed: int, *shape: int) -> Points:
    return np.random.default_rng(seed).normal(size=shape)


def naive_scores(points: Points, num_malicious: int) -> list[float]:
    """Krum's scores, as the paper words them."""
    n = len(points)
    return [
        sum(sorted(float(((a - points[j]) ** 2).sum()) for j in range(n) if j != i)[: n - num_malicious - 2])
        for i, a in enumerate(points)
    ]


@few
@given(seed=SEEDS, num_malicious=st.integers(0, 3), more=st.integers(0, 4), dimension=st.integers(1, 4))
def test_krum_chooses_as_the_paper_words_it(seed: int, num_malicious: int, more: int, dimension: int) -> None:
    points = draw(seed, 2 * num_malicious + 3 + more, dimension)
    wanted = naive_scores(points, num_malicious)
    rows = torch.from_numpy(points)
    assert scores(squared_distances(rows), num_malicious).numpy() == pytest.approx(np.array(wanted), rel=1e-12)
    assert rule(Krum(num_malicious), points) == pytest.approx(points[np.argmin(wanted)], abs=1e-14)
    most = np.random.default_rng(seed).integers(1, len(points) + 1)
    best = points[np.argsort(wanted, kind="stable")[:most]].mean(axis=0)
    assert rule(MultiKrum(num_malicious, int(most)), points) == pytest.approx(best, abs=1e-12)


@few
@given(seed=SEEDS, num_malicious=st.integers(1, 3), most=st.integers(1, 9))
def test_krum_is_flowers_where_its_rounding_does_no_harm(seed: int, num_malicious: int, most: int) -> None:
    points = draw(seed, 9, 3)
    contents = [RecordDict({"arrays": ArrayRecord({"x": torch.from_numpy(row)})}) for row in points]
    chosen = [contents.index(found) for found in select_multikrum(contents, num_malicious, most)]
    assert rule(MultiKrum(num_malicious, most), points) == pytest.approx(points[sorted(chosen)].mean(axis=0), abs=1e-12)


def test_flowers_examples() -> None:
    """With three clients they lie below Krum's own bound, so the scores are asked for, not the strategy."""
    points = torch.tensor([[0.2], [0.7], [1.0]], dtype=torch.float64)
    found = scores(squared_distances(points), 1)
    assert found.tolist() == pytest.approx([0.25, 0.09, 0.09])
    assert found.argmin() == 1
    near = torch.tensor([[0.2], [0.5], [1.0]], dtype=torch.float64)
    two = scores(squared_distances(near), 1).argsort(stable=True)[:2]
    assert float(near[two].mean()) == pytest.approx(0.35)
    assert rule(Bulyan(0), [0.2, 0.5, 0.7, 12, 0.1, 0.1]) == pytest.approx(2.2666666667)


def test_of_equal_scores_the_lower_number_counts() -> None:
    assert rule(Krum(1), [3.0, 1.0, 1.0, 3.0, 1.0, 3.0]) == pytest.approx([3.0])
    assert rule(Krum(1), [1.0, 3.0, 1.0, 3.0, 1.0, 3.0]) == pytest.approx([1.0])
    assert rule(MultiKrum(1, 3), [3.0, 1.0, 1.0, 3.0, 1.0, 3.0]) == pytest.approx([5 / 3])


def test_multikrum_of_one_is_krum_and_takes_all_but_the_malicious_by_default() -> None:
    points = draw(1, 9, 4)
    assert np.array_equal(rule(MultiKrum(2, 1), points), rule(Krum(2), points))
    assert np.array_equal(rule(MultiKrum(2), points), rule(MultiKrum(2, 7), points))


def test_small_differences_between_large_models_are_told_apart() -> None:
    """Squares and products lose them: float32 models of |w|^2 = 2500 whose squared distances are below 0.01."""
    rng = np.random.default_rng(0)
    start = (rng.normal(size=200_000) * 0.112).astype(np.float32)
    steps = [start + (rng.normal(size=start.size) * size).astype(np.float32) for size in (*[1.5e-4] * 5, 5e-5)]
    exact = np.array([step.astype(np.float64) for step in steps])
    wanted = naive_scores(exact, 1)
    assert int(np.argmin(wanted)) == 5
    sent, clients = torch.from_numpy(start), [{"w": torch.from_numpy(step)} for step in steps]
    assert np.array_equal(aggregate(Krum(1), {"w": sent}, clients)["w"], steps[5])
    single = np.stack(steps)
    norms = (single**2).sum(axis=1)
    by_products = norms[:, None] + norms[None] - 2 * single @ single.T
    assert np.abs(by_products.astype(np.float64) - squared_distances(torch.from_numpy(exact)).numpy()).max() > 1e-4
    many = torch.from_numpy(rng.normal(size=(40, 3)))  # torch's cdist takes products where there are more than 25
    far = squared_distances(many + 2.0**26).numpy()
    assert far == pytest.approx(squared_distances((many + 2.0**26) - 2.0**26).numpy(), rel=1e-12)


@few
@given(seed=SEEDS, num_malicious=st.integers(1, 2), more=st.integers(0, 2))
def test_bulyan_never_takes_a_liar_far_away(seed: int, num_malicious: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    num_clients = 4 * num_malicious + 3 + more
    points, liars = rng.normal(size=(num_clients, 3)), rng.choice(num_clients, num_malicious, replace=False)
    points[liars] = 1e6 + rng.normal(size=(num_malicious, 3)) * rng.choice([0.0, 1e-3, 1e3])
    honest = np.delete(points, liars, axis=0)
    found = rule(Bulyan(num_malicious), points)
    assert (honest.min(axis=0) <= found + 1e-9).all() and (found - 1e-9 <= honest.max(axis=0)).all()


@few
@given(seed=SEEDS, num_malicious=st.integers(1, 3), most=st.integers(1, 8))
def test_krum_never_takes_a_liar_far_away(seed: int, num_malicious: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    points, liars = rng.normal(size=(11, 3)), rng.choice(11, num_malicious, replace=False)
    points[liars] = rng.normal(size=(num_malicious, 3)) * 1e6
    assert np.abs(rule(Krum(num_malicious), points)).max() < 10
    assert np.abs(rule(MultiKrum(num_malicious, most), points)).max() < 10


def naive_bulyan(points: Points, num_malicious: int) -> Points:
    """The two steps in loops."""
    left, found = list(range(len(points))), list[int]()
    theta = len(points) - 2 * num_malicious
    while len(found) < theta:
        ranked = []
        for i in left:
            near = sorted(float(((points[i] - points[j]) ** 2).sum()) for j in left if j != i)
            ranked.append((sum(near[: max(1, len(left) - num_malicious - 2)]), near, i))
        found.append(min(ranked)[2])
        left.remove(found[-1])
    taken = points[found]
    result = np.empty(points.shape[1])
    for column in range(points.shape[1]):
        values = sorted(taken[:, column])
        middle = float(np.median(values))
        result[column] = np.mean(sorted(values, key=lambda v: abs(v - middle))[: theta - 2 * num_malicious])
    return result


@few
@given(seed=SEEDS, num_malicious=st.integers(0, 3), more=st.integers(0, 3))
def test_bulyan_is_its_two_steps(seed: int, num_malicious: int, more: int) -> None:
    points = draw(seed, 4 * num_malicious + 3 + more, 3)
    assert rule(Bulyan(num_malicious), points) == pytest.approx(naive_bulyan(points, num_malicious), abs=1e-12)


def test_bulyan_chooses_one_after_the_other() -> None:
    """All at once by Krum's scores, as flwr has it, other clients would be chosen."""
    distances = [squared_distances(torch.from_numpy(draw(seed, 7, 2))) for seed in range(40)]
    differ = [set(select(d, 1, 5)) != set(scores(d, 1).argsort()[:5].tolist()) for d in distances]
    assert 0 < sum(differ) < 40
    assert all(select(d, 1, 5)[0] == scores(d, 1).argmin() for d in distances)


@few
@given(seed=SEEDS, num_rows=st.integers(3, 9), data=st.data())
def test_the_values_near_the_median_are_flowers(seed: int, num_rows: int, data: st.DataObject) -> None:
    points = np.sort(draw(seed, num_rows, 4), axis=0)
    beta = data.draw(st.integers(2, num_rows))
    theirs = aggregate_n_closest_weights([np.median(points, axis=0)], [[row] for row in points], beta)
    assert nearest_mean(torch.from_numpy(points), beta).numpy() == pytest.approx(theirs[0], abs=1e-12)


@pytest.mark.slow
def test_flowers_bulyan_is_ours_without_liars() -> None:
    points = draw(3, 6, 4)
    assert rule(Bulyan(0), points) == pytest.approx(flower(flwr.Bulyan(num_malicious_nodes=0), points), abs=1e-12)
