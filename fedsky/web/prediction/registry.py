"""Which models may be asked: those of finished runs on photographs, by opaque ids that name a run and an owner.

Nothing that a client sends becomes a path: an id is looked up among the models that the index of runs has. A model is
a .safetensors file, a plain one, whose own header says that it judges photographs.
"""

import hashlib
import json
import os
import stat
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from fedsky import untrusted
from fedsky.history import ALONE, DONE, FEDERATED, POOLED, Row, Run
from fedsky.history.choosing import middle, validation
from fedsky.history.columns import COLUMNS
from fedsky.history.kept import METADATA
from fedsky.language import N_, _
from fedsky.report.results import strategy_name
from fedsky.untrusted import flatten, number, printable, section
from fedsky.web.runs.index import Index
from fedsky.web.runs.rows import Row as RunRow

LARGEST = 500_000_000  # bytes of a model's file
OWNER = N_("client {n}")  # one without a name
MOST_OWNERS = 200  # whose models of one run are offered
MOST_CLASSES = 200  # of a model that is offered: every answer names them all
MOST_OTHERS = 24  # models that judge the same picture besides the one asked
# Of a configuration, what two runs must share for their models to be three ways of learning from the same photographs.
SHARED = ("data", "partition", "model")
SHARED_KEYS = ("num_clients", "seed", "data_seed")


@dataclass(frozen=True)
class Model:
    """One model that may be asked. ``accuracy`` is that on ``n_test`` test images, None where unknown.

    group: what its run shares with those that repeat it.

    related: what it shares with the models that learned from the same photographs; validation: what is chosen by,
    accuracy and then loss on validation images, higher is better.
    """

    id: str
    run_id: str
    label: str
    strategy: str
    kind: str
    path: Path
    classes: tuple[str, ...]
    size: int
    client: str | None = None
    accuracy: float | None = None
    n_test: int | None = None
    group: str = ""
    related: str = ""
    validation: tuple[float, float] = (-1.0, 0.0)
    data: str = ""
    is_reference: bool = False
    is_default: bool = False
    left: str | None = None  # the SHA-256 that run.json has of the file

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file; ValueError where it cannot be read, or was changed since its run ended."""
        try:
            known = os.lstat(self.path)
            found = _digest(str(self.path), known.st_mtime_ns, known.st_size)
        except OSError as error:
            raise ValueError(_("The model's file is gone: load the page again.")) from error
        if self.left not in (None, found):
            raise ValueError(_("The model's file was changed since its run ended: choose another model."))
        return found


def digest(path: Path) -> str:
    """The SHA-256 of a file; ValueError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(_("The model's file is gone: load the page again.")) from error


@lru_cache(maxsize=1024)
def _digest(path: str, changed: int, size: int) -> str:
    return digest(Path(path))


class Registry:
    """The models of one site, made anew for the runs that have changed; safe under threads."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._by_run: dict[str, tuple[object, list[Model]]] = {}
        self._models: dict[str, Model] = {}
        self._generation = -1
        self._lock = threading.Lock()

    def models(self) -> list[Model]:
        """All models: the default one first, then those of the reference runs, then by label."""
        self.index.refresh()
        with self._lock:
            if self._generation != (generation := self.index.generation):
                self._models = {model.id: model for model in self._ordered()}
                self._generation = generation
            return list(self._models.values())

    def get(self, id: str | None) -> Model | None:
        """The model of an id, the default one for None; None where there is none."""
        models = self.models()
        return self._models.get(id) if id is not None else next(iter(models), None)

    def offered(self, wished: Collection[str] = ()) -> list[Model]:
        """One model for each experiment, the middle one on validation images; the default first, then reference models.

        wished: ids of models, or of runs, which stand for their experiments instead.
        """
        members: dict[str, list[Model]] = {}
        for model in self.models():
            members.setdefault(model.group, []).append(model)
        found = []
        for own in members.values():
            instead = [model for model in own if model.id in wished or model.run_id in wished]
            found += instead or [middle(own, _score)]
        return found

    def others(self, model: Model) -> list[Model]:
        """The best federated model, the pooled one and each owner's own, from the same photographs, seed and owners."""
        same = [other for other in self.models() if other.related == model.related and other.id != model.id]
        found = []
        for kind in (FEDERATED, POOLED):
            candidates = [other for other in same if other.kind == kind and other.client is None]
            if kind != model.kind and candidates:
                found.append(max(candidates, key=lambda other: other.validation))
        alone = [other for other in same if other.kind == ALONE]
        runs = sorted({other.run_id for other in alone}, key=lambda id: id != model.run_id)
        return [*found, *(other for other in alone if other.run_id == runs[0])][:MOST_OTHERS]

    def _models_of(self, row: RunRow, folder: Path) -> list[Model]:
        """The models of one finished run; none where it has none or its files cannot be read."""
        files = list(_files(folder))
        if not files or (run := self.index.read(row.id)) is None:
            return []
        try:
            return list(_read(row, run, files))
        except Exception:  # a folder that someone made by hand must not take the others' models down
            return []

    def _ordered(self) -> Iterator[Model]:
        kept: dict[str, tuple[object, list[Model]]] = {}
        for row in self.index.rows():
            found = self.index.found(row.id)
            if row.status != DONE or found is None:
                continue
            known = self._by_run.get(row.id)
            if known is None or known[0] != found.stamp:
                known = found.stamp, self._models_of(row, found.folder)
            kept[row.id] = known
        self._by_run = kept
        models = [model for _, found in kept.values() for model in found]
        best = default(models)
        for model in sorted(models, key=lambda m: (m is not best, not m.is_reference, m.kind != FEDERATED, m.label)):
            yield replace(model, is_default=model is best)


def default(models: list[Model]) -> Model | None:
    """The middle model of the federated experiment that is best on validation images; never chosen on test images.

    A model of photographs comes before one of rendered skies, a reference run's before any other's: what is launched
    on a few photographs must not become what everybody asks.
    """
    groups: dict[str, list[Model]] = {}
    for model in [model for model in models if model.kind == FEDERATED and model.client is None] or models:
        groups.setdefault(model.group, []).append(model)
    found = [middle(own, _score) for own in groups.values()]
    return max(found, key=lambda model: (model.data != "rendered", model.is_reference, model.validation), default=None)


def _score(model: Model) -> tuple[tuple[float, float], str]:
    return model.validation, model.id


def _files(folder: Path) -> Iterator[tuple[int | None, Path]]:
    """The model of a run, or each client's own, by client."""
    if _is_plain(folder / "model.safetensors"):
        yield None, folder / "model.safetensors"
    elif not (folder / "models").is_symlink():
        for client in range(MOST_OWNERS):
            path = folder / "models" / f"{client}.safetensors"
            if not _is_plain(path):
                return
            yield client, path


def _is_plain(path: Path) -> bool:
    try:
        known = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(known.st_mode) and known.st_size <= LARGEST


def _about(path: Path) -> Mapping[str, Any]:
    """What a model's file says of it: classes and size; empty where it does not, or says too much."""
    try:
        untrusted.header(path, path.parent)
        with safe_open(path, framework="np") as file:
            about = json.loads((file.metadata() or {}).get(METADATA, "null"))
        untrusted.judges(about, MOST_CLASSES)
    except (SafetensorError, OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def _read(row: RunRow, run: Run, files: list[tuple[int | None, Path]]) -> Iterator[Model]:
    strategy, config, result = strategy_name(run), run.config, section(run.info, "result")
    last = max(run.rounds, key=lambda row: int(row["round"]), default={})
    names, seed = config.get("client_names"), config.get("seed")
    owners = {row["client"]: row for row in run.clients if row["round"] == last.get("round")}
    data = printable(section(run.info, "choices").get("data") or "", 60)
    for client, path in files:
        about = _about(path)
        if not about:
            continue  # one that judges points, or none at all
        line = owners.get(client, {}) if client is not None else last
        accuracy, n_test = _tested(line, result, client)
        owner = None
        if client is not None:
            named = isinstance(names, list) and client < len(names)
            owner = printable(names[client] if named else OWNER.format(n=client), 60)  # type: ignore[index]
        words = [strategy, owner, f"{data}, seed {printable(seed)}", row.folder]
        yield Model(
            id=row.id if client is None else f"{row.id}-{client}",
            run_id=row.id,
            label=" · ".join(word for word in words if word),
            strategy=strategy,
            kind=run.role,
            path=path,
            classes=tuple(printable(label, 60) for label in about["classes"]),
            size=about["size"],
            client=owner,
            accuracy=accuracy,
            n_test=n_test,
            related=_related(run),
            validation=validation(line),
            data=data,
            is_reference=row.is_reference,
            group=row.experiment,
            left=section(section(run.info, "files"), path.relative_to(run.folder).as_posix()).get("sha256"),
        )


def _tested(line: Row, result: Mapping[str, Any], client: int | None) -> tuple[float | None, int | None]:
    """Accuracy and number of test images: all owners' where that is known, else an owner's model on its own."""
    on_all = line.get("accuracy" if client is None else "pooled_accuracy")
    count = result.get("num_test")
    if client is not None and on_all is None:
        on_all, count = line.get("accuracy"), line.get("num_test")
    accuracy = number(on_all, *COLUMNS["accuracy"].range)
    known = accuracy == accuracy
    return (accuracy if known else None), (count if known and type(count) is int else None)


def _related(run: Run) -> str:
    """What runs share that learn from the same photographs, cut the same way, with the same network and seed."""
    config = run.config
    parts = {key: flatten(section(config, key)) for key in SHARED}
    for place in ("root", "cache"):
        parts["data"].pop(place, None)
    shared = [section(run.info, "data").get("fingerprint"), parts, [config.get(key) for key in SHARED_KEYS]]
    return hashlib.sha256(json.dumps(shared, sort_keys=True, default=str).encode()).hexdigest()
