"""Which settings are tried next, and which of those that were tried are chosen.

The first trial is where the search begins: the settings as they are. The next two are points of a Sobol sequence, one
in either half of every range; all further ones stand where a Gaussian process that was fitted to the trials so far
expects most (optuna's GPSampler). What is tried hangs on the strategy's own trials and their number alone: a search
that was stopped goes on as if it had not been.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import GPSampler
from scipy.stats import qmc

from fedsky.tune.space import Dimension, Settings

SPREAD = 2  # points of the sequence, a power of 2
DIGITS = 4  # of a setting: as many as a person types

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True)
class Trial:
    """Settings and what they gave: means over their runs of the last round's validation accuracy and loss.

    accuracies: one a run; num_photos: validation images of all folds together. Of settings with which a training
    diverged the accuracy is 0 and the loss infinite.
    """

    settings: Settings
    accuracies: tuple[float, ...]
    loss: float
    num_photos: int

    @property
    def accuracy(self) -> float:
        return sum(self.accuracies) / len(self.accuracies)

    @property
    def standard_error(self) -> float:
        """Of the accuracy: that of so many photographs or that of the runs' own spread, whichever is larger.

        The first is the binomial one with one right and one wrong photograph added, so that 100 % has an error too.
        """
        share = (self.accuracy * self.num_photos + 1) / (self.num_photos + 2)
        of_photos = math.sqrt(share * (1 - share) / self.num_photos)
        if (n := len(self.accuracies)) < 2:
            return of_photos
        of_runs = math.sqrt(sum((each - self.accuracy) ** 2 for each in self.accuracies) / (n - 1) / n)
        return max(of_photos, of_runs)


def propose(dimensions: Sequence[Dimension], trials: Sequence[Trial]) -> Settings:
    """The settings of the next trial."""
    if not trials or not dimensions:
        return {each.key: _typed(each, each.start) for each in dimensions}
    if len(trials) <= SPREAD:
        point = qmc.Sobol(len(dimensions), rng=0).random(SPREAD)[len(trials) - 1]
        return {each.key: _typed(each, each.value(at)) for each, at in zip(dimensions, point, strict=True)}
    distributions = {each.key: _distribution(each) for each in dimensions}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = GPSampler(seed=len(trials), n_startup_trials=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    worst = min((each.accuracy for each in trials if math.isfinite(each.loss)), default=0.0)
    for trial in trials:
        params = {each.key: _typed(each, trial.settings[each.key]) for each in dimensions}
        value = trial.accuracy if math.isfinite(trial.loss) else worst
        study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=value))
    asked = study.ask(distributions).params
    return {each.key: _typed(each, asked[each.key]) for each in dimensions}


def _distribution(dimension: Dimension) -> BaseDistribution:
    low, high, log = dimension.range.low, dimension.range.high, dimension.range.log
    return IntDistribution(int(low), int(high), log=log) if dimension.whole else FloatDistribution(low, high, log=log)


def _typed(dimension: Dimension, value: float) -> float:
    """A value as it is typed, within the range."""
    rounded = round(value) if dimension.whole else float(f"{value:.{DIGITS}g}")
    return min(max(rounded, dimension.range.low), dimension.range.high)


def best(trials: Sequence[Trial]) -> Trial:
    """The trial of the highest validation accuracy and, among equals, of the lowest loss."""
    return max(trials, key=lambda trial: (trial.accuracy, -trial.loss))


def choose(dimensions: Sequence[Dimension], trials: Sequence[Trial]) -> Trial:
    """The one-standard-error rule: of the trials that are within one standard error of the best, the one that is
    nearest to where the search began; so validation moves a setting only by what it can tell."""
    top = best(trials)
    good = [trial for trial in trials if trial.accuracy >= top.accuracy - top.standard_error]
    good = [trial for trial in good if math.isfinite(trial.loss)] or [top]
    return min(good, key=lambda trial: (distance(dimensions, trial.settings), -trial.accuracy, trial.loss))


def distance(dimensions: Sequence[Dimension], settings: Settings) -> float:
    """How far settings are from where the search began, in parts of the ranges."""
    return math.dist(
        [each.place(settings[each.key]) for each in dimensions], [each.place(each.start) for each in dimensions]
    )
