"""Who is there, how fast and what becomes of a reply: each by arithmetic, or by what is expected in closed form."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fedsky.client import Shard
from fedsky.client.behaviour import Behaviour
from fedsky.config import compose, resolve
from fedsky.config.known import settings
from fedsky.history.columns import CRASHED, LOST, OK
from fedsky.history.times import steps_of

NAMES = [f"owner {n}" for n in range(10)]


def begun(num: int = 10, seed: int = 0, directory: Path = Path(), images: Any = None, **settings: Any) -> Behaviour:
    behaviour = Behaviour(**settings)
    names = NAMES if num == 10 else [str(n) for n in range(num)]
    behaviour.begin(seed, images or [16 * (n + 1) for n in range(num)], names, directory)
    return behaviour


def away(behaviour: Behaviour, num_rounds: int, num: int = 10) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """[round, client], from round 1."""
    told = [[behaviour.why_away(r, client) is not None for client in range(num)] for r in range(1, num_rounds + 1)]
    return np.array(told)


def within(values: Any, expected: float, errors: float = 3.0) -> None:
    """Whether the mean of independent values is the expected one within three standard errors."""
    values = np.asarray(values, dtype=np.float64)
    assert abs(values.mean() - expected) <= errors * values.std(ddof=1) / math.sqrt(len(values))


def test_ideal_clients_are_those_of_the_defaults() -> None:
    config = resolve(compose([]))["clients"]
    assert (
        Behaviour().__dict__.keys() == Behaviour(**{k: v for k, v in config.items() if k != "_target_"}).__dict__.keys()
    )
    ideal = begun(**{key: value for key, value in config.items() if key != "_target_"})
    plain = begun()
    assert not away(ideal, 30).any()
    assert {ideal.fate(r, c).status for r in range(30) for c in range(10)} == {OK}
    assert [ideal.seconds(1, c, 7, 10**6, 10**6) for c in range(10)] == [
        plain.seconds(1, c, 7, 0, 0) for c in range(10)
    ]
    assert plain.seconds(1, 0, 7, 10**6, 10**6) == pytest.approx(0.7)
    assert "clients.crash" in settings()


def test_absence_by_chance_is_a_share_of_the_rounds_and_independent() -> None:
    told = away(begun(num=200, availability="bernoulli", away=0.3), 100, 200)
    within(told.mean(axis=1), 0.3)
    assert abs(np.corrcoef(told[1:].ravel(), told[:-1].ravel())[0, 1]) < 3 / math.sqrt(told[1:].size)


def test_bursts_have_the_two_state_chains_share_lengths_and_correlation() -> None:
    up, down, num = 8.0, 2.0, 400
    told = away(begun(num=num, availability="bursts", there_rounds=up, away_rounds=down), 200, num)
    within(told.mean(axis=0), down / (up + down))  # clients are independent, rounds are not
    within(told[0].astype(float), down / (up + down))  # from the first round on
    lengths = []
    for column in told.T:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], column.astype(int), [0]])))
        spans = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a > 0 and b < len(column)]
        lengths += [b - a for a, b in spans]
    within(lengths, down)
    again = 1 - 1 / up - 1 / down  # the chain's second eigenvalue
    assert np.corrcoef(told[1:].ravel(), told[:-1].ravel())[0, 1] == pytest.approx(again, abs=0.02)


def test_a_round_asked_for_alone_is_the_one_of_a_whole_run() -> None:
    asked: dict[str, Any] = {"availability": "bursts", "crash": 0.3, "lost": 0.3, "jitter": 0.5}
    whole, alone = begun(seed=5, **asked), begun(seed=5, **asked)
    first = [[whole.why_away(r, c) for c in range(10)] for r in range(1, 30)]
    assert [alone.why_away(29, c) for c in range(10)] == first[-1]
    assert [whole.fate(29, c) for c in range(10)] == [alone.fate(29, c) for c in range(10)]
    assert [whole.compute_seconds(29, c, 3) for c in range(10)] == [alone.compute_seconds(29, c, 3) for c in range(10)]
    more = begun(num=20, seed=5, **asked)  # others beside change nothing for client k
    assert [more.why_away(29, c) for c in range(10)] == first[-1]


def test_days_have_nights_of_one_length_at_hours_of_their_own() -> None:
    told = away(begun(num=100, availability="daily", away=0.25, day_rounds=24), 240, 100)
    assert (told.reshape(10, 24, 100).sum(axis=1) == 6).all()
    assert (told[:24] == told[24:48]).all()
    assert len({column.tobytes() for column in told[:24].T}) > 10


def test_a_trace_says_who_is_there_and_begins_anew(tmp_path: Path) -> None:
    lines = "client,first,last\nowner 1,1,2\nowner 1,4,4\n3,2,5\n"
    (tmp_path / "trace.csv").write_text(lines)
    told = away(begun(availability="trace", trace="trace.csv", directory=tmp_path), 10)
    assert [not gone for gone in told[:, 1]] == [True, True, False, True, False] * 2
    assert [not gone for gone in told[:, 3]] == [False, True, True, True, True] * 2
    assert not told[:, [0, 2, 4]].any()  # whom it does not name


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("client,round\n1,2\n", "its first line must be client,first,last"),
        ("client,first,last\n1,3,2\n", "line 2: whole rounds"),
        ("client,first,last\n1,x,2\n", "line 2: whole rounds"),
        ("client,first,last\nnobody,1,2\n", "line 2 names owner 'nobody'; there are owner 0"),
        ("client,first,last\n", "it names no client"),
        (None, "No such file"),
    ],
)
def test_a_trace_that_is_none_is_refused_in_one_line(tmp_path: Path, content: str | None, wrong: str) -> None:
    if content is not None:
        (tmp_path / "trace.csv").write_text(content)
    with pytest.raises(ValueError, match=f"trace.csv: .*{wrong}") as caught:
        begun(availability="trace", trace="trace.csv", directory=tmp_path)
    assert "\n" not in str(caught.value)


def test_owners_join_and_leave() -> None:
    told = away(begun(join={"owner 2": 3}, leave={"owner 4": 5, "2": 6}), 7)
    assert told[:, 2].tolist() == [True, True, False, False, False, True, True]
    assert told[:, 4].tolist() == [False] * 4 + [True] * 3
    assert told.sum() == 4 + 3
    behaviour = begun(join={"owner 2": 3}, leave={"owner 4": 5})
    assert [behaviour.why_away(1, 2), behaviour.why_away(5, 4)] == ["joins in round 3", "left in round 5"]


def test_seconds_are_steps_and_bytes() -> None:
    behaviour = begun(
        seconds_per_step=0.5, slowness={"owner 3": 4}, down_megabits=8.0, up_megabits=2.0, latency_seconds=0.25
    )
    # 10 steps of half a second, a megabyte down at a megabyte a second and half of one up at a quarter
    assert behaviour.seconds(1, 0, 10, 10**6, 500_000) == pytest.approx(0.25 + 1 + 5 + 0.25 + 2)
    assert behaviour.seconds(1, 3, 10, 10**6, 500_000) == pytest.approx(0.25 + 1 + 20 + 0.25 + 2)


def test_spreads_of_speed() -> None:
    zipf = begun(num=100, speed="zipf", speed_spread=10).slowness
    assert [zipf.min(), zipf.max()] == pytest.approx([1, 10])
    assert sorted(np.log(zipf)) == pytest.approx([0.5 * math.log(rank) for rank in range(1, 101)])
    images = begun(speed="images").slowness
    assert images * np.arange(1, 11) == pytest.approx([5.5] * 10)  # all take as long for a pass
    logs = np.log(begun(num=4000, speed="lognormal", speed_spread=10).slowness)
    within(logs, 0)
    assert np.quantile(logs, 0.975) - np.quantile(logs, 0.025) == pytest.approx(math.log(10), rel=0.08)


@pytest.mark.parametrize("kind", ["exponential", "lognormal"])
def test_the_slowest_of_n_is_as_slow_as_expected(kind: str) -> None:
    num, draws = 8, 400
    slowest = [begun(num=num, seed=seed, speed=kind, speed_spread=10).slowness.max() for seed in range(draws)]
    if kind == "exponential":
        expected = sum(1 / k for k in range(1, num + 1))  # the harmonic number
    else:  # E max = the integral of 1 - F^n
        x = np.linspace(1e-6, 60, 600_000)
        sigma = math.log(10) / (2 * 1.959964)
        below = torch.special.ndtr(torch.from_numpy(np.log(x) / sigma)).numpy()
        expected = float(torch.trapezoid(torch.from_numpy(1 - below**num), torch.from_numpy(x)))
    within(slowest, expected)


def test_jitter_has_a_mean_of_one_and_is_drawn_anew_each_round() -> None:
    behaviour = begun(num=50, jitter=0.4, seconds_per_step=1.0)
    drawn = np.array([[behaviour.compute_seconds(r, c, 1) for c in range(50)] for r in range(1, 81)])
    within(drawn.ravel(), 1.0)
    assert np.log(drawn).std() == pytest.approx(0.4, rel=0.05)
    assert len(np.unique(drawn)) == drawn.size


def test_crashes_and_losses_are_as_likely_as_said() -> None:
    behaviour = begun(num=100, crash=0.2, lost=0.25)
    fates = [behaviour.fate(r, c) for r in range(1, 101) for c in range(100)]
    within([fate.status == CRASHED for fate in fates], 0.2)
    within([fate.status == LOST for fate in fates], 0.8 * 0.25)
    within([fate.part for fate in fates if fate.status == CRASHED], 0.5)


def test_steps_are_those_of_a_shard() -> None:
    for size in (1, 2, 3, 16):
        for count in range(1, 70):
            shard = Shard.__new__(Shard)
            shard.indices = np.arange(count)
            assert steps_of(count, size) == len(shard.ends(size)), (count, size)
    assert begun().steps(1, local_epochs=3, batch_size=16) == 6


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"availability": "sometimes"}, "clients.availability=sometimes: choose always"),
        ({"availability": "trace"}, "clients.trace=null: name the CSV file"),
        ({"away": 1.5}, "clients.away=1.5"),
        ({"there_rounds": 0.5}, "clients.there_rounds=0.5"),
        ({"speed": "warp"}, "clients.speed=warp: choose"),
        ({"deadline_seconds": 0}, "clients.deadline_seconds=0"),
        ({"slowness": {"nobody": 2}}, "clients.slowness names owner 'nobody'"),
        ({"slowness": {"owner 1": 0}}, "clients.slowness of owner 1=0"),
        ({"slowness": 4}, "clients.slowness=4: write owners and values"),
        ({"join": {"owner 1": 0}}, "clients.join=0"),
        ({"up_megabits": 0}, "clients.up_megabits=0"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(asked: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as caught:
        begun(**asked)
    assert "\n" not in str(caught.value)
