"""What holds for all strategies that judge every client by a model of its own."""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cut_short import cut_short
from flwr.app import Message
from own_word import word_for
from personal import own_models, own_state, same, server_model, task_of
from run_files import rows_of

from fedsky.checks import shown
from fedsky.client.training import predict
from fedsky.engine.grid import ClientGrid
from fedsky.resume import resume
from strategies.ditto import Ditto
from strategies.fedper import head
from strategies.fedrep import FedRep

Go = Callable[..., Path]
PERSONALISED = ["fedbn", "fedper", "fedrep", "ditto"]
SWAPPED: dict[str, Any] = {
    "data": "personal.swapped",
    "model": "personal.deep",
    "partition": {"_target_": "personal.in_turn", "min_examples": 1},
}


@pytest.mark.parametrize("asked", [[f"strategy={name}"] for name in PERSONALISED] + [["personalize=finetune"]])
def test_every_client_is_judged_by_the_model_that_is_kept_for_it(go: Go, asked: list[str]) -> None:
    folder = go(*asked, "lr_schedule=constant", real=True)
    task, models = task_of(folder), own_models(folder)
    last = [row for row in rows_of(folder, "clients") if row["round"] == 3]
    with (folder / "predictions.csv").open() as file:
        said = [row["predicted"] for row in csv.DictReader(file)]
    everyone = list(range(4))
    for client, model in enumerate(models):
        task.model.load_state_dict({name: torch.from_numpy(array) for name, array in model.items()})
        for owners, key in (([client], "accuracy"), (everyone, "pooled_accuracy")):
            images = task.part("test", owners)
            predicted = predict(task.model, task, images).argmax(axis=1)
            assert last[client][key] == pytest.approx((predicted == task.photos.labels[images]).mean())
            if owners == [client]:
                assert said[: len(images)] == [task.photos.classes[label] for label in predicted]
                said = said[len(images) :]
    assert not said
    assert not any(same(models[0], other) for other in models[1:])


@pytest.mark.parametrize("strategy", PERSONALISED)
def test_own_tensors_never_travel(go: Go, strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    travelled: dict[str, list[list[str]]] = {"down": [], "up": []}
    push, check = ClientGrid.push_messages, ClientGrid._checked

    def pushed(grid: ClientGrid, messages: Iterable[Message]) -> Iterable[str]:
        known = list(messages)
        travelled["down"] += [list(message.content.array_records["arrays"]) for message in known]
        return push(grid, known)

    def checked(grid: ClientGrid, reply: Message) -> Message:
        if "arrays" in reply.content.array_records:  # an answer to evaluate has none
            travelled["up"].append(list(reply.content.array_records["arrays"]))
        return check(grid, reply)

    monkeypatch.setattr(ClientGrid, "push_messages", pushed)
    monkeypatch.setattr(ClientGrid, "_checked", checked)
    folder = go(f"strategy={strategy}", "num_rounds=2", real=True)
    names = list(task_of(folder).initial)
    kept = set(own_state(folder, 0) or {})
    assert [len(travelled["down"]), len(travelled["up"])] == [4 * (2 + 3), 4 * 2]
    shared = names if strategy == "ditto" else [name for name in names if name not in kept]
    assert all(sent == shared for sent in travelled["down"] + travelled["up"])
    assert kept and kept <= set(names)
    assert (kept == set(names)) == (strategy == "ditto")


@pytest.mark.parametrize("strategy", ["fedbn", "fedper", "fedrep"])
def test_what_stays_with_the_clients_is_not_paid_for(go: Go, strategy: str) -> None:
    ours = rows_of(go(f"strategy={strategy}", real=True), "rounds")[1:]
    everything = rows_of(go("strategy=fedavg", "evaluate=clients", real=True), "rounds")[1:]
    for row, whole in zip(ours, everything, strict=True):
        assert 0 < row["bytes_up"] < whole["bytes_up"]
        assert 0 < row["bytes_down"] < whole["bytes_down"]


@pytest.mark.parametrize("strategy", ["fedbn", "fedper"])
def test_one_client_is_fedavg(go: Go, strategy: str) -> None:
    asked = ["num_clients=1", "num_rounds=2"]
    fedavg = server_model(go("strategy=fedavg", *asked, real=True))
    assert same(own_models(go(f"strategy={strategy}", *asked, real=True))[0], fedavg)


def test_a_model_that_is_all_head_is_every_client_alone(go: Go) -> None:
    alone, head_alone = go("strategy=local"), go("strategy=fedper")
    assert all(same(*pair) for pair in zip(own_models(alone), own_models(head_alone), strict=True))
    assert (alone / "predictions.csv").read_bytes() == (head_alone / "predictions.csv").read_bytes()
    assert {row["bytes_up"] for row in rows_of(head_alone, "rounds")} == {0}


@pytest.mark.parametrize("real", [False, True])
def test_the_head_is_the_classifier(go: Go, real: bool) -> None:
    folder = go("strategy=fedper", "num_rounds=1", real=real, model="personal.normed")
    own = own_state(folder, 2)
    assert own is not None and sorted(own) == sorted(head(task_of(folder).model))
    assert [array.shape[0] for array in own.values()] == [len(task_of(folder).photos.classes)] * 2
    server = server_model(folder)
    assert all(np.array_equal(server[name], task_of(folder).initial[name].numpy()) for name in own)


@pytest.mark.parametrize("strategy", PERSONALISED)
def test_half_of_the_clients_a_round_and_resumed_or_not(go: Go, strategy: str) -> None:
    asked = [f"strategy={strategy}", "participation=0.5", "num_rounds=4", "seed=2"]
    whole = go(*asked, model="personal.normed")
    trained = [
        {row["client"] for row in rows_of(whole, "clients") if row["round"] == r and row["num_steps"]}
        for r in (1, 2, 3, 4)
    ]
    assert [len(cohort) for cohort in trained] == [2, 2, 2, 2]
    assert set.union(*trained) == {0, 1, 2, 3} != trained[0] | trained[1], "a client's first round may come late"
    with cut_short(3):
        go(*asked, model="personal.normed")
    stopped = whole.parent / "1"
    resume(stopped, word_for(stopped))
    for path in [*(f"models/{client}.safetensors" for client in range(4)), "clients.jsonl", "predictions.csv"]:
        assert (stopped / path).read_bytes() == (whole / path).read_bytes()


@pytest.mark.parametrize("strategy", ["fedper", "fedrep", "ditto"])
def test_where_owners_disagree_own_models_beat_the_common_one(go: Go, strategy: str) -> None:
    asked = ["num_rounds=10", "lr_schedule=constant"]
    common = rows_of(go("strategy=fedavg", *asked, **SWAPPED), "rounds")[-1]
    own = rows_of(go(f"strategy={strategy}", *asked, **SWAPPED), "rounds")[-1]
    assert common["accuracy"] < 0.7 < 0.9 < own["accuracy"]


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "much", True, None])
def test_what_no_weight_or_number_of_passes_can_be_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=rf"strategy\.lam={shown(wrong)}: a number of 0 or more"):
        Ditto(lam=wrong)
    passes: Any
    for passes in (wrong, 0, 1.5):
        with pytest.raises(ValueError, match=rf"strategy\.head_epochs={shown(passes)}: a whole number of 1 or more"):
            FedRep(head_epochs=passes)
    assert FedRep(head_epochs=1).parameters["head_epochs"] == 1
