"""The attacks: what attackers send, to the number, and that all else stays honest."""

import functools
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.supercore.task_identity import TaskIdentity
from torch import Tensor, nn

from fedsky.client import client_generator, mods, tensors
from strategies.fedavg import FedAvg
from strategies.wrappers.alie import Alie, largest_z
from strategies.wrappers.attack import Attack
from strategies.wrappers.gaussian import Gaussian
from strategies.wrappers.labelflip import LabelFlip
from strategies.wrappers.scaled import Scaled
from strategies.wrappers.signflip import SignFlip

Replies = dict[int, dict[str, Tensor]]  # what the strategy gets, by client
CONFIG: dict[str, Any] = {"num_clients": 6, "seed": 3, "participation": 1.0, "stragglers": 0.0, "local_epochs": 1}
ATTACKS = ["signflip", "scaled", "gaussian", "labelflip", "alie"]


class Recording(FedAvg):
    """Keeps what it gets. Sends an array beside the model, as SCAFFOLD does."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[dict[str, Tensor]] = []

    def configure_train(self, server_round: int, *asked: Any) -> Iterator[Message]:
        self.round = server_round
        return super().configure_train(server_round, *asked)

    def outgoing(self, arrays: ArrayRecord, kind: str) -> ArrayRecord:
        return ArrayRecord({**dict(arrays), "control/weight": arrays["weight"]})

    def aggregate_train(self, server_round: int, replies: Iterable[Message]) -> Any:
        assert server_round == self.round
        return super().aggregate_train(server_round, replies)

    def mean(self, replies: Iterable[Message]) -> None:
        self.got = [tensors(reply) for reply in replies]


def layer(width: int = 3) -> nn.BatchNorm1d:
    model = nn.BatchNorm1d(width)
    with torch.no_grad():
        model.weight.copy_(torch.linspace(-2, 1, width))
    return model


def learned(x: Tensor, client: int) -> Tensor:
    """What a client makes of an array."""
    return x * (1 + 0.1 * (client + 1) ** 2) + 0.25 if x.is_floating_point() else x + client


def honest(message: Message, context: Context) -> Message:
    assert context is CONTEXT
    client: Any = message.content.config_records["config"]["client"]
    arrays = ArrayRecord({name: learned(x, client) for name, x in tensors(message).items()})
    return Message(RecordDict({"arrays": arrays, "metrics": MetricRecord({"num_examples": 1})}), reply_to=message)


def send(attack: Attack, round: int = 1, width: int = 3, **config: Any) -> list[Message]:
    """The messages of a round."""
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
    asked, model = CONFIG | config, layer(width)
    attack.begin(model, asked)
    grid: Any = SimpleNamespace(get_node_ids=lambda: list(range(1, asked["num_clients"] + 1)))
    record = ConfigRecord({key: value for key, value in asked.items() if key != "num_clients"} | {"round": round})
    return list(attack.configure_train(round, ArrayRecord(model.state_dict()), record, grid))


def exchange(attack: Attack, round: int = 1, width: int = 3, **config: Any) -> tuple[list[Message], Replies]:
    """The messages of a round, and what the strategy inside gets from clients who would be honest without them."""
    sent = send(attack, round, width, **config)
    attack.aggregate_train(round, (mods(message, CONTEXT, honest) for message in sent))
    return sent, dict(zip([client_of(message) for message in sent], attack.got, strict=True))


def client_of(message: Message) -> int:
    client = message.content.config_records["config"]["client"]
    assert isinstance(client, int)
    return client


X = layer().weight.detach()
CONTEXT: Any = object()  # of the client's node; what the mods pass on


def make(name: str, num_attackers: int, **settings: Any) -> Any:
    attacks: dict[str, Any] = {
        "signflip": functools.partial(SignFlip, scale=2.0),
        "scaled": functools.partial(Scaled, factor=7.0),
        "gaussian": functools.partial(Gaussian, std=0.5),
        "labelflip": LabelFlip,
        "alie": functools.partial(Alie, z=1.5),
    }
    return attacks[name](Recording(), num_attackers, **settings)


@pytest.fixture
def two_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Label flip asks the job for its classes."""
    monkeypatch.setattr(
        "strategies.wrappers.labelflip.num_classes", lambda message: {"train": 2}[message.metadata.message_type]
    )


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.usefixtures("two_classes")
def test_what_is_not_a_parameter_of_an_attacker_is_honest(name: str) -> None:
    attack = make(name, 2)
    messages, got = exchange(attack)
    _, clean = exchange(make(name, 0))
    assert list(got) == list(clean) == list(range(6)), "in the order of the clients"
    lying = {c for c in got if any(not torch.equal(got[c][n], clean[c][n]) for n in got[c])}
    assert lying == (set() if name == "labelflip" else attack.attackers) and len(attack.attackers) == 2
    for client, arrays in got.items():
        assert list(arrays) == list(clean[client])
        for array, tensor in arrays.items():
            assert tensor.dtype == clean[client][array].dtype and tensor.shape == clean[client][array].shape
            if array not in ("weight", "bias"):
                assert torch.equal(tensor, clean[client][array]), array
    for message in messages:
        config = message.content.config_records["config"]
        named = config["client"] in attack.attackers and name != "alie"
        assert ("mods" in config) == ("attacked" in config) == named
        assert set(config) - {"mods", "attacked", "relabel", *attack.told} == set(CONFIG) - {"num_clients"} | {
            "owners",
            "client",
            "train",
            "evaluate",
            "round",
        }


def test_signflip_turns_the_step_round() -> None:
    attack = SignFlip(Recording(), 2, scale=2.0)
    _, got = exchange(attack)
    for client in attack.attackers:
        wanted = X - 2 * (learned(X, client) - X)
        assert got[client]["weight"].numpy() == pytest.approx(wanted.numpy(), rel=1e-5)


def test_scaled_makes_it_longer_and_the_mean_of_six_the_attackers_model() -> None:
    attack = Scaled(Recording(), 1, factor=6.0)
    _, got = exchange(attack)
    (client,) = attack.attackers
    step = learned(X, client) - X
    assert got[client]["weight"].numpy() == pytest.approx((X + 6 * step).numpy(), rel=1e-5)
    others = torch.stack([learned(X, c) - X for c in got if c != client]).sum(0) / 6
    mean = torch.stack([arrays["weight"] for arrays in got.values()]).mean(0)
    assert (mean - others).numpy() == pytest.approx(learned(X, client).numpy(), rel=1e-5)


def test_gaussian_is_noise_around_what_was_received() -> None:
    def noise(round: int, std: float = 0.5) -> list[Tensor]:
        attack = Gaussian(Recording(), 2, std)
        _, got = exchange(attack, round, width=10_000)
        return [got[client]["weight"] - layer(10_000).weight.detach() for client in sorted(attack.attackers)]

    attack = Gaussian(Recording(), 2, 0.5)
    _, got = exchange(attack)
    for client in attack.attackers:
        exact = torch.normal(X.double(), 0.5, generator=client_generator(CONFIG["seed"], 1, client, 5))
        assert torch.equal(got[client]["weight"], exact.float())
    first, second = noise(1)
    for one in (first, second):
        assert float(one.mean()) == pytest.approx(0, abs=0.02)
        assert float(one.std()) == pytest.approx(0.5, rel=0.03)
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 0.04
    assert all(torch.equal(a, b) for a, b in zip(noise(1), (first, second), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(noise(2), (first, second), strict=True))
    assert all(float(one.abs().max()) == 0 for one in noise(1, std=0.0))


def test_alie_is_the_mean_less_some_deviations_of_the_attackers() -> None:
    attack = Alie(Recording(), 3, z=1.5)
    _, got = exchange(attack)
    rows = np.array([learned(X, client).double().numpy() for client in sorted(attack.attackers)])
    for client in attack.attackers:
        assert got[client]["weight"].numpy() == pytest.approx(rows.mean(axis=0) - 1.5 * rows.std(axis=0), rel=1e-5)


def test_alies_distance_is_the_papers() -> None:
    assert largest_z(50, 24) == pytest.approx(1.426077)  # of 26 honest ones 24 may be nearer to the mean
    assert largest_z(5, 2) == pytest.approx(0.430727)  # 2 of 3
    attack = Alie(Recording(), 2)
    attack.begin(layer(), CONFIG | {"num_clients": 5})
    assert attack.z == largest_z(5, 2)


def test_an_attacker_alone_in_a_cohort_has_nobody_to_collude_with() -> None:
    for round in range(1, 30):
        attack = Alie(Recording(), 2, z=5.0)
        messages, got = exchange(attack, round, participation=0.5)
        present = attack.attackers & set(got)
        for client in present:
            changed = not torch.equal(got[client]["weight"], learned(X, client))
            assert changed == (len(present) == 2)
        assert len(messages) == 3


@pytest.mark.parametrize("name", ["signflip", "scaled", "gaussian"])
def test_a_client_that_fails_is_told_as_it_is(name: str) -> None:
    def fail(message: Message, context: Context) -> Message:
        return Message(RecordDict({"failure": ConfigRecord({"reason": "no disk"})}), reply_to=message)

    for message in send(make(name, 5)):
        content = mods(message, CONTEXT, fail).content
        assert content.config_records["failure"] == {"reason": "no disk"} and not content.array_records


def test_attackers_are_drawn_once_by_the_seed_and_few_are_among_many() -> None:
    def drawn(num_attackers: int, seed: int = 0, num_clients: int = 20) -> set[int]:
        attack: Attack = make("signflip", num_attackers)
        attack.begin(layer(), CONFIG | {"num_clients": num_clients, "seed": seed})
        return attack.attackers

    assert drawn(0) == set()
    assert drawn(3, seed=8) == set(np.random.default_rng([8, 4]).permutation(20)[:3].tolist())
    assert drawn(3) == drawn(3) < drawn(7) < drawn(19)
    assert [len(drawn(n)) for n in (1, 7, 19)] == [1, 7, 19]
    assert len({frozenset(drawn(3, seed)) for seed in range(20)}) > 10
    attack = make("signflip", 2)
    for round in (1, 2, 9):
        named = {client_of(m) for m in send(attack, round) if "mods" in m.content.config_records["config"]}
        assert named == attack.attackers == drawn(2, 3, 6)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda: make("signflip", 6), "attack.num_attackers=6: fewer than num_clients=6"),
        (lambda: make("signflip", -1), "attack.num_attackers=-1: a whole number of 0 or more"),
        (lambda: make("signflip", True), "attack.num_attackers=true: a whole number"),
        (lambda: make("labelflip", 0, attackers=[0, 6]), "attack.attackers=[0,6]: name clients from 0 to 5, or null"),
        (lambda: make("labelflip", 0, attackers=[-1]), "attack.attackers=[-1]: name clients from 0 to 5, or null"),
        (lambda: make("labelflip", 0, attackers=[True]), "attack.attackers=[true]: name clients from 0 to 5, or null"),
        (lambda: make("labelflip", 0, attackers=["x"]), "attack.attackers=[x]: name clients from 0 to 5, or null"),
        (lambda: make("labelflip", 0, attackers=[0] * 6), "attack.num_attackers=6: fewer than num_clients=6"),
        (lambda: make("signflip", 1, scale=-1), "attack.scale=-1: a number of 0 or more"),
        (lambda: make("scaled", 1, factor="x"), "attack.factor=x: a number of 0 or more"),
        (lambda: make("gaussian", 1, std=float("nan")), "attack.std=nan: a number of 0 or more"),
        (lambda: make("alie", 2, z=0), "attack.z=0: a number above 0"),
        (lambda: make("alie", 1), "attack.num_attackers=1: alie needs 2 or more"),
        (lambda: make("alie", 4, z=None), "attack.num_attackers=4: of 6 clients they need nobody to hide them"),
        (lambda: make("alie", 2, z=None), "attack.num_attackers=2: of 6 clients they are too few to hide"),
    ],
)
def test_what_no_attack_can_do_is_refused(change: Callable[[], Any], line: str) -> None:
    with pytest.raises(ValueError) as raised:
        change().begin(layer(), CONFIG)
    assert str(raised.value).startswith(line)


def test_attackers_that_are_named_are_those_whatever_number_is_given() -> None:
    attack = make("labelflip", 1, attackers=[0, 5])
    attack.begin(layer(), CONFIG)
    assert attack.attackers == {0, 5} and attack.num_attackers == 2


def test_alie_is_refused_with_compression_where_somebody_attacks() -> None:
    compressed = CONFIG | {"compression": {"_target_": "strategies.wrappers.topk.TopK"}}
    with pytest.raises(ValueError, match="attack=alie with compression"):
        make("alie", 2).begin(layer(), compressed)
    make("alie", 0).begin(layer(), compressed)
