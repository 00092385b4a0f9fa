"""Models and rounds on disk: the same bytes for the same content, and nothing foreign is read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from fedsky.client.state import Saved
from fedsky.history.kept import METADATA
from fedsky.model.file import Tensors, read_model, write_model
from fedsky.run.checkpoint import Progress, load_round, save_round, to_numpy, to_record

ABOUT: dict[str, Any] = {
    "classes": ["cloudy", "sunny"],
    "round": 3,
    "model": {"width": 0.5, "weights": None},
    "size": 32,
}


def arrays(seed: int = 0) -> Tensors:
    rng = np.random.default_rng(seed)
    return {
        "layer.weight": rng.normal(size=(3, 4)).astype(np.float32),
        "bias": np.asfortranarray(rng.normal(size=(2, 5))),
        "norm.num_batches_tracked": np.array(7, dtype=np.int64),
        "empty": np.zeros((0, 2), dtype=np.float32),
    }


def assert_same(one: Tensors, other: Tensors) -> None:
    assert set(one) == set(other)
    for name in one:
        assert one[name].dtype == other[name].dtype and one[name].shape == other[name].shape, name
        np.testing.assert_array_equal(one[name], other[name])


def test_a_model_comes_back_equal_with_what_is_said_of_it(tmp_path: Path) -> None:
    write_model(tmp_path / "model.safetensors", arrays(), ABOUT)
    back, about = read_model(tmp_path / "model.safetensors")
    assert_same(back, arrays())
    assert about == ABOUT


def test_the_same_model_is_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    for number in range(8):
        order = -1 if number % 2 else 1
        write_model(tmp_path / f"{number}", dict(list(arrays().items())[::order]), dict(list(ABOUT.items())[::order]))
    assert len({(tmp_path / f"{number}").read_bytes() for number in range(8)}) == 1


def test_another_weight_or_another_word_is_another_file(tmp_path: Path) -> None:
    for name, seed, about in (("a", 0, ABOUT), ("b", 1, ABOUT), ("c", 0, ABOUT | {"round": 4})):
        write_model(tmp_path / name, arrays(seed), about)
    assert len({(tmp_path / name).read_bytes() for name in "abc"}) == 3


def refusal(path: Path) -> str:
    with pytest.raises(ValueError) as raised:
        read_model(path)
    assert "\n" not in str(raised.value) and str(path) in str(raised.value)
    return str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "model.safetensors").endswith("does not exist")


@pytest.mark.parametrize("content", [b"", b"words\nand lines\n", b"PK\x03\x04" * 50, b"\xff" * 100])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    assert "is not a model of fedsky" in refusal(tmp_path / "model.safetensors")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is not a model of fedsky" in refusal(tmp_path)


@pytest.mark.parametrize("kept", [4, 8, 100, -1])
def test_a_cut_off_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "model.safetensors"
    write_model(path, arrays(), ABOUT)
    path.write_bytes(path.read_bytes()[:kept])
    assert "is not a model of fedsky" in refusal(path)


@pytest.mark.parametrize(
    "metadata",
    [None, {"format": "pt"}, {METADATA: "[1]"}, {METADATA: "{"}, {METADATA: "[" * 200_000}],
    ids=["none", "other", "list", "half", "deep"],
)
def test_another_programs_safetensors_are_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file(arrays(), tmp_path / "model.safetensors", metadata)
    assert "is not a model of fedsky" in refusal(tmp_path / "model.safetensors")


def test_no_round_is_kept_at_first(tmp_path: Path) -> None:
    assert load_round(tmp_path, ["bias"]) is None


def test_the_last_complete_round_is_kept_alone_and_read_in_the_models_order(tmp_path: Path) -> None:
    for round in (8, 9, 10):
        save_round(
            tmp_path, to_record(arrays(round)), Progress(round, 8, 9, 0.75, 0.5), {"momentum": np.full(2, float(round))}
        )
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["10.safetensors"]
    names = ["norm.num_batches_tracked", "layer.weight", "empty", "bias"]
    kept = load_round(tmp_path, names)
    assert kept is not None
    record, progress, memory = kept
    assert {name: array.tolist() for name, array in memory.items()} == {"momentum": [10.0, 10.0]}
    assert list(record) == names
    assert_same(to_numpy(record), arrays(10))
    assert progress == Progress(10, 8, 9, 0.75, 0.5)


def test_of_two_rounds_that_a_crash_has_left_the_later_one_is_taken(tmp_path: Path) -> None:
    save_round(tmp_path, to_record(arrays(10)), Progress(10), {})
    write_model(tmp_path / "checkpoint" / "9.safetensors", arrays(9), {"round": 9})
    kept = load_round(tmp_path, ["bias"])
    assert kept is not None and kept[1].round == 10


def test_progress_before_any_judgement_survives(tmp_path: Path) -> None:
    save_round(tmp_path, to_record(arrays()), Progress(), {})
    kept = load_round(tmp_path, ["bias"])
    assert kept is not None and kept[1] == Progress()


def keep(folder: Path, name: str, **about: Any) -> None:
    write_model(folder / "checkpoint" / f"{name}.safetensors", {"bias": np.zeros(2, np.float32)}, about)


@pytest.mark.parametrize(
    ("about", "names", "why"),
    [
        ({"round": 4}, ["bias", "gain"], "'gain'"),
        ({"round": 4, "rounds": 5}, ["bias"], "unexpected keyword argument 'rounds'"),
        ({"round": 4, "states": {"0": "3"}}, ["bias"], "states"),
        ({"round": 4, "states": {"0": 3, "1": True}}, ["bias"], "states"),
        ({"round": 4, "states": [3]}, ["bias"], "'list' object has no attribute 'items'"),
        ({"round": 4, "states": {"0": {"round": 3, "digest": 4}}}, ["bias"], "states"),
        ({"round": 4, "states": {"0": {"digest": "a0"}}}, ["bias"], "round"),
    ],
)
def test_a_round_that_is_damaged_is_refused(tmp_path: Path, about: dict[str, Any], names: list[str], why: str) -> None:
    keep(tmp_path, "4", **about)
    with pytest.raises(ValueError) as raised:
        load_round(tmp_path, names)
    line = str(raised.value)
    assert line.startswith(f"{tmp_path / 'checkpoint' / '4.safetensors'} is damaged (") and why in line
    assert line.endswith("): start another run")


def test_only_numbers_are_rounds_and_those_to_come_are_not_forgotten(tmp_path: Path) -> None:
    for name in ("3", "5", "._9", "9x", "x9"):
        keep(tmp_path, name, round=int(name) if name.isdigit() else 0, states={"0": 3})
    save_round(tmp_path, to_record({"bias": np.ones(2, np.float32)}), Progress(4, states={"0": Saved(4)}), {})
    left = sorted(path.stem for path in (tmp_path / "checkpoint").iterdir())
    assert left == ["._9", "4", "5", "9x", "x9"]
    kept = load_round(tmp_path, ["bias"])
    assert kept is not None and kept[1] == Progress(5, states={"0": Saved(3)}) and kept[2] == {}


def test_what_was_saved_of_the_clients_comes_back(tmp_path: Path) -> None:
    states = {"0": Saved(4, "a0"), "1-feedback": Saved(3)}
    save_round(tmp_path, to_record(arrays()), Progress(4, states=states), {})
    kept = load_round(tmp_path, ["bias"])
    assert kept is not None and kept[1].states == states


def test_a_strategys_tensor_is_none_of_the_models(tmp_path: Path) -> None:
    save_round(tmp_path, to_record(arrays()), Progress(1), {"bias": np.ones(1)})
    kept = load_round(tmp_path, [*arrays()])
    assert kept is not None
    assert_same(to_numpy(kept[0]), arrays())
    assert_same(kept[2], {"bias": np.ones(1)})


def test_a_round_of_a_run_whose_folder_is_gone_makes_no_other(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save_round(tmp_path / "gone", to_record({"bias": np.ones(2, np.float32)}), Progress(4), {})
    assert not (tmp_path / "gone").exists()
