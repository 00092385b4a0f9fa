"""Privacy and compression by hand: a round to the number, what is refused before the first, and when a run is over."""

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from exchange import exchange
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from torch import Tensor, nn

from fedsky.client import State, mods, tensors
from strategies.fedavg import FedAvg
from strategies.wrappers import eightbit
from strategies.wrappers.adaptive import Adaptive
from strategies.wrappers.eightbit import EightBit
from strategies.wrappers.fixed import Fixed
from strategies.wrappers.sign import Sign
from strategies.wrappers.topk import TopK

CONFIG: dict[str, Any] = {"num_clients": 2, "seed": 0, "participation": 1.0, "stragglers": 0.0, "local_epochs": 1}
CONTEXT: Any = object()  # of the client's node


def model(*numbers: float) -> nn.Module:
    made = nn.Module()
    made.x = nn.Parameter(torch.tensor(numbers, dtype=torch.float64))
    return made


class Told(FedAvg):
    """Notes the rounds that it is told, and is over after the 7th."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[int] = []

    def configure_train(self, server_round: int, *asked: Any) -> Iterator[Message]:
        self.told.append(server_round)
        return super().configure_train(server_round, *asked)

    def aggregate_train(self, server_round: int, replies: Iterable[Message]) -> Any:
        self.told.append(server_round)
        return super().aggregate_train(server_round, replies)

    def is_over(self, round: int) -> bool:
        return round == 7


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of the accountant, whose own word tests/strategies/wrappers/test_epsilon.py is about."""
    monkeypatch.setattr("strategies.wrappers.fixed.epsilon", lambda z, rate, delta, rounds: rounds * rate / z + delta)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize(
    ("private", "deviation", "sigma"),
    [
        (Fixed(Told(), 0.5, 2.0, 0.25), 0.5 * 2, None),
        (Adaptive(Told(), 0.5, 2.0, 0.4, 0.3, 0.5, 0.25), (0.5**-2 - (2 * 0.5) ** -2) ** -0.5 * 2, 0.5),
        (Adaptive(Told(), 0.5, 2.0, 0.4, 0.3, None, 0.25), (0.5**-2 - (2 * 0.5) ** -2) ** -0.5 * 2, 0.5),
    ],
)
def test_a_private_round_is_the_clipped_sum_and_its_noise(
    private: Fixed, deviation: float, sigma: float | None
) -> None:
    start = torch.tensor([1.0, -1.0], dtype=torch.float64)
    private.begin(model(*start.tolist()), {**CONFIG, "seed": 7})
    updates = torch.tensor([[3.0, 4.0], [0.0, 2.0]], dtype=torch.float64)  # the first is clipped, the second just fits
    moved = exchange(private, {"x": start}, [({"x": start + update}, {}) for update in updates], 3)
    rng = np.random.default_rng([7, 6, 3])
    noise = rng.normal(0, deviation, 2)
    assert moved is not None and isinstance(private.strategy, Told) and private.strategy.told == [3, 3]
    assert moved["x"].numpy() == pytest.approx(start.numpy() + (np.array([1.2, 3.6]) + noise) / 2, abs=1e-12)
    count = 0.0 if sigma is None else (0.5 - 0.5 + rng.normal(0, sigma)) / 2  # one fits, one does not
    assert private.norm == pytest.approx(2 if sigma is None else 2 * math.exp(-0.3 * (0.5 + count - 0.4)), abs=1e-12)


@pytest.mark.parametrize(("z", "num_clients", "sigma"), [(1.0, 4, 1.0), (0.0, 60, 1.5), (1.0, 60, 1.5)])
@pytest.mark.usefixtures("cheap")
def test_the_counts_noise_grows_with_the_cohort(z: float, num_clients: int, sigma: float) -> None:
    private = Adaptive(FedAvg(), z, 1.0, 0.5, 0.2, None, 1e-5)
    private.begin(model(1.0), {**CONFIG, "num_clients": num_clients, "participation": 0.5})
    assert private.sigma == sigma


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("make", [Fixed, functools.partial(Adaptive, quantile=0.5, clip_lr=0.2, count_noise=None)])
def test_a_run_is_over_before_the_round_that_would_spend_too_much(make: Callable[..., Fixed]) -> None:
    def begun(max_epsilon: float | None) -> Fixed:
        private = make(Told(), noise_multiplier=2.0, clip_norm=1.0, delta=0.25, max_epsilon=max_epsilon)
        private.begin(model(1.0), {**CONFIG, "participation": 0.5})  # n rounds cost (n + 1) / 4
        return private

    assert [begun(0.75).is_over(round) for round in (1, 2, 3)] == [False, True, True]
    assert begun(0.5).is_over(1) and begun(None).is_over(7) and not begun(None).is_over(8)
    with pytest.raises(ValueError) as refused:
        begun(0.49)
    why = "the first round alone costs 0.5: raise it or noise_multiplier, or lower participation"
    assert str(refused.value) == f"privacy.max_epsilon=0.49: {why}"
    assert begun(None).epsilon(3) == 1.0


COHORT = "with privacy a client's update must not depend on who else takes part: use"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"stragglers": 0.5}, f"stragglers=0.5: {COHORT} stragglers=0"),
        ({"min_replies": 2}, f"min_replies=2: {COHORT} min_replies=1"),
        ({"clients": {"overselect": 0.5}}, f"clients.overselect=0.5: {COHORT} clients.overselect=0"),
        (
            {"num_clients": 4},
            "privacy.delta=0.25: it would allow to publish one of 4 clients whole: below 0.25 is needed",
        ),
    ],
)
def test_what_would_not_be_private_is_refused(changed: dict[str, Any], said: str) -> None:
    private = Fixed(FedAvg(), 0.0, 1.0, 0.25)
    private.begin(model(1.0), {**CONFIG, "num_clients": 3, "min_replies": 1, "clients": {"overselect": 0.0}})
    with pytest.raises(ValueError) as refused:
        private.begin(model(1.0), CONFIG | changed)
    assert str(refused.value) == said
    with pytest.raises(ValueError, match=r"privacy needs model\.norm=group: .* \(running_mean is sent, no parameter\)"):
        private.begin(nn.BatchNorm1d(2), CONFIG)


def test_codes_of_eight_bits() -> None:
    """The scale, rounded to a float32, may be smaller than a 127th, or nothing."""
    least = 2.0**-149
    update = [127.0, -63.4, 0.6, 0.0, 0.0, 178 * least, -178 * least, 60 * least]
    sizes = [3, 2, 2, 1]
    encoded = eightbit.encode(torch.tensor(update, dtype=torch.float64), sizes, {})
    assert encoded["scales"].tolist() == [1, 0, least, 0] and encoded["scales"].dtype == np.float32
    assert encoded["codes"].tolist() == [127, -63, 1, 0, 0, 127, -127, 0]
    back = eightbit.decode(encoded, sizes)
    assert back.tolist() == [127, -63, 1, 0, 0, 127 * least, -127 * least, 0] and back.dtype == torch.float32


@pytest.mark.parametrize(
    ("make", "through"),
    [
        (EightBit, [127, -64, 31, 1]),
        (functools.partial(TopK, fraction=0.5), [127, -64, 0, 0]),
        (Sign, [55.75, -55.75, 55.75, 55.75]),
    ],
    ids=["eightbit", "topk", "sign"],
)
def test_a_compressed_round_is_what_comes_through(
    make: Callable[[FedAvg], Any], through: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state_of(message: Message, name: str) -> State:
        return State(tmp_path, f"{client_of(message)}-{name}", 3)

    monkeypatch.setattr("strategies.wrappers.compression.state_of", state_of)
    start, update = torch.arange(4, dtype=torch.float64), torch.tensor([127, -64, 31, 1], dtype=torch.float64)
    compressed, more = make(Told()), dict[str, Tensor]()

    def answer(message: Message, context: Context) -> Message:
        assert context is CONTEXT
        arrays = {name: tensor + (update if name == "x" else 0) for name, tensor in tensors(message).items()}
        metrics = MetricRecord({"num_examples": 3})
        return Message(RecordDict({"arrays": ArrayRecord(arrays | more), "metrics": metrics}), reply_to=message)

    def replies(**sent: Tensor) -> list[Message]:
        grid: Any = SimpleNamespace(get_node_ids=lambda: [1, 2])
        compressed.begin(model(*start.tolist()), CONFIG)
        asked = compressed.configure_train(3, ArrayRecord({"x": start, **sent}), ConfigRecord(CONFIG), grid)
        return [mods(message, CONTEXT, answer) for message in asked]

    arrived = replies(mean=start)
    assert [compressed.refusal(reply) for reply in arrived] == [None, None]
    arrays, _ = compressed.aggregate_train(3, arrived)
    assert (arrays.to_torch_state_dict()["x"] - start).tolist() == through
    kept = [State(tmp_path, f"{client}-feedback", 4).load() for client in (0, 1)]
    assert [each and each["error"].tolist() for each in kept] == [(update - torch.tensor(through)).tolist()] * 2
    assert compressed.strategy.told == [3, 3]
    more["more"] = start
    assert compressed.refusal(replies(mean=start)[0]) == f"sent the arrays ['x', 'mean', 'more'], {NOT_THOSE}"
    lacking = replies(mean=start)[0]
    del lacking.content.array_records["arrays"]["mean"], lacking.content.array_records["arrays"]["more"]
    assert compressed.refusal(lacking) == f"sent the arrays ['x'], {NOT_THOSE}"


def client_of(message: Message) -> int:
    client = message.content.config_records["config"]["client"]
    assert isinstance(client, int)
    return client


NOT_THOSE = "not those it got, ['x', 'mean']"


def test_compression_tells_the_clients_its_settings() -> None:
    assert TopK(FedAvg(), 0.5, False).settings == {"error_feedback": False, "fraction": 0.5}
