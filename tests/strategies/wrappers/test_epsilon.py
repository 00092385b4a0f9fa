"""What rounds of Poisson samples cost: beside published values, a closed form and the accountant's own word."""

import math

import dp_accounting
import numpy as np
import pytest
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from scipy.stats import norm as normal

from strategies.wrappers.fixed import epsilon

pytestmark = pytest.mark.slow  # the accountants compute for seconds


def classical(z: float, rate: float, rounds: int, delta: float) -> float:
    """Mironov, Talwar and Zhang (2019) for whole orders, with Mironov's (2017) step from Renyi to (epsilon, delta)."""

    def moment(a: int) -> float:
        terms = ((1 - rate) ** (a - k) * rate**k * math.exp((k * k - k) / (2 * z * z)) for k in range(a + 1))
        return math.log(math.fsum(math.comb(a, k) * term for k, term in enumerate(terms)))

    return min((rounds * moment(a) + math.log(1 / delta)) / (a - 1) for a in range(2, 33))


@pytest.mark.parametrize(
    ("z", "rate", "rounds", "published"),
    [
        (4.0, 0.01, 10_000, 1.26),  # Abadi et al. (2016), section 3.2
        (1.1, 256 / 60_000, 60 * 60_000 // 256, 3.01),  # TensorFlow Privacy's tutorial on MNIST
        (1.3, 256 / 60_000, 15 * 60_000 // 256, 1.19),
    ],
)
def test_epsilon_is_a_little_below_the_published_ones(z: float, rate: float, rounds: int, published: float) -> None:
    assert classical(z, rate, rounds, 1e-5) == pytest.approx(published, abs=0.006)
    assert 0.72 * published < epsilon(z, rate, 1e-5, rounds) < published  # bounds have been improved since


@pytest.mark.parametrize(("z", "rounds"), [(1.0, 1), (2.0, 10), (10.0, 100), (0.3, 20)])
def test_epsilon_of_everyone_is_the_exact_one(z: float, rounds: int) -> None:
    mu, cost = math.sqrt(rounds) / z, epsilon(z, 1.0, 1e-5, rounds)  # Balle and Wang (2018), theorem 8

    def delta(eps: float) -> float:
        return float(normal.cdf(mu / 2 - eps / mu) - np.exp(eps + normal.logcdf(-mu / 2 - eps / mu)))

    assert delta(cost) < 1e-5 < delta(cost * 0.999), "never below, and above by less than a thousandth"


@pytest.mark.parametrize("case", [(1.0, 1.0, 1), (1.0, 0.1, 100), (2.0, 0.5, 7), (1.1, 0.004, 1000)])
def test_epsilon_is_that_of_the_privacy_loss_and_below_renyis(case: tuple[float, float, int]) -> None:
    z, rate, rounds = case
    event = dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(z))
    fine, renyi = PLDAccountant(value_discretization_interval=1e-4), RdpAccountant()
    fine.compose(event, rounds)
    renyi.compose(event, rounds)
    exact, cost = fine.get_epsilon(1e-5), epsilon(z, rate, 1e-5, rounds)
    assert exact * (1 - 1e-3) <= cost <= exact * (1 + 1e-3)
    assert cost < 0.98 * renyi.get_epsilon(1e-5)


@pytest.mark.parametrize("case", [(1e-6, 1.0, 1e-5, 20), (1e-3, 0.3, 1e-5, 20), (1000.0, 0.1, 1e-5, 5),
                                  (1.0, 1e-6, 1e-5, 5), (1.0, 0.1, 1e-30, 5), (1.0, 0.1, 0.5, 5)])  # fmt: skip
def test_epsilon_is_a_number_at_every_end(
    case: tuple[float, float, float, int], caplog: pytest.LogCaptureFixture
) -> None:
    z, rate, delta, rounds = case
    assert 0.0 <= epsilon(z, rate, delta, rounds) <= epsilon(z, rate, delta, rounds + 1) < math.inf
    assert not caplog.records, "the accountant warns of series that do not converge"


def test_epsilon_grows_with_rounds_and_falls_with_noise_and_smaller_samples() -> None:
    assert np.all(np.diff([epsilon(1.0, 0.1, 1e-5, rounds) for rounds in range(1, 11)]) > 0)
    assert epsilon(2.0, 0.1, 1e-5, 5) < epsilon(1.0, 0.1, 1e-5, 5) < epsilon(1.0, 0.2, 1e-5, 5) < math.inf
    assert epsilon(0.0, 0.1, 1e-5, 5) == math.inf
