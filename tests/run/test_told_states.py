"""What the server tells each client of its own states, and notes of what they say they saved."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fedsky.client.state import STATES, Saved
from fedsky.engine.grid import ClientError
from fedsky.run.states import States


def message(**config: Any) -> Any:
    return SimpleNamespace(content=SimpleNamespace(config_records={"config": config}))


def reply(*saved: str) -> Any:
    return SimpleNamespace(content=SimpleNamespace(config_records={STATES: {"saved": list(saved)}}))


def test_each_client_is_told_of_its_own() -> None:
    states = States({"1": Saved(3, "a0"), "1-feedback": Saved(4), "11": Saved(5), "2-feedback": Saved(6)}, Path())
    asked = [message(client=client) for client in (1, 2, 3, 11)]
    assert list(states.told(asked)) == asked
    told = [each.content.config_records["config"][STATES] for each in asked]
    assert told == [["1@3=a0", "1-feedback@4"], ["2-feedback@6"], [], ["11@5"]]


class OneByOne(dict[str, Saved]):
    """Names and rounds of which nobody looks through all."""

    def items(self) -> Any:
        raise AssertionError("all clients' states are looked through for one message")


def test_what_a_client_is_told_costs_no_more_where_there_are_more_clients() -> None:
    states = States(OneByOne({str(client): Saved(1) for client in range(30)}), Path())
    assert list(states.noted([reply("7@2=b1", "7-feedback@2", "31@2")], 2))
    asked = [message(client=client) for client in (7, 29, 31)]
    assert list(states.told(asked)) == asked
    told = [each.content.config_records["config"][STATES] for each in asked]
    assert told == [["7@2=b1", "7-feedback@2"], ["29@1"], ["31@2"]]


def test_what_is_saved_after_a_round_is_for_no_later_one_to_start_from() -> None:
    states = States({"0": Saved(1), "1": Saved(1)}, Path())
    nothing: Any = SimpleNamespace(content=SimpleNamespace(config_records={}))
    no_list: Any = SimpleNamespace(content=SimpleNamespace(config_records={STATES: {"saved": "0@2"}}))
    replies = [reply("0@2=c2", "0-feedback@2"), nothing, no_list, reply("2@3")]
    assert list(states.noted(replies, 2)) == replies
    assert states.kept == {"0": Saved(2, "c2"), "0-feedback": Saved(2), "1": Saved(1)} and states.last == {
        "2": Saved(3)
    }
    assert [states.of(client) for client in (0, 1, 2, 3)] == [Saved(2, "c2"), Saved(1), Saved(3), None]
    assert list(states.noted([reply("1@3")], 2)) and states.of(1) == Saved(3) and states.kept["1"] == Saved(1)


@pytest.mark.parametrize("replies", [[reply("0@1=aa")], [ClientError(0, "/runs/a/clients: the folder is gone", "")]])
def test_what_would_be_kept_where_a_machine_does_not_see_it_ends_the_run(replies: list[Any]) -> None:
    """Whether the client could save it on its machine, or failed at that."""

    def come() -> Iterator[Any]:
        for each in replies:
            if isinstance(each, ClientError):
                raise each
            yield each

    states = States({}, Path("/runs/a"))
    states.apart = ["b"]
    with pytest.raises(ValueError, match=r"^client 0 keeps something .* not seen from b: name a folder that all nodes"):
        list(states.noted(come(), 1))
