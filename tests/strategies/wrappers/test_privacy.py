"""Differential privacy: clipping, noise, samples, the norm that adapts, and when a run ends."""

import hashlib
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from cut_short import cut_short
from exchange import replies
from flwr.app import ArrayRecord, ConfigRecord
from flwr.supercore.task_identity import TaskIdentity
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_round import content
from own_word import word_for
from quadratics import Federation, Owner, random_owners
from run_files import info_of, rows_of
from torch import Tensor, nn

from fedsky.resume import resume
from strategies.fedavg import FedAvg
from strategies.fedavgm import FedAvgM
from strategies.wrappers.adaptive import Adaptive
from strategies.wrappers.fixed import Fixed, epsilon, sample
from strategies.wrappers.wrapper import Wrapper

Go = Callable[..., Path]
HUGE = 1e9


def fixed(strategy: Any = None, z: Any = 0.0, clip: float = 1.0, **more: Any) -> Fixed:
    return Fixed(strategy or FedAvg(), z, clip, **{"delta": 1e-5, **more})


def adaptive(clip: float, z: float = 0.0, **more: Any) -> Adaptive:
    settings = {"quantile": 0.5, "clip_lr": 0.2, "count_noise": 0.0 if z == 0 else None, "delta": 1e-5}
    return Adaptive(FedAvg(), z, clip, **{**settings, **more})


class Clients:
    """Clients of a model with the parameters ``start`` who answer with updates that a test makes up."""

    def __init__(self, strategy: Fixed, start: dict[str, Tensor], num_clients: int, **config: Any) -> None:
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
        self.strategy, self.num_clients, self.number = strategy, num_clients, 0
        model = nn.Module()
        for name, tensor in start.items():
            model.register_parameter(name, nn.Parameter(tensor))
        self.config = {"seed": 0, "participation": 1.0, "local_epochs": 1, "stragglers": 0.0, **config}
        strategy.begin(model, {**self.config, "num_clients": num_clients})
        self.model = dict(start)
        self.metrics: dict[str, Any] = {}

    def round(self, updates: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The model's change by a round in which every client of the sample answers with its update."""
        self.number += 1
        grid: Any = SimpleNamespace(get_node_ids=lambda: list(range(1, self.num_clients + 1)))
        asked = self.strategy.configure_train(self.number, ArrayRecord(self.model), ConfigRecord(self.config), grid)
        drawn: list[Any] = [message.content.config_records["config"]["client"] for message in asked]
        answers = [
            ({name: self.model[name] + updates[k][name] for name in self.model}, {"num_examples": 1.0 + k})
            for k in drawn
        ]
        arrays, metrics = self.strategy.aggregate_train(self.number, replies(answers))
        assert arrays is not None and metrics is not None
        self.metrics, before = dict(metrics), self.model
        self.model = dict(arrays.to_torch_state_dict())
        return {name: self.model[name] - before[name] for name in before}


@given(seed=st.integers(0, 10**6), num=st.integers(1, 5), make=st.sampled_from([FedAvg, lambda: FedAvgM(0.9, 0.5)]))
@settings(deadline=None, max_examples=20)
def test_without_noise_and_limit_it_is_the_unweighted_strategy(seed: int, num: int, make: Callable[[], FedAvg]) -> None:
    owners = random_owners(seed, num, 3)
    alike = [Owner(owner.a, owner.t, owner.steps, 1) for owner in owners]
    with tempfile.TemporaryDirectory() as folder:
        private = Federation(fixed(make(), clip=HUGE), owners, Path(folder), np.zeros(3)).run(3)
        plain = Federation(make(), alike, Path(folder), np.zeros(3)).run(3)
    np.testing.assert_allclose(private, plain, rtol=0, atol=1e-11)


@given(seed=st.integers(0, 10**6), clip=st.floats(0.01, 3))
@settings(deadline=None, max_examples=20)
def test_without_noise_no_round_moves_the_model_further_than_the_norm(seed: int, clip: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        xs = Federation(fixed(clip=clip), random_owners(seed, 3, 4), Path(folder), np.zeros(4)).run(5)
    assert all(np.linalg.norm(b - a) <= clip * (1 + 1e-12) for a, b in zip([np.zeros(4), *xs], xs, strict=False))


def test_all_arrays_are_clipped_together_a_scalar_with_the_rest() -> None:
    start = {"pair": torch.zeros(2, dtype=torch.float64), "scalar": torch.zeros((), dtype=torch.float64)}
    clients = Clients(fixed(clip=1.0), start, 2)
    long = {"pair": torch.tensor([3.0, 4.0]), "scalar": torch.tensor(100.0)}
    short = {"pair": torch.tensor([0.5, 0.0]), "scalar": torch.tensor(0.0)}
    moved = clients.round([long, short])
    length = math.sqrt(3**2 + 4**2 + 100**2)
    assert (2 * moved["pair"]).tolist() == pytest.approx([3 / length + 0.5, 4 / length], abs=1e-12)
    assert 2 * float(moved["scalar"]) == pytest.approx(100 / length, abs=1e-12)
    assert moved["scalar"].shape == ()
    assert clients.metrics["clip_norm"] == 1.0


def test_an_update_of_nothing_is_fine_and_one_that_is_not_finite_is_refused() -> None:
    clients = Clients(fixed(), {"w": torch.ones(2)}, 1)
    assert clients.round([{"w": torch.zeros(2)}])["w"].tolist() == [0, 0]
    with pytest.raises(ValueError, match="not finite"):
        clients.round([{"w": torch.tensor([0.0, float("nan")])}])


@pytest.mark.slow
@pytest.mark.parametrize("make", [lambda: fixed(z=0.7, clip=2.0), lambda: adaptive(2.0, z=0.7, count_noise=0.5)])
def test_the_noise_is_of_the_stated_deviation_and_new_in_every_round(make: Callable[[], Fixed]) -> None:
    num, rate, d, draws = 10, 0.5, 40_000, []
    z = 0.7 if type(make()) is Fixed else (0.7**-2 - (2 * 0.5) ** -2) ** -0.5
    nothing = [{"w": torch.zeros(d, dtype=torch.float64)}] * num
    for _ in range(2):
        clients = Clients(make(), nothing[0], num, participation=rate)
        draws.append(clients.round(nothing)["w"])
        assert float(draws[-1].std()) == pytest.approx(z * 2.0 / (rate * num), rel=0.015)  # 4 standard errors
        assert abs(float(draws[-1].mean())) < 4 * z * 2.0 / (rate * num) / d**0.5
    assert torch.equal(*draws), "a run can be repeated"
    assert abs(float(torch.corrcoef(torch.stack([draws[1], clients.round(nothing)["w"]]))[0, 1])) < 0.02
    other = Clients(make(), nothing[0], num, participation=rate, seed=1).round(nothing)["w"]
    assert abs(float(torch.corrcoef(torch.stack([draws[1], other]))[0, 1])) < 0.02


def test_every_client_is_drawn_on_its_own() -> None:
    samples = [sample(8, 0.25, 0, round) for round in range(4000)]
    drawn = np.array([[client in some for client in range(8)] for some in samples])
    assert drawn.mean(0) == pytest.approx(np.full(8, 0.25), abs=0.03)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(8)).max() < 0.07
    assert drawn.sum(1).var() == pytest.approx(8 * 0.25 * 0.75, rel=0.1)
    assert [] in samples, "a sample may be empty"
    assert sample(8, 0.25, 3, 9) == np.flatnonzero(np.random.default_rng([3, 5, 9]).random(8) < 0.25).tolist()
    assert sample(8, 1.0, 0, 1) == list(range(8)) and sample(8, 0.25, 0, 1) != sample(8, 0.25, 1, 1)


@pytest.mark.slow
def test_the_denominator_is_fixed_and_an_empty_sample_is_a_round_of_noise() -> None:
    ones = [{"w": torch.ones(1, dtype=torch.float64)}] * 4
    clients, noisy = (Clients(fixed(z=z), ones[0], 4, participation=0.25) for z in (0.0, 1.0))
    for round in range(1, 13):
        num = len(sample(4, 0.25, 0, round))
        assert float(clients.round(ones)["w"]) == pytest.approx(num / (0.25 * 4), abs=1e-12)
        assert float(noisy.round(ones)["w"]) != 0
    assert {len(sample(4, 0.25, 0, round)) for round in range(1, 13)} >= {0, 1, 2}


@pytest.mark.parametrize("first", [0.1, 5.0])
@pytest.mark.parametrize(("spread", "quantile", "wanted"), [(0.0, 0.5, 1.0), (0.5, 0.5, 1.0), (0.5, 0.8, 1.3)])
def test_the_norm_comes_to_the_quantile_from_below_and_above(
    first: float, spread: float, quantile: float, wanted: float
) -> None:
    zero, norms = {"w": torch.zeros(2, dtype=torch.float64)}, []
    updates = [{"w": torch.tensor([length, 0.0])} for length in np.linspace(1 - spread, 1 + spread, 10)]
    clients = Clients(adaptive(first, quantile=quantile), zero, 10)
    for _ in range(60):
        clients.round(updates)
        norms.append(clients.metrics["clip_norm"])
    assert norms[0] == first
    assert norms[-10:] == pytest.approx(np.full(10, wanted), rel=0.12)  # a step is up to 10 %, or 16 %


def test_a_step_of_the_norm_is_the_papers() -> None:
    clients = Clients(adaptive(1.0, quantile=0.4, clip_lr=0.3), {"w": torch.zeros(1)}, 4)
    clients.round([{"w": torch.tensor([length])} for length in (0.5, 1.0, 1.5, 2.0)])  # two of four fit
    assert clients.strategy.norm == pytest.approx(math.exp(-0.3 * (2 / 4 - 0.4)), abs=1e-12)
    empty = Clients(adaptive(1.0, quantile=0.4, clip_lr=0.3), {"w": torch.zeros(1)}, 4, participation=1e-9)
    empty.round([])
    assert empty.strategy.norm == pytest.approx(math.exp(-0.3 * (0.5 - 0.4)), abs=1e-12)


@pytest.mark.slow
def test_the_counts_noise_moves_the_norm_as_much_as_stated() -> None:
    nothing, steps = [{"w": torch.zeros(1)}] * 4, []
    for seed in range(300):
        clients = Clients(adaptive(1.0, z=0.5, clip_lr=1.0, count_noise=3.0), nothing[0], 4, seed=seed)
        clients.round(nothing)
        steps.append(-math.log(clients.strategy.norm))
    assert np.mean(steps) == pytest.approx(1 - 0.5, abs=0.18)  # 4 standard errors
    assert np.std(steps) == pytest.approx(3.0 / 4, rel=0.15)


@pytest.mark.parametrize("privacy", ["fixed", "adaptive"])
def test_a_run_ends_before_it_would_spend_too_much(go: Go, privacy: str) -> None:
    asked = [f"privacy={privacy}", "privacy.noise_multiplier=2", "participation=0.5", "num_rounds=40"]
    folder = go(*asked, "privacy.max_epsilon=4")
    rows = rows_of(folder, "rounds")
    assert info_of(folder)["status"] == "done"
    assert rows[0]["epsilon"] is None
    assert [row["epsilon"] for row in rows[1:]] == [epsilon(2.0, 0.5, 1e-5, round) for round in range(1, len(rows))]
    assert 2 < len(rows) < 40 and rows[-1]["epsilon"] <= 4 < epsilon(2.0, 0.5, 1e-5, len(rows))
    assert len({row["clip_norm"] for row in rows[1:]}) == (1 if privacy == "fixed" else len(rows) - 1)


def test_without_noise_nothing_is_promised(go: Go) -> None:
    rows = rows_of(go("privacy=fixed", "privacy.noise_multiplier=0"), "rounds")
    assert [row["epsilon"] for row in rows] == [None] * 4 and rows[3]["clip_norm"] == 1


def test_a_round_of_which_nobody_was_drawn_is_a_round(go: Go) -> None:
    rows = rows_of(go("privacy=fixed", "participation=0.2", "num_rounds=8"), "rounds")
    empty = [row for row in rows[1:] if row["num_trained"] == 0]
    assert empty and len(empty) < 8
    for row in empty:
        assert row["loss"] != rows[row["round"] - 1]["loss"] and row["train_loss"] is None and row["bytes_up"] == 0
    assert np.all(np.diff([row["epsilon"] for row in rows[1:]]) > 0)


def test_a_resumed_run_is_the_same_to_the_byte(go: Go) -> None:
    asked = ["privacy=adaptive", "strategy=fedavgm", "participation=0.5", "num_rounds=5"]
    whole = go(*asked)
    with cut_short(3):
        go(*asked)
    stopped = whole.parent / "1"
    resume(stopped, word_for(stopped))
    assert content(whole / "checkpoint" / "5.safetensors") == content(stopped / "checkpoint" / "5.safetensors")
    for name in ("rounds.jsonl", "model.safetensors"):
        assert len({hashlib.sha256((run / name).read_bytes()).digest() for run in (whole, stopped)}) == 1, name


class Median(FedAvg):
    """Any strategy that takes no mean."""

    averages = False


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: fixed(Median()), "privacy=fixed: median takes no mean"),
        (lambda: fixed(Wrapper(Median())), "median takes no mean"),
        (lambda: fixed(z=-1), r"privacy\.noise_multiplier=-1"),
        (lambda: fixed(z="loud"), r"privacy\.noise_multiplier=loud"),
        (lambda: fixed(clip=0), r"privacy\.clip_norm=0"),
        (lambda: fixed(delta=1.0), r"privacy\.delta=1\.0"),
        (lambda: fixed(delta=0), r"privacy\.delta=0: a number above 0"),
        (lambda: fixed(max_epsilon=0), r"privacy\.max_epsilon=0: a number above 0"),
        (lambda: fixed(max_epsilon=math.nan), r"privacy\.max_epsilon=nan"),
        (lambda: adaptive(1.0, quantile=1), r"privacy\.quantile=1"),
        (lambda: adaptive(1.0, quantile=0), r"privacy\.quantile=0: a number above 0 and below 1"),
        (lambda: adaptive(1.0, clip_lr=-1), r"privacy\.clip_lr=-1: a number of 0 or more"),
        (lambda: adaptive(1.0, count_noise=-1), r"privacy\.count_noise=-1: a number of 0 or more"),
        (lambda: adaptive(1.0, clip_lr=True), r"privacy\.clip_lr=true"),
        (lambda: adaptive(1.0, z=1.0, count_noise=0.5), r"privacy\.count_noise=0\.5: above noise_multiplier / 2"),
    ],
)
def test_a_wrong_value_is_refused(make: Callable[[], Fixed], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
