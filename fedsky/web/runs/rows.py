"""A run as one row of the list: what run.json says and the last line of its rounds, each checked."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, cast, get_args

import pandas as pd
from pydantic import BaseModel, ConfigDict

from fedsky.history import FEDERATED, Run, effective, read_lines
from fedsky.history.columns import COLUMNS
from fedsky.history.times import Times, times_of
from fedsky.report import names, spending
from fedsky.report.groups import AROUND
from fedsky.report.reading import rounds_of
from fedsky.report.results import planned_rounds
from fedsky.untrusted import flatten, number, printable, section

from .scan import Found, unsafe

Status = Literal["running", "done", "failed", "interrupted", "unknown"]
STATUSES = get_args(Status)
MOST_SETTINGS = 300


class RunRow(BaseModel):
    """A run in a list, as the API and the pages have it: its fields stand here alone.

    Accuracies are fractions of the last round, None where unknown; megabytes are 10**6 bytes, both ways, all rounds;
    group: what runs of one experiment share; name: see fedsky.report.names, the folder's where its files do not tell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)

    id: str
    folder: str
    name: str
    strategy: str = "unknown strategy"
    role: str = FEDERATED
    label: str = "unknown strategy"
    status: Status = "unknown"
    reason: str = ""
    started: str | None = None
    ended: str | None = None
    rounds: int | None = None
    num_rounds: int | None = None
    num_clients: int | None = None
    seed: int | None = None
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    megabytes: float | None = None
    data: str = ""
    partition: str = ""
    is_reference: bool = False
    group: str = ""


class Row(RunRow):
    """One run, with what the site itself needs of it.

    chosen: by group; settings: the flat configuration by which experiments are told apart; repetition: the seeds;
    times: for estimates of others.
    """

    chosen: Mapping[str, str] = {}
    settings: Mapping[str, Any] = {}
    repetition: Mapping[str, Any] = {}
    machine: Mapping[str, Any] = {}
    num_images: int | None = None
    times: Times | None = None
    problems: tuple[str, ...] = ()

    @property
    def experiment(self) -> str:
        """What it shares with those that repeat it; reference runs, whose figures are quoted, with no others."""
        return f"{self.group}{'-reference' if self.is_reference else ''}" if self.group else self.id

    @property
    def told(self) -> names.Told:
        """What may tell it from the runs beside it."""
        return names.Told(self.strategy, self.chosen, self.settings, self.repetition)


def read_row(found: Found, is_reference: bool) -> Row:
    """The row of a run folder, whatever is in it: what cannot be read is told in its problems."""
    problems = unsafe(found.folder)
    if not problems:
        try:
            return _read(found, is_reference)
        except Exception as error:  # a folder that someone made by hand must not take the list down
            problems = [printable(f"{type(error).__name__}: {error}", 200)]
    return Row(**_place(found, is_reference), reason="its files cannot be read", problems=tuple(problems))


def _place(found: Found, is_reference: bool) -> dict[str, Any]:
    return {
        "id": found.id,
        "folder": printable(found.relative, 300),
        "name": printable(found.folder.name),
        "is_reference": is_reference,
    }


def _read(found: Found, is_reference: bool) -> Row:
    problems: list[str] = []
    info = read_object(found, "run.json", problems)
    rounds, wrong = read_lines(found.folder / "rounds.jsonl")
    problems += wrong
    info = effective(found.folder, info, rounds)
    timing, _ = read_lines(found.folder / "timing.jsonl")
    run = Run(found.folder, info, rounds, timing=timing)
    last = max(rounds, key=lambda line: int(line["round"]), default={})
    table = rounds_of(run, [])
    megabytes = _last(spending.spent(table, "megabytes", run.role != FEDERATED))
    config, choices = run.config, section(info, "choices")
    about = names.told(run)
    settings, strategy = _printable(about.settings), about.strategy
    around = [f"{name}={printable(choices[name], 40)}" for name in AROUND if choices.get(name) not in (None, "none")]
    return Row(
        **_place(found, is_reference),
        strategy=strategy,
        role=run.role,
        label=", ".join([strategy, *around, *_own(settings)]),
        status=cast(Status, run.status) if run.status in STATUSES else "unknown",
        reason=printable(info.get("reason") or "", 400),
        started=moment(info.get("started")),
        ended=moment(info.get("ended")),
        rounds=whole(last.get("round")),
        num_rounds=planned_rounds(run),
        num_clients=whole(config.get("num_clients")),
        seed=whole(config.get("seed")),
        accuracy=known(number(last.get("accuracy"), *COLUMNS["accuracy"].range)),
        balanced_accuracy=known(number(last.get("balanced_accuracy"), *COLUMNS["balanced_accuracy"].range)),
        megabytes=megabytes,
        data=printable(choices.get("data") or "", 60),
        partition=printable(names.partition(about), 60),
        chosen=about.chosen,
        group=identify(strategy, settings),
        settings=settings,
        repetition=_printable(about.repetition),
        machine=section(info, "machine"),
        num_images=whole(section(info, "data").get("num_images")),
        times=times_of(replace(run, partition=read_object(found, "partition.json", []))),
        problems=tuple(printable(problem, 200) for problem in problems[:20]),
    )


def _last(spent: pd.Series) -> float | None:
    """What was spent in all; None where unknown."""
    return known(float(spent.iloc[-1])) if len(spent) else None


def _own(settings: Mapping[str, Any]) -> list[str]:
    """The strategy's own settings as words; its name says the rest."""
    return [
        f"{key.partition('.')[2]}={printable(value, 40)}"
        for key, value in settings.items()
        if key.startswith("strategy.") and key != "strategy._target_" and value is not None
    ]


def _printable(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        printable(key): value if isinstance(value, int | float) or value is None else printable(value, 200)
        for key, value in list(settings.items())[:MOST_SETTINGS]
    }


def identify(strategy: str, settings: Mapping[str, Any]) -> str:
    """A short hash that runs of one experiment share, whose seeds and folds alone differ."""
    text = json.dumps([strategy, settings], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_object(found: Found, name: str, problems: list[str]) -> dict[str, Any]:
    """A JSON object of a run folder; empty, and told, if it is none."""
    try:
        value = json.loads((found.folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{name}: {printable(str(error), 100)}")
        return {}
    if not isinstance(value, dict):
        problems.append(f"{name}: not an object")
        return {}
    return value


def flat_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A run's whole configuration as {dotted key: printable leaf}."""
    return {
        printable(key): value if isinstance(value, int | float) or value is None else printable(value, 400)
        for key, value in list(flatten(dict(config)).items())[:MOST_SETTINGS]
    }


def whole(value: Any) -> int | None:
    """The value if it is a whole number that JSON readers hold exactly, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53 else None


def known(value: float) -> float | None:
    """A finite number; None for NaN and infinities."""
    return value if math.isfinite(value) else None


def moment(value: Any) -> str | None:
    """A time as ISO 8601 with its zone, or None."""
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return value if time.tzinfo is not None else None
