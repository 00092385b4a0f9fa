"""The shapes of comparisons, which are the dictionary of fedsky.report.summary.compare; unknown numbers are null."""

from typing import Literal

from pydantic import BaseModel


class Interval(BaseModel):
    """A mean over n with its interval; a fraction, a difference of fractions, or a loss."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class SeedKey(BaseModel):
    """What makes a run a repetition."""

    seed: int | str | None
    data_seed: int | str | None
    fold: int | str | None


class RunValue(BaseModel):
    """One run's last round."""

    key: SeedKey
    value: float | None


class RunCurve(BaseModel):
    """One run's rounds."""

    key: SeedKey
    x: list[float]
    y: list[float | None]


class GroupCurve(BaseModel):
    """The mean over runs of what was reached, with its interval, against the mean of what was spent by then."""

    x: list[float]
    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]
    runs: list[RunCurve]


class Group(BaseModel):
    """The repetitions of one experiment. dash: null for a solid line, else the lengths of strokes and gaps."""

    id: str
    label: str
    strategy: str
    color: str
    dash: list[float] | None
    marker: str
    n: int
    runs: list[str]
    final: dict[str, Interval]
    seeds: list[RunValue]
    curve: GroupCurve


class PairedDifference(BaseModel):
    """A group against another; p: among all comparisons of the family; verdict: of the first.

    within: the whole interval lies within the margin; photographs, splits: how many there are behind it.
    """

    first: str
    second: str
    difference: Interval
    p: float | None
    family: Literal["planned", "exploratory"]
    verdict: Literal["better", "worse", "within", "open", "same", "unknown"]
    within: bool
    photographs: int
    splits: int
    sentence: str


class ComparedOwner(BaseModel):
    """An owner; values: the accuracy of the model that serves it, by a group's label."""

    name: str
    client: int
    num_test: int
    values: dict[str, float | None]


class LeftOutRun(BaseModel):
    """A run that no number is taken from."""

    name: str
    status: str
    reason: str


class Told(BaseModel):
    """Who gains, how much and what it costs, in sentences; context: the settings that hold for it, may be empty."""

    context: str
    sentences: list[str]


class Gain(BaseModel):
    """How much better than training alone a group is, a fraction of balanced accuracy; dash as in Group."""

    label: str
    color: str
    dash: list[float] | None
    marker: str
    difference: Interval


class Section(BaseModel):
    """What owners, or the federation, are worth, as on the report's page: sentences and a table of texts."""

    title: str
    sentences: list[str]
    columns: list[str]
    rows: list[list[str]]


class ComparableGroups(BaseModel):
    """Groups that may be compared."""

    title: str
    story: list[Told]
    gains: list[Gain]
    groups: list[Group]
    comparisons: list[PairedDifference]
    owners: list[ComparedOwner]
    sections: list[Section]
    verdict: list[str]
    left_out: list[LeftOutRun]


class Comparison(BaseModel):
    """A comparison of runs. run_ids: the id of a run by its folder's name, where one run alone has that name."""

    title: str
    notes: list[str]
    kinds: list[ComparableGroups]
    run_ids: dict[str, str]


class Story(BaseModel):
    """The comparison of the reference runs and what it comes to."""

    compare: Comparison
    sentences: list[str]
