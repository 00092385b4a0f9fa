"""A real federation: the clients are owners' nodes, reached over Flower's SuperLink.

The server has no photograph. It asks each owner once for its label counts, class list and fingerprint, and works with
photographs of which it knows the labels alone.
"""

import json
import logging
import time
from typing import Any

from flwr.app import ConfigRecord, Message, RecordDict

from fedsky import __version__, checks
from fedsky.client.task import Task
from fedsky.engine.nodes import Nodes
from fedsky.engine.superlink import Driven, Registered, SuperLink
from fedsky.engine.travelling import QUERY, labels_alone, travelling
from fedsky.machine.remedies import in_full
from fedsky.machine.versions import code

LOG = logging.getLogger("fedsky")
LOOK_SECONDS = 0.2  # between two looks for who is there
AGAIN_SECONDS = 3.0  # between two tries to begin another run
BACK_SECONDS = 15.0  # that owners have to be back after a SuperLink was
SEEN_SECONDS = 2.0  # for which it is believed who is connected
TOLD = ("version", "versions", "code", "commit", "changed")  # what run.json says of an owner's programs


class Federation:
    """The owners of a run on a SuperLink, in the order of the clients' numbers; kept open for all jobs of a sweep."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        if not settings.get("superlink"):
            raise ValueError("engine=deployment needs to know the SuperLink: add engine.superlink=HOST:PORT")
        if not settings.get("certificate"):
            raise ValueError("engine=deployment needs the authority's certificate: add engine.certificate=.../ca.crt")
        self.ttl = checks.number("engine.ttl_seconds", settings["ttl_seconds"], above=0)
        self.link = SuperLink(str(settings["superlink"]), in_full(str(settings["certificate"])))
        self.driven: Any = None
        self.seen: tuple[float, set[int]] = (0.0, set())
        self.answers: list[dict[str, Any]] = []
        try:
            self.owners = self._expected()
            self.driven = Driven(self.link)
            self._wait()
        except BaseException:
            self.close()
            raise

    def _expected(self) -> list[Registered]:
        """The owners that are to take part: those that ``owners`` names, else all that are registered, by name."""
        known = {each.name: each for each in self.link.registered()}
        asked = self.settings.get("owners")
        names = sorted(known) if asked is None else [str(name) for name in asked]
        if missing := [name for name in names if name not in known]:
            raise ValueError(
                f"engine.owners: {', '.join(missing)} is not registered at {self.link.address}, "
                f"{', '.join(sorted(known)) or 'nobody'} is"
            )
        if not names:
            raise ValueError(f"no owner is registered at {self.link.address}: python -m fedsky.deploy register")
        return [known[name] for name in names]

    def _wait(self) -> None:
        """Returns when all owners are connected; ValueError names those who are not after ``wait_seconds``."""
        deadline = time.monotonic() + float(self.settings["wait_seconds"])
        told = False
        while missing := [owner.name for owner in self.owners if owner.node not in self.online()]:
            if time.monotonic() > deadline:
                raise ValueError(
                    f"{', '.join(missing)} not connected to {self.link.address}: have them start python -m fedsky.node "
                    "owner.yaml, or leave them out with engine.owners=[...]"
                )
            if not told:
                LOG.info("waiting for %s", ", ".join(missing))
                told = True
            time.sleep(LOOK_SECONDS)
            self.seen = (0.0, set())

    def online(self) -> set[int]:
        """The nodes that are connected, as of a moment ago."""
        if time.monotonic() - self.seen[0] > SEEN_SECONDS:
            self.seen = (time.monotonic(), self.driven.online())
            if not {owner.node for owner in self.owners} <= self.seen[1]:  # whoever has another key has another node
                known = {each.name: each for each in self.link.registered()}
                self.owners = [known.get(owner.name, owner) for owner in self.owners]
        return self.seen[1]

    def again(self) -> None:
        """Another run in place of one that the SuperLink has given up."""
        LOG.warning("%s has given up the run: it goes on in another", self.link.address)
        self.driven.close(failed=True)
        while True:
            try:
                self.driven = Driven(self.link)
                break
            except ValueError as error:
                LOG.warning("%s", error)
                time.sleep(AGAIN_SECONDS)
        before, deadline = self.seen[1], time.monotonic() + BACK_SECONDS
        self.seen = (0.0, before)
        while not before <= self.online() and time.monotonic() < deadline:  # who was there is told apart from who goes
            time.sleep(LOOK_SECONDS)
            self.seen = (0.0, before)

    def task(self, text: str, grid: Nodes) -> Task:
        """The server's side of the task that a specification names: the owners are asked, on a grid, what they have."""
        self.text = travelling(json.loads(text), [owner.name for owner in self.owners])
        messages = [
            Message(RecordDict({"config": ConfigRecord()}), dst_node_id=client + 1, message_type=QUERY)
            for client in range(len(self.owners))
        ]
        # Replies come in any order: whose refusal is told first must not depend on it.
        replies = sorted(grid.send_and_receive(messages), key=lambda reply: reply.metadata.src_node_id)
        self.answers = [self._answer(owner.name, reply) for owner, reply in zip(self.owners, replies, strict=True)]
        size = json.loads(text)["data"]["size"]
        photos, owners = labels_alone(self.answers, [owner.name for owner in self.owners], size)
        spec = json.loads(self.text) | {"classes": list(photos.classes)}
        self.text = json.dumps(spec, sort_keys=True)
        return Task(self.text, (photos, owners))

    def _answer(self, name: str, reply: Message) -> dict[str, Any]:
        if reply.has_error():
            raise ValueError(f"owner {name}: {reply.error.reason}")
        if "failure" in reply.content.config_records:
            raise ValueError(f"owner {name}: {reply.content.config_records['failure']['reason']!s}")
        answer: dict[str, Any] = json.loads(str(reply.content.config_records["answer"]["json"]))
        if answer["version"] != __version__:
            raise ValueError(f"owner {name} has fedsky {answer['version']}, not {__version__}: have the same")
        if answer.get("code") != code():
            told = f"owner {name} has other code of fedsky {__version__} than this server"
            if self.settings["same_code"]:
                raise ValueError(f"{told}: install the same commit, or set engine.same_code=false")
            LOG.warning("%s: results may be others than with the same", told)
        return answer

    def described(self) -> dict[str, Any]:
        """What run.json says of the federation."""
        return {
            "superlink": self.link.address,
            "owners": [
                {"name": owner.name, "since": owner.since} | {key: answer[key] for key in TOLD if key in answer}
                for owner, answer in zip(self.owners, self.answers, strict=True)
            ],
        }

    def close(self) -> None:
        """Takes leave of the SuperLink."""
        if self.driven is not None:
            self.driven.close()
        self.link.close()
