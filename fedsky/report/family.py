"""Comparisons that are made together: intervals that all hold at once, and p-values among all of them.

A comparison's |t| is first judged by itself, with its own degrees of freedom: p_i = 2 P(T > |t_i|). Its p-value among
all is how often the smallest of the family's p_i is as small though nothing differs (Westfall and Young 1993,
Resampling-Based Multiple Testing, section 2.3), which is found by drawing

    t_i = z_i / sqrt(w_i),   z ~ N(0, R),   w_i ~ chi2(f_i) / f_i

Each comparison has an error of its own, w_i, as unlike contrasts are estimated with unlike luck; one w for all, as in
Dunnett's test, makes intervals that hold too rarely where degrees of freedom are few (Hasler and Hothorn 2008, Multiple
Contrast Tests in the Presence of Heteroscedasticity, Biometrical J. 50). How they are correlated follows, as
Satterthwaite's degrees of freedom do, from the covariances C_k of the contrasts by each component of variance (of
photographs, of runs), which is known with f_k degrees of freedom: cov(w_i, w_j) ~ sum over k of 2 C_k,ij^2 / f_k.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

LEVEL = 0.95
SEED = 0
EQUAL = 1e-9  # what rounding makes of 0
MOST_TOGETHER = 400  # comparisons beyond which their correlations are left out, which makes intervals wider
MOST_DRAWS, FEWEST_DRAWS, NUMBERS = 50_000, 10_000, 2_000_000  # of the smallest p; a twentieth lies below its end
GRID = np.linspace(-6, 6, 601)  # normal deviates at which chi-squares are computed, and else interpolated
LOGS = np.linspace(-12, 12, 601)  # the same for |t| and its p-value

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A difference of groups, its standard error (None where the entries do not tell) and degrees of freedom."""

    value: float
    error: float | None
    freedom: float

    @property
    def interval(self) -> tuple[float, float] | None:
        """Low and high end of its interval by itself; None without an error."""
        if self.error is None:
            return None
        half = float(stats.t.ppf((1 + LEVEL) / 2, self.freedom)) * self.error
        return self.value - half, self.value + half


@dataclass(frozen=True)
class Family:
    """Comparisons made together: degrees of freedom [n], how they are correlated, and how their errors are [n, n]."""

    freedom: Floats
    correlation: Floats
    errors: Floats

    def told(self, difference: Difference) -> tuple[float, float, float] | None:
        """Low and high end of a member's simultaneous interval, and its p-value among all; None without an error."""
        if difference.error is None:
            return None
        num = len(self.freedom)
        alone = float(2 * stats.t.sf(abs(difference.value) / difference.error, difference.freedom))
        if num <= 1 or num > MOST_TOGETHER:  # Sidak (1967): as if they were independent, the widest that can be
            p = -math.expm1(num * math.log1p(-alone)) if alone < 1 else 1.0
            least = 1 - LEVEL ** (1 / max(1, num))
        else:
            p = float(np.searchsorted(self.smallest, alone, side="right")) / len(self.smallest)
            least = float(self.smallest[round((1 - LEVEL) * len(self.smallest)) - 1])
        half = float(stats.t.isf(least / 2, difference.freedom)) * difference.error
        return difference.value - half, difference.value + half, p

    @cached_property
    def smallest(self) -> Floats:
        """Draws of the smallest p-value of the family where nothing differs, in order."""
        parts = [np.asarray(part, dtype=np.float64) for part in (self.freedom, self.correlation, self.errors)]
        return _smallest(*((part.round(9).tobytes(), part.shape) for part in parts))


def apart(freedom: Sequence[float]) -> Family:
    """Comparisons of which nothing is known in common."""
    return Family(np.array(freedom, dtype=np.float64), np.eye(len(freedom)), np.eye(len(freedom)))


def correlation(covariance: Floats) -> Floats:
    """A covariance [n, n] as correlations; one of nothing is taken to be alone."""
    scale = np.sqrt(np.maximum(np.diag(covariance), EQUAL**2))
    found = covariance / np.outer(scale, scale)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found, dtype=np.float64)


def error_correlation(components: Sequence[tuple[Floats, float]]) -> Floats:
    """How the errors of contrasts are correlated, from each component's covariance of them [n, n] and its freedom."""
    found = np.zeros_like(components[0][0])
    for covariance, freedom in components:
        own = covariance.copy()
        own[:, np.diag(covariance) <= 0] = 0  # nothing of this component is in that contrast's variance
        own[np.diag(covariance) <= 0] = 0
        found += own**2 / max(1.0, freedom)
    scale = np.sqrt(np.diag(found))
    known = np.outer(scale, scale)
    found = np.divide(found, known, out=np.zeros_like(found), where=known > 0)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found, dtype=np.float64)


Key = tuple[bytes, tuple[int, ...]]


@lru_cache(maxsize=64)  # a page compares the same groups in several places
def _smallest(freedom_key: Key, correlation_key: Key, errors_key: Key) -> Floats:
    freedom, related, errors = (
        np.frombuffer(data).reshape(shape) for data, shape in (freedom_key, correlation_key, errors_key)
    )
    num = len(freedom)
    draws = max(FEWEST_DRAWS, min(MOST_DRAWS, NUMBERS // num))
    generator = np.random.default_rng(SEED)
    t = np.abs(_normal(related, draws, generator))
    deviates = _normal(errors, draws, generator)
    found = np.ones(draws)
    for column, own in enumerate(freedom):
        if math.isinf(own):
            found = np.minimum(found, 2 * special.ndtr(-t[:, column]))
            continue
        roots = np.interp(deviates[:, column], GRID, np.sqrt(special.chdtri(own, special.ndtr(-GRID)) / own))
        chances = np.log(np.maximum(2 * special.stdtr(own, -np.exp(LOGS)), np.finfo(float).tiny))
        found = np.minimum(found, np.exp(np.interp(np.log(t[:, column] / roots), LOGS, chances)))
    return np.sort(found)


def _normal(correlation: Floats, draws: int, generator: np.random.Generator) -> Floats:
    """Standard normal deviates [draws, n] that are so correlated."""
    values, vectors = np.linalg.eigh(correlation)
    kept = values > EQUAL
    root = vectors[:, kept] * np.sqrt(values[kept])
    root /= np.sqrt((root**2).sum(axis=1, keepdims=True))
    return np.asarray(generator.standard_normal((draws, root.shape[1])) @ root.T)
