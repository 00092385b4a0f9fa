"""Compression: what the codes may cost, error feedback, bytes, whole runs, and its place among the wrappers."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cut_short import cut_short
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.supercore.task_identity import TaskIdentity
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray
from own_word import word_for
from run_files import rows_of
from safetensors.numpy import load_file
from torch import Tensor

from fedsky.client import Handler, State
from fedsky.engine.grid import ClientGrid
from fedsky.resume import resume
from strategies.fedavg import FedAvg
from strategies.wrappers import compression, eightbit, sign, topk
from strategies.wrappers.attack import Attack, falsified
from strategies.wrappers.compression import PREFIX, compress
from strategies.wrappers.eightbit import EightBit
from strategies.wrappers.topk import TopK

Go = Callable[..., Path]
CODECS: dict[str, Any] = {"eightbit": eightbit, "topk": topk, "sign": sign}
SIZES = [7, 1, 12]
UPDATES = st_numpy.arrays(np.float64, sum(SIZES), elements=st.floats(-1e3, 1e3, width=32))
FRACTION = {"fraction": 0.25}
SMALLEST = torch.finfo(torch.float32).tiny  # below which float32 has fewer digits


def parts(update: Tensor) -> tuple[Tensor, ...]:
    return torch.split(update, SIZES)


@given(values=UPDATES)
@example(values=np.full(sum(SIZES), 8.4e-44))  # of which no 127th is a float32
@settings(deadline=None, max_examples=25)
def test_eight_bits_are_off_by_half_a_step_at_most(values: NDArray[np.float64]) -> None:
    update = torch.from_numpy(values)
    encoded = eightbit.encode(update, SIZES, {})
    assert encoded["codes"].dtype == np.int8 and encoded["codes"].min() >= -127
    for part, back, scale in zip(parts(update), parts(eightbit.decode(encoded, SIZES)), encoded["scales"], strict=True):
        assert scale == np.float32(part.abs().max() / 127)
        assert (back - part).abs().max() <= scale / 2 + 1e-6 * part.abs().max() + SMALLEST


@given(values=UPDATES, fraction=st.floats(0.01, 1))
@settings(deadline=None, max_examples=25)
def test_the_largest_come_through_whole(values: NDArray[np.float64], fraction: float) -> None:
    encoded = topk.encode(torch.from_numpy(values), SIZES, {"fraction": fraction})
    back = topk.decode(encoded, SIZES).numpy()
    k = max(1, round(fraction * len(values)))
    kept = back != 0
    assert kept.sum() == min(k, (values != 0).sum()) and (back[kept] == values[kept]).all()
    assert kept.all() or np.abs(values[~kept]).max() <= np.sort(np.abs(values))[-k]
    assert fraction < 1 or (back == values).all()


@pytest.mark.parametrize(("num", "dtype"), [(1, "uint8"), (256, "uint8"), (257, "uint16"), (65537, "uint32")])
def test_places_take_no_more_bytes_than_they_must(num: int, dtype: str) -> None:
    update = torch.arange(num, dtype=torch.float32) + 1
    encoded = topk.encode(update, [num], {"fraction": 0.001})
    assert encoded["places"].dtype == dtype and encoded["values"].dtype == np.float32
    assert topk.decode(encoded, [num])[-1] == num


@given(values=UPDATES)
@settings(deadline=None, max_examples=25)
def test_signs_come_with_the_mean_of_their_tensor(values: NDArray[np.float64]) -> None:
    update = torch.from_numpy(values)
    encoded = sign.encode(update, SIZES, {})
    assert encoded["bits"].nbytes == 3 and encoded["scales"].nbytes == 4 * len(SIZES)  # 20 bits in 3 bytes
    for part, back in zip(parts(update), parts(sign.decode(encoded, SIZES)), strict=True):
        assert back.dtype == torch.float32
        assert back.tolist() == [np.float32(part.abs().mean()) * (1 if number >= 0 else -1) for number in part]


def message(arrays: dict[str, Tensor], **config: Any) -> Message:
    """A message to a client; compressed are what begins with x."""
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
    names = [name for name in arrays if name.startswith("x")]
    asked = ConfigRecord({"compressed": names, "error_feedback": True, "round": 1, **FRACTION, **config})
    content = RecordDict({"arrays": ArrayRecord(arrays), "config": asked, "metrics": MetricRecord({"num_examples": 1})})
    return Message(content, dst_node_id=1, message_type="train")


@pytest.mark.parametrize("name", CODECS)
def test_error_feedback_loses_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec, rng = CODECS[name], np.random.default_rng(0)
    monkeypatch.setattr(compression, "state_of", lambda m, n: State(tmp_path, f"0-{n}", m.content["config"]["round"]))
    zero, sent, made = (torch.zeros(20, dtype=torch.float64) for _ in range(3))
    for round in range(1, 9):
        update = torch.from_numpy(rng.normal(size=20))
        made += update
        asked, answer = (
            message(dict(zip(("x0", "x1", "x2"), parts(whole), strict=True)), round=round) for whole in (zero, update)
        )
        packed = compress(asked, answer, codec.encode, codec.decode)
        encoded = {key[len(PREFIX) :]: a.numpy() for key, a in packed.content.array_records["arrays"].items()}
        sent += codec.decode(encoded, SIZES)
    kept = State(tmp_path, "0-feedback", 9).load()
    assert kept is not None and kept["error"].abs().max() > 1e-3
    assert (sent + kept["error"] - made).abs().max() < 1e-12


@pytest.mark.parametrize("name", CODECS)
def test_only_parameters_are_compressed_and_all_comes_back_as_it_was_sent(name: str) -> None:
    codec = CODECS[name]
    wrapper = make(name)
    sent = {"x/scale": torch.tensor(2.0), "mean": torch.ones(3), "x/w": torch.ones(2, 3), "count": torch.tensor(4)}
    sent["control/x/w"] = torch.zeros(2, 3)
    answer = {key: tensor + (1 if key == "count" else 0.5) for key, tensor in sent.items()}
    asked = message(sent, error_feedback=False, fraction=0.9)
    reply = compress(asked, message(answer), codec.encode, codec.decode)
    names = list(reply.content.array_records["arrays"])
    assert names[:3] == ["mean", "count", "control/x/w"] and all(key.startswith(PREFIX) for key in names[3:])
    wrapper.strategy.sent, wrapper.strategy.trainable = asked.content.array_records["arrays"], ["x/scale", "x/w"]
    whole = wrapper.unpacked(reply).content.array_records["arrays"]
    assert list(whole) == list(sent)
    for key, array in whole.items():
        assert (array.dtype, list(array.shape)) == (str(answer[key].numpy().dtype), list(answer[key].shape))
        near = torch.from_numpy(np.array(array.numpy())) - answer[key]
        assert near.abs().sum() <= (0.5 if name == "topk" else 1e-6)  # one number of seven is left out


def make(name: str) -> Any:
    return {"eightbit": EightBit, "sign": sign.Sign}[name](FedAvg()) if name != "topk" else TopK(FedAvg(), 0.9)


@pytest.mark.parametrize(("name", "more"), [("eightbit", 3), ("eightbit", -3), ("topk", -3), ("sign", 9)])
def test_an_update_of_another_form_is_refused(name: str, more: int) -> None:
    wrapper, codec = make(name), CODECS[name]
    asked = message({"x": torch.zeros(20)}, error_feedback=False, fraction=0.9)
    wrapper.strategy.sent, wrapper.strategy.trainable = asked.content.array_records["arrays"], ["x"]
    other = message({"x": torch.zeros(20 + more)}, error_feedback=False, fraction=0.9)
    reply = compress(other, message({"x": torch.ones(20 + more)}), codec.encode, codec.decode)
    with pytest.raises(ValueError, match="a client sent an update of the form") as refused:
        wrapper.unpacked(reply)
    assert f"a client {wrapper.refusal(reply)}" == str(refused.value)


def test_all_coordinates_are_no_compression(go: Go) -> None:
    plain, whole = (
        load_file(go(*asked) / "model.safetensors") for asked in ([], ["compression=topk", "compression.fraction=1"])
    )
    for name, array in plain.items():
        np.testing.assert_allclose(whole[name], array, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("name", "share"), [("eightbit", 1 / 4), ("topk", 0.1 * 2), ("sign", 1 / 32)])
def test_bytes_are_counted_as_sent(go: Go, name: str, share: float) -> None:
    asked = ["num_rounds=1", "num_clients=2", "model.norm=group", "partition.min_examples=5"]
    plain, packed = (rows_of(go(*asked, f"compression={choice}", real=True), "rounds")[1] for choice in ("none", name))
    assert packed["bytes_up"] == pytest.approx(share * plain["bytes_up"], rel=0.02)
    assert packed["bytes_down"] == plain["bytes_down"]


@pytest.mark.parametrize("name", CODECS)
def test_ten_rounds_with_batchnorm_stay_sound_and_are_the_same_resumed(go: Go, name: str) -> None:
    asked = [f"compression={name}", "num_rounds=10", "participation=0.5", "lr=0.02", "model.width=0.5", "data.count=48"]
    asked += ["partition.min_examples=4"]
    whole = go(*asked, real=True)
    for key, array in load_file(whole / "model.safetensors").items():
        assert np.isfinite(array).all() and array.dtype == ("int64" if key.endswith("tracked") else "float32")
        assert not key.endswith("running_var") or array.min() >= 0
    assert len(list((whole / "clients").glob("*-feedback@*"))) >= 4
    with cut_short(3):
        go(*asked, real=True)
    stopped = whole.parent / "1"
    resume(stopped, word_for(stopped))
    for file in ("rounds.jsonl", "clients.jsonl", "model.safetensors"):
        assert len({hashlib.sha256((run / file).read_bytes()).digest() for run in (whole, stopped)}) == 1, file


def test_without_error_feedback_nothing_is_kept(go: Go) -> None:
    folder = go("compression=sign", "compression.error_feedback=false")
    assert not (folder / "clients").exists()
    kept = go("compression=sign")
    assert len(list((kept / "clients").iterdir())) == 4
    forgot, remembered = ([row["loss"] for row in rows_of(each, "rounds")] for each in (folder, kept))
    assert forgot[1] == remembered[1] and forgot[2] != remembered[2]


def flip(message: Message, context: Context, call_next: Handler) -> Message:
    return falsified(message, context, call_next, lambda x, y: 2 * x - y)


class Flip(Attack):
    mod = staticmethod(flip)


def test_an_attack_is_compressed_and_then_clipped(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    way: dict[str, list[dict[str, NDArray[Any]]]] = {"down": [], "up": []}

    def note(grid: ClientGrid, node: int, content: RecordDict, name: str) -> None:
        arrays = content.array_records["arrays"]
        way[name].append({key: np.array(array.numpy()) for key, array in arrays.items()})

    monkeypatch.setattr(ClientGrid, "_count", note)
    go("num_rounds=1")
    start = way["down"][0]
    honest = [np.concatenate([(y[key] - start[key]).ravel() for key in start]) for y in way["up"]]
    way["up"].clear()
    clip, flipped, clipped = 0.02, 0, []
    around = ["privacy=fixed", "privacy.noise_multiplier=0", f"privacy.clip_norm={clip}"]
    around += ["compression=topk", "compression.fraction=0.3"]
    attack = {"_target_": f"{__name__}.Flip", "num_attackers": 3}
    folder = go("num_rounds=1", *around, attack=attack)
    for update, packed in zip(honest, way["up"], strict=True):
        sent = np.zeros_like(update)
        sent[packed["update/places"]] = packed["update/values"]
        turned = -1 if sent @ update < 0 else 1
        flipped += turned < 0
        largest = np.abs(update) >= np.sort(np.abs(update))[-len(packed["update/values"])]
        np.testing.assert_allclose(sent, turned * update * largest, rtol=0, atol=1e-15)
        assert np.linalg.norm(sent) > clip
        clipped.append(sent * clip / np.linalg.norm(sent))
    assert flipped == 3
    model = load_file(folder / "model.safetensors")
    moved = np.concatenate([(model[key] - start[key]).ravel() for key in start])
    np.testing.assert_allclose(moved, np.mean(clipped, axis=0), rtol=0, atol=1e-14)


def test_what_colluders_send_is_clipped_too(go: Go) -> None:
    lie = ["attack=alie", "attack.num_attackers=2", "attack.z=50"]
    private = ["privacy=fixed", "privacy.noise_multiplier=0", "privacy.clip_norm=0.01"]
    models = [load_file(go("num_rounds=1", *asked) / "model.safetensors") for asked in (private, [*private, *lie])]
    assert any((models[0][key] != models[1][key]).any() for key in models[0])
    assert sum(((models[0][key] - models[1][key]) ** 2).sum() for key in models[0]) <= (2 / 4 * 2 * 0.01) ** 2


@pytest.mark.parametrize("fraction", [0, 1.1, True, "all", float("nan")])
def test_a_wrong_fraction_is_refused(fraction: Any) -> None:
    with pytest.raises(ValueError, match=r"compression\.fraction=.*above 0 and at most 1"):
        TopK(FedAvg(), fraction)


def test_a_wrong_switch_and_a_strategy_without_models_are_refused(go: Go) -> None:
    with pytest.raises(ValueError, match=r"compression\.error_feedback=1: true or false"):
        EightBit(FedAvg(), 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="local sends no models"):
        go("strategy=local", "compression=sign")
