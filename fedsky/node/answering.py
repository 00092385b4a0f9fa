"""Answers a server's messages on the owner's machine, by the client code that simulations run."""

import copy
import json
import logging
import re
import time
from pathlib import Path
from typing import Any

from flwr.app import ConfigRecord, Context, Message, RecordDict

from fedsky import __version__
from fedsky.client.app import app
from fedsky.client.state import STATES, forget_before, parsed
from fedsky.client.task import load_task
from fedsky.config import permitted
from fedsky.data.manifest import PARTS
from fedsky.data.owners import load
from fedsky.engine.nodes import RUN
from fedsky.engine.packing import unpack
from fedsky.engine.travelling import ARRAYS, KIND, QUERY
from fedsky.machine.versions import code, versions
from fedsky.model.file import write_model
from fedsky.node.leaving import RefusedError, check_asked, failure, leaving
from fedsky.node.owner import OwnerFile
from fedsky.partition import label_table
from fedsky.run import provenance

LOG = logging.getLogger("fedsky")
CLIENT_HALF = re.compile(r"(strategies|baselines)(\.\w+)+:\w+")
KEYS = {"data", "partition", "model", "num_clients", "seed", "data_seed", "use_gpu", "states", "classes"}
_RUN = re.compile(r"[0-9a-f]{16}")


class Answering:
    """Answers messages to one owner."""

    def __init__(self, owner: OwnerFile) -> None:
        self.owner = owner

    def answer(self, message: Message) -> Message:
        """The reply, which holds only what may leave."""
        start = time.perf_counter()
        kind = message.metadata.message_type
        try:
            config = dict(message.content.config_records["config"])
            content = self._answer(message, kind, config)
            told = f"round {config['round']!s}: {kind}" if "round" in config else kind
            LOG.info("%s answered in %.1f s; sent: %s", told, time.perf_counter() - start, ", ".join(content))
        except RefusedError as error:
            LOG.warning("refused: %s", error)
            content = failure(str(error))
        except Exception as error:
            LOG.exception("a message of kind %s failed", kind)
            content = failure(f"it failed on {self.owner.owner}'s machine ({type(error).__name__}), whose log says why")
        return Message(content, reply_to=message)

    def _answer(self, message: Message, kind: str, config: dict[str, Any]) -> RecordDict:
        if config.get("owner") != self.owner.owner:
            raise RefusedError(
                f"the key of this node is registered for {config.get('owner')}, and owner.yaml says {self.owner.owner}"
            )
        check_asked(config, self.owner.owner, self.owner.leaves)
        spec = self._local(config)
        if kind == QUERY:
            return self._told(spec)
        self._check_calls(config)
        content = message.content.copy()
        states = Path(spec["states"])
        config["task"] = json.dumps(spec, sort_keys=True)
        content["config"] = ConfigRecord(config)
        if ARRAYS in content.config_records:
            packed = content.config_records[ARRAYS]
            del content[ARRAYS]
            content[ARRAYS] = unpack(packed)
        local = copy.copy(message)
        local.content = content
        told = config.get(STATES)
        if isinstance(told, list):  # what no round starts from any more
            forget_before(states, config["round"] - 1, dict(parsed(str(each)) for each in told))
        states.mkdir(parents=True, exist_ok=True)
        reply = app(message=local, context=Context(RUN, 1, {}, RecordDict(), {}))
        if reply.has_error():
            return failure(f"it failed on {self.owner.owner}'s machine, whose log says why")
        if "failure" in reply.content.config_records:
            LOG.error("%s", reply.content.config_records["failure"]["traceback"])
        elif config.get("last"):
            self._keep_model(spec, config)
        return leaving(reply.content, self.owner.owner, self.owner.leaves)

    def _local(self, config: dict[str, Any]) -> dict[str, Any]:
        """The task of a message with the owner's own places; RefusedError where it asks for more than it may."""
        spec: dict[str, Any] = json.loads(str(config["task"]))
        data, client, num = spec["data"], config["client"], spec["num_clients"]
        if strange := sorted(set(spec) - KEYS):
            raise RefusedError(f"the task has settings that no server sends: {', '.join(strange)}")
        if not (type(client) is int and type(num) is int and 0 <= client < num):
            raise RefusedError(f"the task is for client {client} of {num}")
        if config.get("owners", [client]) != [client]:
            raise RefusedError("the task is about other owners' photographs, too")
        if data.get("_target_") != KIND or {"root", "manifest", "cache"} & set(data):
            raise RefusedError("the task names photographs itself, which is this owner's to say")
        if {"init", "weights_sha256"} & set(spec["model"]) or not _RUN.fullmatch(spec["states"]):
            raise RefusedError("the task names files of this machine")
        try:
            permitted.check({key: spec[key] for key in ("data", "partition", "model")}, "the server's task", needed=())
        except ValueError as error:
            raise RefusedError(str(error)) from error
        names = [""] * num
        names[client] = self.owner.owner
        own = {"root": str(self.owner.photographs), "manifest": None, "cache": str(self.owner.home / "cache")}
        states = self.owner.home / "states" / spec["states"]
        return {**spec, "data": {**data, **own}, "client": client, "names": names, "states": str(states)}

    def _check_calls(self, config: dict[str, Any]) -> None:
        called = [config["train"], *([config["evaluate"]] if config["evaluate"] else []), *config.get("mods", [])]
        for name in called:
            if not CLIENT_HALF.fullmatch(str(name)):
                raise RefusedError(f"the task has {name} called, which is no strategy that is installed here")

    def _told(self, spec: dict[str, Any]) -> RecordDict:
        """What the server learns of this owner's photographs: counts by class and part, and a fingerprint."""
        photos, owners = load(spec)
        own = owners[spec["client"]]
        answer: dict[str, Any] = {
            "classes": list(photos.classes),
            "fingerprint": photos.fingerprint,
            "version": __version__,
            "versions": versions(),
            "code": code(),
            **provenance.commit(),
        }
        for part in PARTS:
            counts = label_table(photos.labels, getattr(own, part), len(photos.classes))
            answer[part] = dict(zip(photos.classes, counts, strict=True))
        return RecordDict({"answer": ConfigRecord({"json": json.dumps(answer, sort_keys=True)})})

    def _keep_model(self, spec: dict[str, Any], config: dict[str, Any]) -> None:
        """Keeps the model that was judged last: the owner has it, whoever else does."""
        task = load_task(config["task"])
        arrays = {name: tensor.cpu().contiguous().numpy() for name, tensor in task.model.state_dict().items()}
        about = {
            "model": spec["model"],
            "classes": list(task.photos.classes),
            "round": config["round"],
            "size": task.photos.image_size,
        }
        path = self.owner.home / "models" / f"{Path(spec['states']).name}.safetensors"
        write_model(path, arrays, about)
        LOG.info("the final model is %s", path)
