"""The shapes of answers on runs, for the API's description and its tests."""

from pydantic import BaseModel, create_model

from fedsky.history.columns import ROUNDS, TABLES
from fedsky.web.runs.rows import RunRow, Status

Scalar = str | int | float | bool | None


class ListedRun(RunRow):
    """A run with what an operator noted of it."""

    note: str
    tags: list[str]


class RunList(BaseModel):
    """A page of the list, how many runs match, what there is to choose from, and the settings that differ.

    left_out: folders that were not looked into, since there are too many.
    """

    runs: list[ListedRun]
    total: int
    strategies: list[str]
    statuses: list[Status]
    differs: list[str]
    left_out: int


class File(BaseModel):
    """A file that may be fetched."""

    name: str
    bytes: int


class Note(BaseModel):
    """What an operator wrote on a run."""

    title: str
    note: str
    tags: list[str]


class NoteAnswer(BaseModel):
    """A run's note after a change."""

    annotation: Note


class Has(BaseModel):
    """What a run has left."""

    predictions: bool
    partition: bool
    model: bool


class RunDetail(BaseModel):
    """A run but for its rounds."""

    run: ListedRun
    config: dict[str, Scalar]
    choices: dict[str, str]
    result: dict[str, Scalar]
    versions: dict[str, str]
    machine: dict[str, Scalar]
    data: dict[str, Scalar]
    model: dict[str, Scalar]
    command: str
    commit: str
    changed: bool
    problems: list[str]
    files: list[File]
    has: Has
    annotation: Note


class Event(BaseModel):
    """What happened in a round: num_trained of num_owners trained; clients: the first 100 of those."""

    round: int
    num_trained: int | None
    num_owners: int | None
    clients: list[int]
    megabytes: float | None
    accuracy: float | None
    failures: int | None


class Spent(BaseModel):
    """What was spent by the end of a round, round 0 on: None from the first round on whose cost is unknown."""

    megabytes: float | None
    seconds: float | None
    virtual_seconds: float | None
    steps: float | None


Round = create_model(
    "Round",
    __doc__="A line of rounds.jsonl, with its seconds on the wall, and what was spent by its end.",
    spent=(Spent, ...),
    **{name: (int if name == "round" else float | int | None, ...) for name in (*TABLES[ROUNDS], "seconds")},  # type: ignore[call-overload]
)


class RoundList(BaseModel):
    """Rounds after a cursor, some hundreds at a time; each has the keys of rounds.jsonl and its wall seconds.

    last: the next cursor; more: whether there is more to ask for at once.
    """

    rounds: list[Round]  # type: ignore[valid-type]
    feed: list[Event]
    last: int
    more: bool
    status: Status


class Client(BaseModel):
    """An owner."""

    client: int
    name: str
    num_examples: int | None


class Clients(BaseModel):
    """values and status: [client][round]; num_clients: of the run, of which the first are told."""

    metric: str
    num_clients: int
    clients: list[Client]
    rounds: list[int]
    values: list[list[float | int | None]]
    status: list[list[str | None]]


class Owner(BaseModel):
    """An owner's images of each class in each part."""

    client: int
    name: str
    train: list[int]
    validation: list[int]
    test: list[int]


class Partition(BaseModel):
    """Who owns what; heterogeneity: the mean Jensen-Shannon distance of an owner's labels to all owners', 0 to 1.

    num_owners: of the run, of which the first are told.
    """

    classes: list[str]
    clients: list[Owner]
    num_owners: int
    heterogeneity: float | None


class Confusion(BaseModel):
    """matrix: [label][prediction], counts of n test images."""

    classes: list[str]
    matrix: list[list[int]]
    precision: list[float | None]
    recall: list[float | None]
    n: int
