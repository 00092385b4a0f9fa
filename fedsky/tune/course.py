"""The course of a search: trial by trial, for all strategies alike, until each has had its budget."""

import logging
from pathlib import Path

from fedsky.config import composed, resolve
from fedsky.config.known import refuse_unread
from fedsky.history import lock, read_object, write_json
from fedsky.model.divergence import DIVERGED
from fedsky.tune import running
from fedsky.tune.asked import Asked
from fedsky.tune.outcome import Outcome, told_settings
from fedsky.tune.running import Runner
from fedsky.tune.search import Trial, propose
from fedsky.tune.space import Dimension, Settings, space

LOG = logging.getLogger("fedsky")
ASKED = "asked.json"  # of a search, in its folder: what must stay the same when it goes on


def tune(asked: Asked) -> list[Outcome]:
    """Tunes every strategy with the same budget; a folder with some of its trials goes on with them.

    ValueError for a configuration that cannot be run, and for a folder that holds another search.
    """
    spaces = {strategy: dimensions(asked, strategy) for strategy in asked.strategies}
    with lock.hold(asked.folder):
        _claim(asked)
        trials: dict[str, list[Trial]] = {strategy: [] for strategy in spaces}
        runner = Runner(min(asked.jobs, len(spaces) * len(asked.repetitions)))
        try:
            for number in range(asked.budget):
                _round(asked, spaces, trials, runner, number)
        finally:
            runner.close()
    return [Outcome(strategy, spaces[strategy], done) for strategy, done in trials.items()]


def dimensions(asked: Asked, strategy: str) -> list[Dimension]:
    """What is tuned of a strategy; its configuration is checked before anything is run."""
    for repetition in asked.repetitions:
        words = [f"strategy={strategy}", *asked.words, *repetition]
        cfg, _ = composed(words)
        refuse_unread(words, cfg)
        config = resolve(cfg.copy())
        if "fold" in config["data"] and not asked.folds:
            asked.folds.append(str(config["data"]["fold"]))  # the one that the data have, for all to read
    return space(strategy, cfg, asked.fixed, asked.intervals)


def _claim(asked: Asked) -> None:
    """Notes what a folder's trials have in common; ValueError where it holds trials of another search."""
    now = {
        "settings": sorted(asked.words),
        "repetitions": asked.repetitions,
        "intervals": {key: [each.low, each.high] for key, each in asked.intervals.items()},
    }
    path = asked.folder / ASKED
    if not path.exists():
        write_json(path, now)
    elif (before := read_object(path, [])) != now:
        differing = next(key for key in now if before.get(key) != now[key])
        raise ValueError(f"{asked.folder} holds a search of other {differing}: name another folder, folder=NEW")


def _round(
    asked: Asked, spaces: dict[str, list[Dimension]], trials: dict[str, list[Trial]], runner: Runner, number: int
) -> None:
    """One trial of every strategy."""
    begun = {}
    for strategy, dimensions in spaces.items():
        folder = asked.folder / strategy / str(number)
        settings = _settings(folder, dimensions, trials[strategy])
        words = [f"strategy={strategy}", *asked.words]
        begun[strategy] = settings, folder, running.begin(runner, words, settings, asked.repetitions, folder)
    for strategy, (settings, folder, waiting) in begun.items():
        reasons = [wait() for wait in waiting]
        for reason in reasons:
            if reason is not None and DIVERGED not in reason:
                raise ValueError(reason)
        trial = running.read(settings, folder, len(asked.repetitions))
        trials[strategy].append(trial)
        LOG.info(
            "%s, trial %d of %d: %s: validation accuracy %.4f, loss %.4f",
            strategy,
            number + 1,
            asked.budget,
            told_settings(settings),
            trial.accuracy,
            trial.loss,
        )


def _settings(folder: Path, dimensions: list[Dimension], before: list[Trial]) -> Settings:
    """A trial's settings: those that it began with, or those that the trials before it suggest."""
    settings = running.noted(folder)
    if settings is None:
        settings = propose(dimensions, before)
        write_json(folder / running.NOTED, settings)
    return settings
