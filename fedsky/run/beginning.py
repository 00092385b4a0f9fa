"""What a run began with, as run.json keeps it: data, code and machine; and what of it is another when it goes on."""

import hashlib
import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from fedsky.client.task import Task
from fedsky.data import Photos
from fedsky.data.manifest import PARTS
from fedsky.history import RUNNING, Row, read_object, sums
from fedsky.machine.versions import versions
from fedsky.run import provenance
from fedsky.run.rows import describe

LOG = logging.getLogger("fedsky")
ANEW = "start another run"


def begin(name: str, config: Row, choices: dict[str, str]) -> Row:
    """run.json of a run that begins. directory: where it was started, which its relative paths begin from."""
    return {
        "format": sums.FORMAT,
        "name": name,
        "status": RUNNING,
        "reason": None,
        "started": provenance.now(),
        "ended": None,
        "command": provenance.command(),
        "directory": str(Path.cwd()),
        "choices": choices,
        "config": config,
        "trace": _trace(config, Path.cwd()),
        **_runs_on(),
    }


def go_on(folder: Path, begun: Row, task: Task) -> Row:
    """run.json of a run that goes on: what it began with stays, and ``resumed`` lists on what it went on, and when.

    ValueError where its data are others than at the beginning; other code and another machine are told.
    """
    _refuse_other_data(folder, begun, task)
    if begun.get("trace") is not None and _trace(begun["config"], directory(begun)) != begun["trace"]:
        place = begun["config"]["clients"]["trace"]
        raise ValueError(
            f"{folder}: clients.trace={place} is not the file of the beginning: bring that back, or {ANEW}"
        )
    now = _runs_on()
    if differences := _differences(begun, now):
        LOG.warning(
            "%s goes on with %s: its numbers need not be those that it would have had undisturbed",
            folder,
            ", ".join(differences),
        )
    resumed = begun.get("resumed")
    entry = {"started": provenance.now(), **now}
    return {
        **sums.without_sums(begun),
        "format": sums.FORMAT,
        "status": RUNNING,
        "reason": None,
        "ended": None,
        "data": of_data(task.photos),
        "resumed": [*(resumed if isinstance(resumed, list) else []), entry],
    }


def of_data(photos: Photos) -> Row:
    """What run.json says of a run's data; num_declared_test: photographs that no split but their owners chose."""
    told: Row = {
        "fingerprint": photos.fingerprint,
        "num_images": len(photos),
        "classes": list(photos.classes),
        "image_size": photos.image_size,
    }
    if photos.declared is not None and photos.declared.part is not None:
        told["num_declared_test"] = int((photos.declared.part == PARTS.index("test")).sum())
    return told


def directory(begun: Row | None) -> Path:
    """Where a run's relative paths begin: where it was started, or here, where that folder is not."""
    started = begun.get("directory") if begun else None
    return Path(started) if isinstance(started, str) and Path(started).is_dir() else Path.cwd()


def _trace(config: Row, directory: Path) -> str | None:
    """The sha256 of the file that says when clients are there; None where there is none."""
    if (trace := config["clients"].get("trace")) is None:
        return None
    with suppress(OSError):  # which is told when it is read
        return hashlib.sha256((directory / Path(trace).expanduser()).read_bytes()).hexdigest()
    return None


def _runs_on() -> Row:
    return {"versions": versions(), **provenance.constraints(), **provenance.commit(), "machine": provenance.machine()}


def _refuse_other_data(folder: Path, begun: Row, task: Task) -> None:
    data, now = begun.get("data"), of_data(task.photos)
    if not isinstance(data, dict) or not isinstance(data.get("fingerprint"), str):
        _refuse_other_partition(folder, task)
    elif data["fingerprint"] != now["fingerprint"]:
        raise _refusal(folder, _other_data(data, now))


def _refuse_other_partition(folder: Path, task: Task) -> None:
    """Of a run that an older version began, which kept no fingerprint: its label counts are what can be compared."""
    kept = read_object(folder / "partition.json", [])
    if not kept:  # it ended before it had read any
        return
    if _counts(kept) != _counts(json.loads(json.dumps(describe(task, None)))):
        raise _refusal(folder, "partition.json has other numbers of images by client and class")
    LOG.warning(
        "%s: the version that began it kept no fingerprint of its data: beyond the numbers of images by client and "
        "class, it cannot be checked that they are the same",
        folder,
    )


def _counts(partition: Row) -> list[Any]:
    clients = partition.get("clients")
    parts = ("train", "validation", "test")
    return [partition.get("classes"), *([row.get(part) for part in parts] for row in clients or ())]


def _refusal(folder: Path, differences: str) -> ValueError:
    return ValueError(f"{folder}: the data are not those of the beginning: {differences}; bring those back, or {ANEW}")


def _other_data(begun: Row, now: Row) -> str:
    kind = "points" if now["image_size"] is None else "photographs"
    told = []
    if isinstance(before := begun.get("num_images"), int) and (more := now["num_images"] - before):
        many = kind if abs(more) > 1 else kind[:-1]
        told.append(f"{abs(more)} {many} {'more' if more > 0 else 'fewer'} ({now['num_images']}, not {before})")
    if isinstance(classes := begun.get("classes"), list) and classes != now["classes"]:
        told.append(f"classes {', '.join(now['classes'])}, not {', '.join(map(str, classes))}")
    return "; ".join(told) or f"as many {kind} of the same classes, but other ones, or with other names or labels"


def _differences(begun: Row, now: Row) -> list[str]:
    """What of the code and the machine is another; what one of both does not tell cannot be compared."""
    told = []
    if (commit := begun.get("commit")) and now.get("commit") not in (None, commit):
        told.append(f"commit {now['commit'][:10]} (begun with {str(commit)[:10]})")
    elif "changed" in begun and now.get("changed", begun["changed"]) != begun["changed"]:
        told.append(f"{'uncommitted' if now['changed'] else 'no uncommitted'} changes of the code")
    known = _section(begun, "versions")
    told += [
        f"{name} {version} (begun with {known[name]})"
        for name, version in now["versions"].items()
        if known.get(name, version) != version
    ]
    machine = _section(begun, "machine")
    told += [
        f"the {name} {now['machine'][name]} (begun with {machine[name]})"
        for name in ("system", "processor")
        if machine.get(name, now["machine"][name]) != now["machine"][name]
    ]
    return told


def _section(info: Row, name: str) -> dict[str, Any]:
    found = info.get(name)
    return found if isinstance(found, dict) else {}
