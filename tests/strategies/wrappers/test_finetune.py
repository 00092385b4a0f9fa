"""Fine-tuning: the federation is untouched, and after its end every client has a model of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from own_word import word_for
from personal import own_models, same, server_model, task_of
from PIL import Image
from run_files import info_of, rows_of
from torch.nn import functional as F

from fedsky.checks import shown
from fedsky.config import compose, make_strategy, resolve
from fedsky.predict import predict
from fedsky.resume import resume
from fedsky.run.loop import RoundLoop
from strategies.fedavg import FedAvg
from strategies.wrappers.finetune import FineTune

Go = Callable[..., Path]
TUNED = ["personalize=finetune", "personalize.epochs=2"]


@pytest.mark.parametrize("strategy", ["fedavg", "fedprox"])
def test_without_passes_all_is_judged_as_without_it(go: Go, strategy: str) -> None:
    asked = [f"strategy={strategy}", "participation=0.5", "evaluate=clients"]
    plain, tuned = go(*asked, real=True), go(*asked, "personalize=finetune", "personalize.epochs=0", real=True)
    for name in ("rounds.jsonl", "predictions.csv"):
        assert (tuned / name).read_bytes() == (plain / name).read_bytes()
    own = {"pooled_accuracy": None, "pooled_balanced_accuracy": None}
    assert [row | own for row in rows_of(tuned, "clients")] == rows_of(plain, "clients")
    assert all(same(model, server_model(plain)) for model in own_models(tuned))
    results = [info_of(folder)["result"] for folder in (plain, tuned)]
    assert results[0] == results[1]


def test_the_federation_is_untouched_and_its_last_model_tuned(go: Go) -> None:
    plain, tuned = go("evaluate=clients", real=True), go(*TUNED, real=True)
    assert same(server_model(tuned), server_model(plain))
    assert rows_of(tuned, "rounds")[:3] == rows_of(plain, "rounds")[:3]
    assert rows_of(tuned, "rounds")[3]["loss"] != rows_of(plain, "rounds")[3]["loss"]
    assert (tuned / "predictions.csv").read_bytes() != (plain / "predictions.csv").read_bytes()
    models = own_models(tuned)
    assert len({model["9.weight"].tobytes() for model in [*models, server_model(plain)]}) == 5


def test_a_tuned_model_is_steps_of_its_own_lr_from_the_last_one(go: Go) -> None:
    asked = ["batch_size=1000", "momentum=0.5", "weight_decay=0.1", "personalize.lr=0.2"]
    folder = go(*TUNED, *asked, model="personal.deep")
    task = task_of(folder)
    start = {name: torch.from_numpy(array) for name, array in server_model(folder).items()}
    for client, tuned in enumerate(own_models(folder)):
        task.model.load_state_dict(start)
        indices = task.part("train", [client])
        images, labels = task.images(indices), torch.from_numpy(task.photos.labels[indices])
        velocity = [torch.zeros_like(parameter) for parameter in task.model.parameters()]
        for _ in range(2):
            loss = F.cross_entropy(task.model(images), labels)
            gradients = torch.autograd.grad(loss, list(task.model.parameters()))
            with torch.no_grad():
                for v, parameter, gradient in zip(velocity, task.model.parameters(), gradients, strict=True):
                    v.mul_(0.5).add_(gradient + 0.1 * parameter)
                    parameter.sub_(v, alpha=0.2)
        for name, tensor in task.model.state_dict().items():
            assert abs(tuned[name] - tensor.numpy()).max() < 1e-12


def test_a_run_that_patience_stops_is_tuned_too(go: Go) -> None:
    asked = ["lr=1e-12", "patience=2", "num_rounds=50", "personalize.lr=0.1"]
    folder = go(*TUNED, *asked, real=True)
    assert len(rows_of(folder, "rounds")) == 3
    last = [row for row in rows_of(folder, "clients") if row["round"] == 2]
    assert all(row["pooled_accuracy"] is not None for row in last)
    models = own_models(folder)
    assert not any(same(model, server_model(folder)) for model in models)
    predictions = (folder / "predictions.csv").read_text()
    assert predictions.count("\n") == 1 + sum(row["num_test"] for row in last)
    rows_before = [row for row in rows_of(folder, "clients") if row["round"] == 1]
    assert [row["loss"] for row in last] != pytest.approx([row["loss"] for row in rows_before], abs=1e-6)


def test_interrupted_after_tuning_and_resumed_or_not(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = go(*TUNED, "patience=9", real=True)
    judge = RoundLoop._judge

    def stop(loop: Any, round: int, last: bool) -> Any:
        judged = judge(loop, round, last)
        if last:  # all are tuned, but nothing is written of it
            raise KeyboardInterrupt
        return judged

    monkeypatch.setattr(RoundLoop, "_judge", stop)
    with pytest.raises(KeyboardInterrupt):
        go(*TUNED, "patience=9", real=True)
    monkeypatch.setattr(RoundLoop, "_judge", judge)
    stopped = whole.parent / "1"
    resume(stopped, word_for(stopped))
    assert all(same(*pair) for pair in zip(own_models(stopped), own_models(whole), strict=True))
    for name in ("rounds.jsonl", "clients.jsonl", "predictions.csv"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes()


def test_predictions_come_from_a_clients_tuned_model(go: Go, tmp_path: Path) -> None:
    folder = go(*TUNED, "personalize.lr=0.1", real=True)
    Image.new("RGB", (32, 32), (90, 120, 200)).save(tmp_path / "photo.png")
    judged = [predict(folder / "models" / f"{client}.safetensors", [tmp_path / "photo.png"])[0] for client in (0, 1)]
    assert all(sum(of_one.values()) == pytest.approx(1) for of_one in judged)
    assert judged[0] != judged[1]


@pytest.mark.parametrize("strategy", ["fedbn", "fedper", "fedrep", "ditto"])
def test_what_is_personal_already_is_refused(strategy: str) -> None:
    with pytest.raises(ValueError, match=f"personalize=finetune: strategy={strategy} gives every client its own"):
        make_strategy(resolve(compose([f"strategy={strategy}", "personalize=finetune"])))


@pytest.mark.parametrize("baseline", ["local", "centralized"])
def test_what_sends_no_models_is_refused(baseline: str) -> None:
    with pytest.raises(ValueError, match=f"nothing to go around: {baseline}"):
        make_strategy(resolve(compose([f"strategy={baseline}", "personalize=finetune"])))


@pytest.mark.parametrize("wrong", [-1, float("nan"), "much", True, None])
def test_what_no_number_of_passes_or_step_can_be_is_refused(wrong: Any) -> None:
    epochs: Any
    for epochs in (wrong, 1.5):
        with pytest.raises(ValueError, match=rf"personalize\.epochs={shown(epochs)}: a whole number of 0 or more"):
            FineTune(FedAvg(), epochs=epochs, lr=0.1)
    for lr in (wrong, 0):
        with pytest.raises(ValueError, match=rf"personalize\.lr={shown(lr)}: a number above 0"):
            FineTune(FedAvg(), epochs=1, lr=lr)
