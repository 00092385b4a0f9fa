"""A client's batches, and what the one shared training loop does with them: against loops written out here."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from fedsky.client import Shard, proximal_gradient, sgd
from fedsky.client.training import evaluation_batches, mean_loss, predict
from fedsky.data import Photos
from fedsky.data.augment import Augment

RNG = np.random.default_rng(0)
POINTS = Photos(
    RNG.normal(size=(40, 3)), RNG.integers(0, 3, 40), [f"p{number}" for number in range(40)], ("a", "b", "c"), "points"
)
OWN = np.arange(7, 40)[::-1].copy()  # which of the data are the client's
CONFIG = {"lr": 0.05, "momentum": 0.0, "weight_decay": 0.0, "batch_size": 8, "local_epochs": 1}
HALF = CONFIG | {"precision": "bfloat16"}


def shard(count: int, relabel: list[int] | None = None, **task: Any) -> Shard:
    points = torch.from_numpy(POINTS.pixels)
    found: Any = SimpleNamespace(
        photos=POINTS, device=torch.device("cpu"), images=lambda indices: points[indices], augment=Augment(), **task
    )
    return Shard(found, OWN[:count], torch.Generator().manual_seed(1), relabel)


class Linear(nn.Linear):
    """A layer that notes in which mode it is asked, and of how many points."""

    def __init__(self) -> None:
        super().__init__(3, 3)
        self.asked: list[tuple[bool, int]] = []
        torch.manual_seed(2)
        self.reset_parameters()
        self.double()

    def forward(self, points: Tensor) -> Tensor:
        self.asked.append((self.training, len(points)))
        return super().forward(points)


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [
        (16, 8, [8, 8]), (15, 8, [8, 7]), (18, 8, [8, 8, 2]), (17, 8, [8, 9]), (9, 8, [9]), (8, 8, [8]), (7, 8, [7]),
        (1, 8, [1]), (2, 1, [2]), (4, 1, [1, 1, 2]), (3, 2, [3]),
    ],
)  # fmt: skip
def test_a_last_batch_of_one_joins_the_one_before(count: int, batch_size: int, sizes: list[int]) -> None:
    own = shard(count)
    batches = list(own.batches(batch_size))
    assert [len(images) for images, _ in batches] == [len(labels) for _, labels in batches] == sizes
    assert own.ends(batch_size) == np.cumsum(sizes).tolist()


def test_a_pass_is_all_of_the_clients_own_in_a_new_order_each_with_its_label() -> None:
    own, orders = shard(20), []
    for _ in range(2):
        images, labels = (torch.cat(parts).numpy() for parts in zip(*own.batches(6), strict=True))
        order = [int(np.flatnonzero((POINTS.pixels == image).all(axis=1))[0]) for image in images]
        assert sorted(order) == sorted(OWN[:20].tolist())
        np.testing.assert_array_equal(labels, POINTS.labels[order])
        orders.append(order)
    assert orders[0] != orders[1] and OWN[:20].tolist() not in orders
    again = torch.cat([images for images, _ in shard(20).batches(6)]).numpy()
    np.testing.assert_array_equal(again, POINTS.pixels[orders[0]], err_msg="its own generator alone shuffles")


def test_in_order_is_in_order_and_draws_nothing() -> None:
    own = shard(20)
    state = own.generator.get_state()
    batches = list(own.in_order(8))
    assert [len(images) for images, _ in batches] == [8, 8, 4]
    np.testing.assert_array_equal(torch.cat([images for images, _ in batches]), POINTS.pixels[OWN[:20]])
    np.testing.assert_array_equal(torch.cat([labels for _, labels in batches]), POINTS.labels[OWN[:20]])
    assert torch.equal(own.generator.get_state(), state)


def test_who_lies_trains_on_other_labels() -> None:
    np.testing.assert_array_equal(shard(20, [2, 0, 1]).labels, np.array([2, 0, 1])[POINTS.labels[OWN[:20]]])
    assert shard(20).num_classes == 3 and len(shard(20)) == 20


def test_pictures_are_varied_by_the_clients_generator_and_then_normalised() -> None:
    pictures = torch.rand(4, 3, 2, 2)
    seen: list[Any] = []

    class Grey:
        def draw(self, num: int, generator: torch.Generator) -> Tensor:
            seen.append(generator)
            return torch.zeros(1, num)

        def __call__(self, images: Tensor, drawn: Tensor) -> Tensor:
            assert drawn.shape == (1, len(images))
            return images * 0 + 0.5

    task: Any = SimpleNamespace(
        photos=SimpleNamespace(classes=("a", "b"), labels=np.zeros(4, np.int64)),
        device=torch.device("cpu"),
        images=lambda indices: pictures[indices],
        augment=Grey(),
    )
    own = Shard(task, np.arange(4), torch.Generator().manual_seed(1))
    [(varied, _)], [(plain, _)] = own.batches(4), own.in_order(4)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    torch.testing.assert_close(varied, ((0.5 - mean) / std).expand(4, 3, 2, 2))
    torch.testing.assert_close(plain, (pictures - mean) / std)
    assert seen == [own.generator], "and as they are, they are not varied"


def by_hand(config: dict[str, Any], count: int) -> tuple[NDArray[np.float64], float, int]:
    """Weights, mean loss over all images seen and steps of SGD with momentum and weight decay, written out."""
    own, weight, bias = shard(count), *(p.detach().clone().numpy() for p in Linear().parameters())
    velocity, losses, steps = [np.zeros_like(weight), np.zeros_like(bias)], [], 0
    for _ in range(config["local_epochs"]):
        for points, labels in own.batches(config["batch_size"]):
            x, y = points.numpy(), np.eye(3)[labels.numpy()]
            logits = x @ weight.T + bias
            p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            losses += (-np.log((p * y).sum(axis=1))).tolist()
            for part, each, gradient in zip(
                (weight, bias), velocity, ((p - y).T @ x / len(x), (p - y).mean(axis=0)), strict=True
            ):
                each *= config["momentum"]
                each += gradient + config["weight_decay"] * part
                part -= config["lr"] * each
            steps += 1
    return np.concatenate([weight.ravel(), bias]), float(np.mean(losses)), steps


@pytest.mark.parametrize("changes", [{}, {"momentum": 0.9, "local_epochs": 3}, {"weight_decay": 0.3, "batch_size": 5}])
def test_sgd_is_the_textbooks(changes: dict[str, Any]) -> None:
    config, model = CONFIG | changes, Linear()
    told = sgd(model, shard(21), config)
    weights, loss, steps = by_hand(config, 21)
    np.testing.assert_allclose(nn.utils.parameters_to_vector(model.parameters()).detach().numpy(), weights, atol=1e-12)
    assert told == {"train_loss": pytest.approx(loss, abs=1e-12), "num_examples": 21, "num_steps": steps}
    assert {training for training, _ in model.asked} == {True}


def test_corrections_come_after_each_backward_pass_and_before_its_step() -> None:
    model, plain = Linear(), Linear()
    model.bias.requires_grad_(False)
    plain.bias.requires_grad_(False)
    given: list[int] = []

    def double(parameters: list[nn.Parameter]) -> None:
        given.append(len(parameters))
        assert parameters[0].grad is not None
        parameters[0].grad.mul_(2)

    sgd(model, shard(16), CONFIG, double)
    sgd(plain, shard(16), CONFIG | {"lr": 2 * CONFIG["lr"]})
    torch.testing.assert_close(model.weight, plain.weight, rtol=0, atol=1e-12)
    assert given == [1, 1], "what is frozen is none of them"
    assert torch.equal(model.bias, Linear().bias)


def test_an_objective_takes_the_place_of_the_loss() -> None:
    model = Linear()

    def objective(asked: nn.Module, points: Tensor, labels: Tensor) -> Tensor:
        assert asked is model and len(points) == len(labels)
        loss: Tensor = asked(points).square().mean() * 0 + len(points)
        return loss

    assert sgd(model, shard(19), CONFIG, objective=objective)["train_loss"] == pytest.approx(
        (8 * 8 + 8 * 8 + 3 * 3) / 19
    )


def test_a_model_that_solves_itself_does_so_where_it_does_the_same() -> None:
    model, own, asked = Linear(), shard(16), []

    def solve(*given: Any) -> tuple[float, int, int]:
        asked.append(given)
        return 6.0, 5, 3

    def correct(parameters: Any) -> None:
        pass

    model.solve = solve  # type: ignore[assignment]
    assert sgd(model, own, CONFIG, correct) == {"train_loss": 2.0, "num_examples": 16, "num_steps": 5}
    assert asked == [(own, CONFIG, correct)]
    for config, objective in ((CONFIG, lambda net, points, labels: net(points).sum()), (HALF, None)):
        assert sgd(model, own, config, objective=objective)["num_steps"] == 2
    assert len(asked) == 1


def test_what_is_not_trained_has_no_loss_and_what_diverges_is_refused() -> None:
    assert math.isnan(sgd(Linear(), shard(8), CONFIG | {"local_epochs": 0})["train_loss"])
    told = r"^training diverged in round 4: lower lr=1e\+308 \(the mean loss of 20 steps is (nan|inf)\)$"
    with pytest.raises(ValueError, match=told):
        sgd(Linear(), shard(8), CONFIG | {"lr": 1e308, "local_epochs": 20, "round": 4})


def test_the_mean_loss_is_over_images_in_evaluation_mode() -> None:
    model, own = Linear().train(), shard(20)
    whole = F.cross_entropy(Linear()(torch.from_numpy(POINTS.pixels[OWN[:20]])), own.labels)
    assert mean_loss(model, own, 8) == pytest.approx(float(whole.detach()), abs=1e-12)
    assert model.asked == [(False, 8), (False, 8), (False, 4)]


def test_predictions_are_log_probabilities_in_order() -> None:
    points = torch.from_numpy(POINTS.pixels)
    task: Any = SimpleNamespace(
        photos=SimpleNamespace(image_size=32), images=lambda indices: points[np.asarray(indices) % 40]
    )
    model, indices = Linear().train(), np.arange(130)[::-1].copy()
    found = predict(model, task, indices)
    wanted = F.log_softmax(Linear()(points[indices % 40]), dim=1).detach().numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert model.asked == [(False, 64), (False, 64), (False, 2)] and found.dtype == np.float64
    small: Any = SimpleNamespace(photos=SimpleNamespace(image_size=0))
    assert [len(part) for part in evaluation_batches(small, np.arange(64 * 64 + 1))] == [64 * 64, 1]


def test_the_proximal_gradient_is_added_in_place() -> None:
    parameters = [nn.Parameter(torch.tensor([2.0, -1.0])), nn.Parameter(torch.tensor([[5.0]]))]
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, 10.0)
    proximal_gradient(iter(parameters), [torch.tensor([1.0, 1.0]), torch.tensor([[5.0]])], 0.5)
    found = [parameter.grad.tolist() for parameter in parameters if parameter.grad is not None]
    assert found == [[10.5, 9.0], [[10.0]]]
    with pytest.raises(ValueError, match="shorter"):
        proximal_gradient(parameters, [torch.zeros(2)], 0.5)
