"""What is tried and what is chosen, on problems whose best settings are known."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from quadratics import Federation, Owner

from fedsky.config.ranges import Range
from fedsky.tune.search import Trial, best, choose, propose
from fedsky.tune.space import Dimension, Settings
from strategies.fedavg import FedAvg
from strategies.fedprox import FedProx

LR = Dimension("lr", Range(0.001, 0.5, True), False, 0.005)
MU = Dimension("strategy.mu", Range(0.001, 1, True), False, 0.01)
MANY = 10**9  # images, with which an accuracy has no error


def trial(settings: Settings, accuracy: float, loss: float = 1.0, num: int = 100) -> Trial:
    return Trial(settings, (accuracy,), loss, num)


def search(dimensions: list[Dimension], score: Callable[[Settings], float], budget: int) -> list[Trial]:
    trials: list[Trial] = []
    for _ in range(budget):
        settings = propose(dimensions, trials)
        trials.append(trial(settings, score(settings), num=MANY))
    return trials


def after_a_step(strategy: FedAvg, lr: float, folder: Path) -> float:
    """What of the loss 1/2 4 (x - 3)^2 one round of one step takes away: all of it with lr = 1 / 4."""
    federation = Federation(strategy, [Owner(4 * np.eye(1), np.full(1, 3.0), 1, 1)], folder, lr=lr)
    return 1 - ((float(federation.round()[0]) - 3) / 2) ** 2


def test_the_best_step_size_of_a_quadratic_is_found(tmp_path: Path) -> None:
    trials = search([LR], lambda settings: after_a_step(FedAvg(), settings["lr"], tmp_path), 8)
    assert trials[0].settings == {"lr": 0.005}
    chosen = choose([LR], trials)
    assert chosen.settings["lr"] == pytest.approx(0.25, rel=0.15)
    assert chosen.accuracy > 0.97


def test_a_proximal_term_that_does_nothing_in_one_step_leaves_the_step_size_to_be_found(tmp_path: Path) -> None:
    def score(settings: Settings) -> float:
        return after_a_step(FedProx(mu=settings["strategy.mu"]), settings["lr"], tmp_path)

    assert choose([LR, MU], search([LR, MU], score, 12)).settings["lr"] == pytest.approx(0.25, rel=0.1)


def test_the_first_trials_are_the_start_and_one_in_either_half_of_every_range() -> None:
    trials = search([LR, MU], lambda settings: 0.5, 3)
    assert trials[0].settings == {"lr": 0.005, "strategy.mu": 0.01}
    for each in (LR, MU):
        assert sorted(each.place(one.settings[each.key]) > 0.5 for one in trials[1:]) == [False, True]


def test_on_a_flat_optimum_the_settings_stay_where_they_were() -> None:
    flat = [trial({"lr": lr}, accuracy) for lr, accuracy in [(0.005, 0.90), (0.01, 0.91), (0.1, 0.92), (0.4, 0.5)]]
    assert best(flat).settings == {"lr": 0.1}
    assert best(flat).standard_error == pytest.approx(math.sqrt(0.92 * 0.08 / 100), rel=0.05)
    assert choose([LR], flat).settings == {"lr": 0.005}
    surer = [trial(each.settings, each.accuracy, num=10_000) for each in flat]
    assert choose([LR], surer).settings == {"lr": 0.1}


def test_within_one_standard_error_the_nearest_to_the_start_is_chosen() -> None:
    found = [trial({"lr": lr}, accuracy) for lr, accuracy in [(0.005, 0.80), (0.02, 0.90), (0.1, 0.92), (0.2, 0.91)]]
    assert choose([LR], found).settings == {"lr": 0.02}


def test_the_standard_error_is_that_of_the_photographs_or_of_the_runs_if_that_is_larger() -> None:
    assert Trial({}, (0.9, 0.9), 1.0, 200).standard_error == pytest.approx(math.sqrt(0.09 / 200), rel=0.05)
    assert Trial({}, (0.8, 1.0), 1.0, 200).standard_error == pytest.approx(0.1)
    assert Trial({}, (1.0,), 1.0, 40).standard_error > 0.02


def test_a_training_that_diverged_is_never_chosen_and_does_not_end_the_search() -> None:
    trials = [trial({"lr": 0.005}, 0.0, math.inf), trial({"lr": 0.4}, 0.0, math.inf), trial({"lr": 0.002}, 0.1)]
    assert choose([LR], trials).settings == {"lr": 0.002}
    assert 0.001 <= propose([LR], trials)["lr"] <= 0.5


def test_what_is_tried_next_hangs_on_the_trials_alone() -> None:
    trials = search([LR, MU], lambda settings: -abs(math.log(settings["lr"] / 0.1)), 5)
    assert [propose([LR, MU], trials[:number]) for number in range(5)] == [each.settings for each in trials]


def test_an_edge_is_told() -> None:
    assert [LR.edge(value) for value in (0.001, 0.00101, 0.02, 0.45, 0.5)] == ["low", "low", None, "high", "high"]


def test_whole_numbers_stay_whole() -> None:
    epochs = Dimension("strategy.head_epochs", Range(1, 10, True), True, 5)
    tried = [each.settings[epochs.key] for each in search([epochs], lambda settings: -settings[epochs.key], 6)]
    assert all(isinstance(value, int) and 1 <= value <= 10 for value in tried)
    assert min(tried) == 1
