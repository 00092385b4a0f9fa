"""What of a run travels to owners' machines, and what the server makes of what they tell.

Apart from what drives a SuperLink: an owner's side needs this alone, and starts in two thirds of the time.
"""

import hashlib
import json
from typing import Any

import numpy as np

from fedsky.client.task import PLACES
from fedsky.data.manifest import PARTS
from fedsky.data.photos import Photos
from fedsky.data.split import Indices, Owner

QUERY, ARRAYS = "query", "arrays"
KIND = "fedsky.data.folder.load"  # of the data that owners have


def travelling(spec: dict[str, Any], names: list[str]) -> str:
    """What of a specification travels to owners: no path, and nothing of the machine that the run is started on."""
    data = spec["data"]
    if data.get("_target_") != KIND or spec["partition"].get("_target_") != "fedsky.partition.natural":
        raise ValueError(
            "engine=deployment: the owners have folders of photographs, choose data=folder partition=natural"
        )
    if given := [key for key in ("root", "manifest") if data.get(key) is not None]:
        raise ValueError(f"data.{given[0]}={data[given[0]]}: the photographs are with the owners, leave it out")
    if spec["partition"].get("owners") is not None:
        raise ValueError("partition.owners: with engine=deployment it is engine.owners that says who joins")
    if spec["num_clients"] not in (None, len(names)):
        raise ValueError(f"num_clients={spec['num_clients']}: {len(names)} owners take part, leave it out")
    model = spec["model"]
    if "init" in model or "weights_sha256" in model:
        raise ValueError("model.init and files as model.weights are not with the owners: set them to null")
    kept = {key: value for key, value in data.items() if key not in PLACES and key != "cache_gb"}
    run = hashlib.sha256(spec["states"].encode()).hexdigest()[:16]
    return json.dumps({**spec, "data": kept, "num_clients": len(names), "states": run}, sort_keys=True)


def labels_alone(answers: list[dict[str, Any]], names: list[str], size: int) -> tuple[Photos, list[Owner]]:
    """Photographs of which only the labels are known, and their owners, from the owners' counts by class name."""
    classes = sorted({name for answer in answers for name in answer["classes"]})
    labels: list[int] = []
    owners = []
    for answer, name in zip(answers, names, strict=True):
        parts: list[Indices] = []
        for part in PARTS:
            start = len(labels)
            for label, each in enumerate(classes):
                labels += [label] * int(answer[part].get(each, 0))
            parts.append(np.arange(start, len(labels), dtype=np.int64))
        owners.append(Owner(parts[0], parts[1], parts[2], name))
    digest = hashlib.sha256(json.dumps([[n, a["fingerprint"]] for n, a in zip(names, answers, strict=True)]).encode())
    nothing = np.broadcast_to(np.uint8(0), (len(labels), 3, size, size))
    called = [f"{number}" for number in range(len(labels))]
    return Photos(nothing, np.array(labels, dtype=np.int64), called, classes, digest.hexdigest()[:16]), owners
