"""A client's own tensors, read in the round after the one that saved them."""

import hashlib
from pathlib import Path

import pytest
import torch

from fedsky.client.state import Saved, State, forget_after, forget_before, last_saved, saved_rounds, take_saved


def save(folder: Path, client: int, *rounds: int) -> None:
    for round in rounds:
        State(folder, client, round).save({"x": torch.tensor(float(round))})


def seen(folder: Path, client: int, round: int) -> float | None:
    """What a client reads at the start of a round."""
    state = State(folder, client, round).load()
    return None if state is None else float(state["x"])


def test_there_is_none_before_the_first_save(tmp_path: Path) -> None:
    assert State(tmp_path / "clients", 0, 1).load() is None
    assert saved_rounds(tmp_path / "clients") == []


def test_tensors_come_back_as_they_were(tmp_path: Path) -> None:
    tensors = {
        "weight": torch.arange(6.0).reshape(2, 3).T,  # not contiguous
        "count": torch.tensor(7, dtype=torch.int64),
        "empty": torch.zeros(0, 3),
        "half": torch.tensor([1.5], dtype=torch.bfloat16),
    }
    State(tmp_path, 0, 1).save(tensors)
    back = State(tmp_path, 0, 2).load()
    assert back is not None and set(back) == set(tensors)
    for name, tensor in tensors.items():
        torch.testing.assert_close(back[name], tensor, rtol=0, atol=0)
        assert back[name].dtype == tensor.dtype and back[name].shape == tensor.shape
    back["weight"].add_(1)  # a client may go on with what it read


def test_tensors_that_share_memory_are_saved_too(tmp_path: Path) -> None:
    shared = torch.ones(2)
    State(tmp_path, 0, 1).save({"a": shared, "b": shared, "c": torch.arange(4.0)[:2]})
    back = State(tmp_path, 0, 2).load()
    assert back is not None and back["a"].tolist() == back["b"].tolist() == [1, 1] and back["c"].tolist() == [0, 1]


def test_a_round_that_is_run_again_reads_what_it_read_the_first_time(tmp_path: Path) -> None:
    save(tmp_path, 0, 1)
    assert seen(tmp_path, 0, 2) == 1
    save(tmp_path, 0, 2)
    assert seen(tmp_path, 0, 2) == 1
    assert seen(tmp_path, 0, 3) == 2


def test_an_idle_clients_state_stays_until_it_trains_again(tmp_path: Path) -> None:
    save(tmp_path, 0, 3)
    for round in range(4, 9):
        forget_before(tmp_path, round)
        assert seen(tmp_path, 0, round + 1) == 3


def test_clients_are_kept_apart(tmp_path: Path) -> None:
    save(tmp_path, 1, 1)
    save(tmp_path, 11, 2)
    assert [seen(tmp_path, client, 9) for client in (0, 1, 11)] == [None, 1, 2]
    assert saved_rounds(tmp_path, 1) == [1] and saved_rounds(tmp_path) == [1, 2]


def test_rounds_are_ordered_as_numbers(tmp_path: Path) -> None:
    save(tmp_path, 0, 9, 10)
    assert seen(tmp_path, 0, 11) == 10


def test_forgetting_before_a_complete_round_keeps_each_clients_newest(tmp_path: Path) -> None:
    save(tmp_path, 0, 1, 2, 3)
    save(tmp_path, 1, 1)
    save(tmp_path, 2, 2, 4)  # 4 is a round that is not complete yet
    forget_before(tmp_path, 3)
    kept = {client: saved_rounds(tmp_path, client) for client in range(3)}
    assert kept == {0: [3], 1: [1], 2: [2, 4]}


def test_forgetting_after_a_round_takes_the_interrupted_one_back(tmp_path: Path) -> None:
    save(tmp_path, 0, 2, 3)
    save(tmp_path, 1, 4)
    forget_after(tmp_path, 2)
    assert saved_rounds(tmp_path) == [2]
    assert seen(tmp_path, 0, 3) == 2 and seen(tmp_path, 1, 5) is None


def test_forgetting_without_any_state_is_no_error(tmp_path: Path) -> None:
    forget_before(tmp_path / "clients", 1)
    forget_after(tmp_path / "clients", 0)
    assert not (tmp_path / "clients").exists()


def test_saving_leaves_one_file_whose_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    save(tmp_path, 0, 1)
    first = (tmp_path / "0@1.safetensors").read_bytes()
    save(tmp_path, 0, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["0@1.safetensors"]
    assert (tmp_path / "0@1.safetensors").read_bytes() == first


def test_a_damaged_state_is_told_with_its_file(tmp_path: Path) -> None:
    save(tmp_path, 0, 1)
    path = tmp_path / "0@1.safetensors"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(ValueError, match=r"0@1\.safetensors is damaged"):
        State(tmp_path, 0, 2).load()


def test_a_run_folder_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    state = State(tmp_path / "run" / "clients", 0, 1)
    with pytest.raises(OSError, match="the folder was removed, moved or made anew while the run wrote there"):
        state.save({"own": torch.zeros(1)})
    assert not (tmp_path / "run").exists()


def test_what_is_saved_is_told_with_its_round_and_digest(tmp_path: Path) -> None:
    take_saved()
    State(tmp_path, "3-feedback", 4).save({"x": torch.ones(2)})
    digest = hashlib.sha256((tmp_path / "3-feedback@4.safetensors").read_bytes()).hexdigest()
    assert take_saved() == [f"3-feedback@4={digest}"] and take_saved() == []
    save(tmp_path, 0, 11, 9)
    assert last_saved(tmp_path) == {"0": Saved(11), "3-feedback": Saved(4)} and Saved(11).told(0) == "0@11"
    forget_before(tmp_path, 11)
    assert saved_rounds(tmp_path, 0) == [11], "by number, not as text"
    save(tmp_path, 1, 9, 11)
    forget_before(tmp_path, 11, {"1": Saved(9)})
    assert saved_rounds(tmp_path) == [9], "what the server does not know of is nobody's"


def test_what_is_not_finite_is_not_kept(tmp_path: Path) -> None:
    told = r"^training diverged in round 4: lower lr \(x of what the client keeps is not finite\)$"
    with pytest.raises(ValueError, match=told):
        State(tmp_path, 0, 4).save({"x": torch.tensor(float("nan"))})
    assert saved_rounds(tmp_path) == []
