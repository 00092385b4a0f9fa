"""The robust strategies: what all of them keep; the median, the trimmed mean and the geometric median themselves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from flwr.serverapp import strategy as flwr
from hypothesis import given, settings
from hypothesis import strategies as st
from replies import SETTINGS, aggregate, flower, rule
from scipy.optimize import minimize
from torch import nn

from strategies.bulyan import Bulyan
from strategies.fedavg import FedAvg
from strategies.fedmedian import FedMedian
from strategies.fedtrimmedavg import FedTrimmedAvg
from strategies.geometricmedian import GeometricMedian
from strategies.krum import Krum
from strategies.multikrum import MultiKrum
from strategies.robust import Robust

Make = Callable[[], Robust]


def geometric(smoothing: float = 1e-6, max_iterations: int = 1000, tolerance: float = 1e-14) -> GeometricMedian:
    return GeometricMedian(smoothing, max_iterations, tolerance)


# Each of them stands one client of seven or more that sends anything.
ALL: dict[str, Make] = {
    "fedmedian": FedMedian,
    "fedtrimmedavg": lambda: FedTrimmedAvg(0.14),
    "krum": lambda: Krum(1),
    "multikrum": lambda: MultiKrum(1),
    "bulyan": lambda: Bulyan(1),
    "geometricmedian": geometric,
}
each = pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())
SEEDS = st.integers(0, 10**6)
few = settings(deadline=None, max_examples=10)


def draw(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@each
@few
@given(seed=SEEDS, num_clients=st.integers(7, 12), dimension=st.integers(1, 5))
def test_clients_and_coordinates_may_change_places_and_the_origin_too(
    make: Make, seed: int, num_clients: int, dimension: int
) -> None:
    rng = draw(seed)
    points, start, shift = rng.normal(size=(num_clients, dimension)), *rng.normal(size=(2, dimension)) * 10
    found = rule(make(), points, start)
    clients, coordinates = rng.permutation(num_clients), rng.permutation(dimension)
    assert rule(make(), points[clients], start) == pytest.approx(found, abs=1e-7)
    assert rule(make(), points[:, coordinates], start[coordinates]) == pytest.approx(found[coordinates], abs=1e-7)
    assert rule(make(), points + shift, start) == pytest.approx(found + shift, abs=1e-7)
    assert rule(make(), points + shift, start + shift) == pytest.approx(found + shift, abs=1e-7)


@each
@few
@given(seed=SEEDS, num_clients=st.integers(7, 12), size=st.sampled_from([1e3, 1e6, 1e30]))
def test_one_client_far_away_changes_next_to_nothing(make: Make, seed: int, num_clients: int, size: float) -> None:
    rng = draw(seed)
    points, liar = rng.normal(size=(num_clients, 3)), rng.integers(num_clients)
    honest = np.delete(points, liar, axis=0)
    points[liar] = rng.normal(size=3) * size
    found = rule(make(), points)
    assert np.linalg.norm(found - honest.mean(axis=0)) < 3 * np.linalg.norm(honest.std(axis=0))
    assert np.abs(rule(FedAvg(), points)).max() > size / 1000


@each
def test_an_attackers_number_of_examples_counts_nothing(make: Make) -> None:
    rows = [{"x": torch.from_numpy(row)} for row in draw(0).normal(size=(8, 3))]
    alike, inflated = (
        aggregate(make(), {"x": torch.zeros(3, dtype=torch.float64)}, rows, num_examples=counts)["x"]
        for counts in ([1] * 8, [10**9, *[1] * 7])
    )
    assert np.array_equal(alike, inflated)
    assert make().averages is False


@each
def test_dtypes_stay_counters_stay_whole_and_variances_stay_positive(make: Make) -> None:
    rng = draw(1)
    sent = {
        "variance": torch.from_numpy(rng.uniform(0.01, 3, 50)),
        "w": torch.zeros(3, 2),
        "scalar": torch.tensor(1.0),
        "n": torch.tensor(10),
        "narrow": torch.zeros(2, dtype=torch.float16),
    }
    clients = [
        {
            "variance": torch.zeros(50, dtype=torch.float64),
            "w": torch.from_numpy(rng.normal(size=(3, 2))).float(),
            "scalar": torch.tensor(rng.normal()).float(),
            "n": torch.tensor(10 + k % 3),
            "narrow": torch.full((2,), k).half(),
        }
        for k in range(7)
    ]
    after = aggregate(make(), sent, clients, buffers=("variance", "n", "narrow"))
    assert list(after) == list(sent)
    for name, array in after.items():
        assert array.dtype == sent[name].numpy().dtype and array.shape == tuple(sent[name].shape), name
        assert np.isfinite(array).all(), name
    assert (after["variance"] == 0).all(), "no client had another, whatever it was before"
    assert 10 <= after["n"] <= 12


@pytest.mark.parametrize("name", ["krum", "multikrum", "bulyan", "geometricmedian"])
def test_buffers_do_not_choose_but_follow_the_choice(name: str) -> None:
    points = draw(2).normal(size=(8, 4))
    x, n = torch.zeros(4, dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64)
    found = []
    for scale in (1.0, 1e6):  # as a counter's distances would be beside the weights'
        clients = [{"n": n + k * scale, "x": torch.from_numpy(row)} for k, row in enumerate(points)]
        found.append(aggregate(ALL[name](), {"n": n, "x": x}, clients, buffers=("n",)))
    assert np.array_equal(found[0]["x"], found[1]["x"])
    assert found[1]["n"] == pytest.approx(found[0]["n"] * 1e6, rel=1e-12)
    if name == "krum":
        assert np.array_equal(found[0]["x"], points[int(found[0]["n"])])


@pytest.mark.parametrize(
    ("make", "num_clients"),
    [
        *((FedMedian, n) for n in (1, 2)),
        (lambda: FedTrimmedAvg(0.0), 6),
        (lambda: MultiKrum(1, 6), 6),
        (lambda: Bulyan(0), 6),
        (lambda: geometric(smoothing=1e3), 6),
    ],
)
def test_what_leaves_the_unweighted_fedavg(make: Make, num_clients: int) -> None:
    points, start = draw(3).normal(size=(num_clients, 5)), draw(4).normal(size=5)
    assert rule(make(), points, start) == pytest.approx(rule(FedAvg(), points, start), abs=1e-12)


@each
def test_nobody_answering_leaves_the_model(make: Make) -> None:
    assert make().mean([]) is None
    assert make().memory == {}


@few
@given(seed=SEEDS, num_clients=st.integers(1, 9))
def test_the_median_is_numpys_and_flowers(seed: int, num_clients: int) -> None:
    points = draw(seed).normal(size=(num_clients, 4))
    found = rule(FedMedian(), points, draw(seed + 1).normal(size=4))
    assert found == pytest.approx(np.median(points, axis=0), abs=1e-12)
    assert found == pytest.approx(flower(flwr.FedMedian(), points), abs=1e-12)


def test_flowers_example_of_the_trimmed_mean() -> None:
    points = [[0.5, 0.5, 0.5, 0.5], [1, 0.2, 0.5, 1], [0.2, 0.5, 1, 0.2], [0.5, 1, 0.2, 0.5]]
    assert rule(FedTrimmedAvg(0.25), points) == pytest.approx([0.5] * 4, abs=1e-12)


@few
@given(seed=SEEDS, tenths=st.integers(0, 4))
def test_the_trimmed_mean_is_flowers_where_whole_clients_are_cut(seed: int, tenths: int) -> None:
    points = draw(seed).normal(size=(10, 3))
    whole = flower(flwr.FedTrimmedAvg(beta=tenths / 10 + 1e-12), points)
    assert rule(FedTrimmedAvg(tenths / 10), points) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("num_clients", [3, 5, 7, 9])
def test_the_trimmed_mean_that_cuts_all_but_one_is_the_median(num_clients: int) -> None:
    points = draw(num_clients).normal(size=(num_clients, 3))
    trimmed = FedTrimmedAvg((num_clients - 1) / (2 * num_clients))
    assert rule(trimmed, points) == pytest.approx(rule(FedMedian(), points), abs=1e-12)


def test_a_share_of_a_client_is_cut_as_a_whole_one() -> None:
    assert [FedTrimmedAvg(0.2).cut(n) for n in (3, 4, 5, 6, 10, 11)] == [1, 1, 1, 2, 2, 3]
    assert [FedTrimmedAvg(0.1).cut(n) for n in (10, 30, 70)] == [1, 3, 7]
    assert rule(FedTrimmedAvg(0.2), [0.0, 1.0, 2.0, 1e6]) == pytest.approx(1.5)
    assert flower(flwr.FedTrimmedAvg(beta=0.2), [[0.0], [1.0], [2.0], [1e6]])[0] > 250000, "flwr cuts none of four"


@pytest.mark.slow
@few
@given(seed=SEEDS, num_clients=st.integers(3, 9), smoothing=st.sampled_from([1e-3, 0.5, 3.0]))
def test_the_geometric_median_is_the_minimum_of_its_objective(seed: int, num_clients: int, smoothing: float) -> None:
    points = draw(seed).normal(size=(num_clients, 3)) * draw(seed + 1).uniform(0.1, 10, size=(num_clients, 1))

    def objective(v: Any) -> tuple[float, Any]:
        distance = np.linalg.norm(points - v, axis=1)
        near = np.maximum(distance, smoothing)
        return float((distance**2 / near + near).sum() / 2), ((v - points) / near[:, None]).sum(axis=0)

    best = minimize(objective, np.median(points, axis=0), jac=True, method="BFGS", options={"gtol": 1e-10})
    found = rule(geometric(smoothing, 20000, 0.0), points)
    assert objective(found)[0] == pytest.approx(float(best.fun), rel=1e-7)
    assert objective(found)[0] <= objective(points.mean(axis=0))[0]


def test_the_geometric_median_of_points_with_a_known_one() -> None:
    square = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert rule(geometric(), square) == pytest.approx([0, 0], abs=1e-9)
    fermat = [[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]]  # of an equilateral triangle: its centre
    assert rule(geometric(), fermat) == pytest.approx([0.5, np.sqrt(3) / 6], abs=1e-6)
    assert rule(geometric(), [[0.0], [1.0], [10.0]]) == pytest.approx([1.0], abs=1e-4)


def test_more_iterations_come_nearer_and_the_tolerance_ends_them() -> None:
    points = draw(5).normal(size=(9, 3)) * np.arange(1, 10)[:, None]
    sums = [
        np.linalg.norm(points - rule(geometric(max_iterations=most, tolerance=0.0), points), axis=1).sum()
        for most in (1, 2, 3, 1000)
    ]
    assert sums[0] > sums[1] > sums[2] > sums[3]
    loose, once = rule(geometric(tolerance=1.0), points), rule(geometric(max_iterations=1), points)
    assert np.array_equal(loose, once), "it moved by less than the median distance"


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: FedTrimmedAvg(0.5), "strategy.beta=0.5: a number of 0 or more and below 0.5"),
        (lambda: FedTrimmedAvg("a"), "strategy.beta=a: "),  # type: ignore[arg-type]
        (lambda: FedTrimmedAvg(float("nan")), "strategy.beta=nan: "),
        (lambda: Krum(-1), "strategy.num_malicious=-1: a whole number of 0 or more"),
        (lambda: Krum(True), "strategy.num_malicious=true: "),
        (lambda: Krum(0.5), "strategy.num_malicious=0.5: "),  # type: ignore[arg-type]
        (lambda: MultiKrum(1, 0), "strategy.num_selected=0: a whole number of 1 or more"),
        (lambda: geometric(smoothing=0), "strategy.smoothing=0: a number above 0"),
        (lambda: geometric(max_iterations=0), "strategy.max_iterations=0: a whole number of 1 or more"),
        (lambda: geometric(tolerance=-1), "strategy.tolerance=-1: a number of 0 or more"),
    ],
)
def test_wrong_numbers_are_refused(make: Callable[[], Any], line: str) -> None:
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value).startswith(line)


@pytest.mark.parametrize(
    ("make", "config", "line"),
    [
        (lambda: Krum(1), {"num_clients": 4}, "strategy.num_malicious=1: 5 clients a round"),
        (lambda: Krum(1), {"num_clients": 10, "participation": 0.44}, "strategy.num_malicious=1: 5 clients a round"),
        (lambda: Krum(1), {"num_clients": 5, "stragglers": 0.2}, "strategy.num_malicious=1: 5 clients a round"),
        (lambda: Bulyan(2), {"num_clients": 10}, "strategy.num_malicious=2: 11 clients a round"),
        (lambda: MultiKrum(1, 6), {"num_clients": 5}, "strategy.num_selected=6: there are only 5 clients"),
        (lambda: FedTrimmedAvg(0.4), {"num_clients": 4}, "strategy.beta=0.4: 2 cut at each end leave none of 4"),
    ],
)
def test_too_few_clients_are_refused_before_the_first_round(make: Make, config: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError) as raised:
        make().begin(nn.Linear(1, 1), SETTINGS | config)
    assert str(raised.value).startswith(line)


def test_just_enough_clients_are_allowed() -> None:
    Krum(1).begin(nn.Linear(1, 1), SETTINGS | {"num_clients": 10, "participation": 0.45})
    Krum(1).begin(nn.Linear(1, 1), SETTINGS | {"num_clients": 6, "stragglers": 0.2})
    Bulyan(2).begin(nn.Linear(1, 1), SETTINGS | {"num_clients": 11})
    MultiKrum(1, 5).begin(nn.Linear(1, 1), SETTINGS | {"num_clients": 5})
    FedTrimmedAvg(0.4).begin(nn.Linear(1, 1), SETTINGS | {"num_clients": 5})


def test_fewer_replies_than_expected_are_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    krum = Krum(1)
    rows = [{"x": torch.zeros(1)}] * 7
    aggregate(krum, rows[0], rows)
    with pytest.raises(ValueError, match="5 clients a round are needed"):
        krum.check(4)
    monkeypatch.setattr(krum, "received", lambda reply: reply)
    replies: Any = rows[:4]
    with pytest.raises(ValueError, match=r"5 clients a round are needed.*, or set min_replies, so that"):
        krum.mean(replies)
