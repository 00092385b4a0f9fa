"""How long a run will take: from the times of runs like it on this machine, what it has to do, and the load now.

seconds = start + first round + further rounds; each of these is seconds of a free core, divided by the speed that is
left beside the other processes that want one (fedsky.machine.load.Look.speed).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median

from fedsky.history import ALONE, POOLED, Row
from fedsky.history.times import BATCH, Likeness, Times, likeness, longest, num_workers
from fedsky.machine.load import Look

MOST_RUNS = 10  # the latest of those that are most alike
INLINE = "inline"
# Of an engine of which this machine has no run: as many times as long as Python takes to its first line of fedsky.
OPENING, FIRST = {INLINE: 0.0}, {INLINE: 0.05}
OPENING_ELSE, FIRST_ELSE, END, END_ELSE = 0.6, 1.6, {INLINE: 0.05}, 0.3
REST, REST_ELSE = {INLINE: 0.005}, 0.03  # seconds beside training, per message


@dataclass(frozen=True)
class Work:
    """What a run has to do. Images of a round, on average: of the busiest worker, all that are judged, and of the
    busiest that judges; last: those that the busiest judges after the last round alone."""

    like: Likeness
    workers: int
    num_rounds: int
    busiest: float
    messages: float
    judged: float
    last: float
    by_clients: bool


@dataclass(frozen=True)
class Measured:
    """Seconds of a free core, measured now: an image trained on and judged, the data's loading, the process so far."""

    train: float
    judge: float
    load: float
    process: float


@dataclass(frozen=True)
class Estimate:
    """Seconds until the first round, of the rounds 0 and 1, of each further one, and after the last; and what they
    rest on: how many runs trained alike (0: steps measured now), and how many other processes want a core."""

    start: float
    first: float
    each: float
    num_rounds: int
    end: float
    num_alike: int
    load: float

    @property
    def seconds(self) -> float:
        return self.start + self.first + self.each * (self.num_rounds - 1) + self.end


def work(config: Row, role: str, sizes: Sequence[float], judged: Sequence[float], cores: int, own: bool) -> Work:
    """What a run does whose owners have so many images to train and to judge with; own: whether clients judge.

    The cohorts of participation and stragglers are taken at their mean.
    """
    workers, clients = num_workers(config, cores), max(1, len(sizes))
    asked = max(1.0, int(float(config["participation"]) * clients + 0.5 + 1e-9))
    epochs = int(config["local_epochs"])
    one = epochs * sum(sizes) / clients
    if role == POOLED:
        busiest, asked = one * asked, 1.0
    elif asked == clients:
        busiest = longest([epochs * float(size) for size in sizes], workers)
    else:
        busiest = one * max(1.0, asked / workers)
    return of_messages(config, busiest, asked, judged, cores, own, role)


def of_messages(
    config: Row, busiest: float, asked: float, judged: Sequence[float], cores: int, own: bool, role: str
) -> Work:
    """The work of a run whose busiest worker trains on so many images a round, of so many messages."""
    workers = num_workers(config, cores)
    if own:
        most = longest(list(map(float, judged)), workers)
    else:
        most = sum(judged) / max(1, min(cores, -(-sum(judged) // BATCH)))
    pooled = sum(judged) * max(1.0, len(judged) / workers) if own and role == ALONE else 0.0
    return Work(
        likeness(config),
        workers,
        int(config["num_rounds"]),
        busiest,
        asked + (len(judged) if own else 0),
        most,
        pooled,
        own,
    )


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 9.5 else f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 99.5 else f"{hours:.1f} h"


def slowness(load: Sequence[Look], num: float, cores: int) -> float:
    """How much longer so many processes take that share the cores with others: the mean speed of the looks at these."""
    speeds = [each.speed(num, cores) for each in load] or [1.0]
    return 1 / mean(speeds)


def estimate(
    asked: Work,
    past: Sequence[Times],
    load: Sequence[Look],
    cores: int,
    measured: Measured | None = None,
    warm: bool = False,
) -> Estimate | None:
    """The time of a run; None where neither runs nor measured steps tell how long an image takes.

    past: the finished runs of this machine; load: looks at how many other processes wanted a core; warm: whether
    it is a later run of a sweep, whose engine is there.
    """
    alike = [each for each in past if each.like.network == asked.like.network]
    train = _told(alike, asked, lambda each: each.train, "method", "owners")
    judge = _told(alike, asked, lambda each: each.judge, "method", "owners")
    if train is None and measured is None:
        return None
    one, all_ = slowness(load, 1, cores), slowness(load, asked.workers, cores)
    same = [each for each in past if each.like.engine == asked.like.engine]
    kind = asked.like.engine
    process = measured.process if measured else _told(past, asked, lambda each: each.process) or 5.0
    loading = measured.load if measured else _told(past, asked, lambda each: each.load, "data", "owners") or 1.0
    opening = _told(same, asked, lambda each: each.opening)
    more = _told(same, asked, lambda each: each.first, "owners", "network")
    rest = _told(same, asked, lambda each: each.rest, "method", "owners", "network")
    opening = OPENING.get(kind, OPENING_ELSE) * process if opening is None else opening
    more = FIRST.get(kind, FIRST_ELSE) * process if more is None else more
    rest = REST.get(kind, REST_ELSE) if rest is None else rest
    per_image = train if train is not None or measured is None else measured.train
    assert per_image is not None
    seen = judge if judge is not None else measured.judge if measured else per_image / 3
    judging = asked.judged * seen * slowness(load, asked.workers if asked.by_clients else cores, cores)
    each = asked.busiest * per_image * all_ + asked.messages * rest * one + judging
    return Estimate(
        start=loading * one if warm else (process + loading) * one + opening * all_,
        first=each + judging + (0.0 if warm else more * all_),
        each=each,
        num_rounds=asked.num_rounds,
        end=asked.last * seen * all_ + (0.0 if warm else END.get(kind, END_ELSE) * process * one),
        num_alike=0 if train is None else len(_alike(alike, asked, "method", "owners")),
        load=mean(each.others for each in load) if load else 0.0,
    )


def _told(past: Iterable[Times], asked: Work, what: Callable[[Times], float | None], *keys: str) -> float | None:
    """The median of what the runs tell that are most alike in these keys; None where none tells it."""
    known = [each for each in past if what(each) is not None]
    values = [value for each in _alike(known, asked, *keys) if (value := what(each)) is not None]
    return median(values) if values else None


def _alike(past: Iterable[Times], asked: Work, *keys: str) -> list[Times]:
    """The latest of the runs that share most of these keys with what is asked."""
    found: dict[int, list[Times]] = {}
    for each in sorted(past, key=lambda each: each.ended):
        shared = sum(getattr(each.like, key) == getattr(asked.like, key) for key in keys)
        found.setdefault(shared, []).append(each)
    return found[max(found)][-MOST_RUNS:] if found else []
