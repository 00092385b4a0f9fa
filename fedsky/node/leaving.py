"""What leaves an owner's machine: what owner.yaml allows, and nothing that could hold a photograph or a path."""

import re

from flwr.app import ConfigRecord, RecordDict

from fedsky.client.state import STATES
from fedsky.engine.packing import pack
from fedsky.engine.travelling import ARRAYS
from fedsky.model.divergence import DIVERGED

FAILURE, METRICS, PREDICTIONS = "failure", "metrics", "predictions"
_STATE = re.compile(r"[\w@=-]+")


class RefusedError(ValueError):
    """What a server asks for goes beyond owner.yaml; its line is told on both sides."""


def failure(reason: str) -> RecordDict:
    """What went wrong, in a line that may be told."""
    return RecordDict({FAILURE: ConfigRecord({"reason": reason, "traceback": reason})})


def leaving(content: RecordDict, owner: str, leaves: dict[str, bool]) -> RecordDict:
    """What of a reply's content may be sent; RefusedError where owner.yaml forbids some of it."""
    if FAILURE in content.config_records:
        told = str(content.config_records[FAILURE]["reason"])
        # Any other reason could name a file; whoever is to mend it reads the node's own log.
        return failure(told if told.startswith(DIVERGED) else f"it failed on {owner}'s machine, whose log says why")
    out = RecordDict()
    for name, record in content.items():
        if name == ARRAYS:
            if len(content.array_records[name]):
                _check("weights", owner, leaves)
            out[name] = pack(content.array_records[name])
        elif name == PREDICTIONS:
            _check("predictions", owner, leaves)
            out[name] = record
        elif name == METRICS:
            _check("counts", owner, leaves)
            out[name] = record
        elif name == STATES:
            saved = content.config_records[name].get("saved")
            kept = [str(each) for each in saved if _STATE.fullmatch(str(each))] if isinstance(saved, list) else []
            out[name] = ConfigRecord({"saved": kept})
        else:
            raise RefusedError(f"owner {owner}: a reply holds {name}, which is not among what leaves")
    return out


def _check(what: str, owner: str, leaves: dict[str, bool]) -> None:
    if not leaves[what]:
        raise RefusedError(f"owner {owner} lets no {what} leave (leaves.{what} in owner.yaml)")


def check_asked(config: dict[str, object], owner: str, leaves: dict[str, bool]) -> None:
    """RefusedError where a message asks for what owner.yaml forbids, before anything is done."""
    _check("counts", owner, leaves)
    if config.get("predictions"):
        _check("predictions", owner, leaves)
