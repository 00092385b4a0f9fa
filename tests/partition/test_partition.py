"""What every partition keeps, and that what it advises when it refuses does work."""

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fedsky.checks import shown
from fedsky.partition import (
    Indices,
    Partition,
    contiguous,
    cut,
    dirichlet,
    dirichlet_in_turn,
    dirichlet_label,
    dirichlet_quantity,
    iid,
    label_quantity,
    label_table,
    noise,
    quantity,
    quantity_lognormal,
    shards,
)

SETTINGS = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**31)
labels_of = st.lists(st.integers(0, 2), min_size=20, max_size=150).map(lambda values: np.array(values, dtype=np.int64))
clients = st.integers(1, 10)
DRAWN: list[Partition] = [
    iid,
    partial(dirichlet, alpha=0.3),
    partial(dirichlet_in_turn, alpha=0.3),
    shards,
    partial(quantity, alpha=5.0, smallest=1),
    partial(quantity_lognormal, sigma=0.5, smallest=1),
    partial(dirichlet_label, alpha=5.0, smallest=1),
    partial(dirichlet_label, alpha=1.0, smallest=1, balance=True),
    label_quantity,
    partial(noise, sigma=0.1),
    partial(dirichlet_quantity, alpha=0.3, quantity_alpha=5.0, smallest=1),
]
partitions = st.sampled_from(
    [*DRAWN, contiguous, partial(dirichlet, alpha=1e-5), partial(label_quantity, num_classes=2)]
)
TWO = np.arange(200) % 2


def sizes(cuts: list[Indices]) -> list[int]:
    return [len(shard) for shard in cuts]


def try_cut(labels: Indices, num: int, partition: Partition, seed: int) -> list[Indices]:
    try:
        return cut(labels, num, partition, seed, 1)
    except ValueError:
        assume(False)
        raise


@SETTINGS
@given(labels_of, clients, partitions, seeds)
def test_shards_are_disjoint_sorted_and_complete(labels: Indices, num: int, partition: Partition, seed: int) -> None:
    cuts = try_cut(labels, num, partition, seed)
    assert len(cuts) == num
    np.testing.assert_array_equal(np.sort(np.concatenate(cuts)), np.arange(len(labels)))
    assert all(np.all(np.diff(shard) > 0) for shard in cuts)


@SETTINGS
@given(labels_of, clients, partitions, seeds)
def test_the_same_seed_is_the_same_cut(labels: Indices, num: int, partition: Partition, seed: int) -> None:
    cuts = try_cut(labels, num, partition, seed)
    assert all(map(np.array_equal, cuts, try_cut(labels, num, partition, seed)))


@pytest.mark.parametrize("partition", DRAWN)
def test_another_seed_is_another_cut(partition: Partition) -> None:
    one, other = cut(TWO, 4, partition, 0, 1), cut(TWO, 4, partition, 1, 1)
    assert not all(map(np.array_equal, one, other))


@SETTINGS
@given(labels_of, clients, st.integers(1, 12), partitions, seeds)
def test_min_examples_are_kept_or_refused_with_a_setting_that_works(
    labels: Indices, num: int, least: int, partition: Partition, seed: int
) -> None:
    try:
        cuts = cut(labels, num, partition, seed, least)
    except ValueError as error:
        message = str(error)
        if message.endswith("allow no client"):
            assert len(labels) < least
        elif most := re.search(r"allow 1 to (\d+) clients", message):
            assert int(most[1]) == len(labels) // least < num
        elif lower := re.search(r"set it to (\d+) or less", message):
            assert min(sizes(cut(labels, num, partition, seed, int(lower[1])))) == int(lower[1])
        else:
            assert re.match(r"partition\.(alpha|quantity_alpha|sigma|num_classes|per_client)=", message)
    else:
        assert min(sizes(cuts)) >= least


def test_shards_that_leave_a_client_too_few_advise_a_min_examples_that_works() -> None:
    labels = np.arange(100) % 2
    with pytest.raises(ValueError, match=r"a client would get 9 images, .*min_examples=10: set it to 9 or less"):
        cut(labels, 10, partial(shards, per_client=3), 0, 10)
    assert min(sizes(cut(labels, 10, partial(shards, per_client=3), 0, 9))) == 9


@SETTINGS
@given(labels_of, clients, seeds, st.sampled_from([iid, partial(dirichlet, alpha=0.1), partial(dirichlet, alpha=1e6)]))
def test_iid_and_dirichlet_sizes_differ_by_one_at_most(
    labels: Indices, num: int, seed: int, partition: Partition
) -> None:
    assert np.ptp(sizes(cut(labels, num, partition, seed, 1))) <= 1


@SETTINGS
@given(labels_of, clients, seeds)
def test_iid_gives_everyone_the_same_label_counts_give_or_take_one(labels: Indices, num: int, seed: int) -> None:
    counts = np.array([label_table(labels, shard, 3) for shard in cut(labels, num, iid, seed, 1)])
    assert np.ptp(counts, axis=0).max() <= 1


def majority(cuts: list[Indices], labels: Indices) -> list[float]:
    """Each client's share of its most frequent class."""
    return [max(label_table(labels, shard, 3)) / len(shard) for shard in cuts]


@pytest.mark.parametrize("seed", range(3))
def test_dirichlet_with_large_alpha_is_nearly_iid(seed: int) -> None:
    labels = np.arange(2000) % 2
    # Who comes last gets what the others' 1600 draws left: 5 points of standard deviation.
    assert max(majority(cut(labels, 5, partial(dirichlet, alpha=1e6), seed, 1), labels)) < 0.7
    assert max(majority(cut(labels, 5, partial(dirichlet_in_turn, alpha=1e6), seed, 1), labels)) < 0.6


@pytest.mark.parametrize("alpha", [0.01, 1e-4, 1e-300])
def test_dirichlet_with_small_alpha_is_nearly_one_class_a_client(alpha: float) -> None:
    labels = np.arange(1000) % 2
    # Balanced classes and equal sizes: where more clients want one class than there is of it, these share the rest.
    shares = np.array(
        [majority(cut(labels, 10, partial(dirichlet, alpha=alpha), seed, 10), labels) for seed in range(8)]
    )
    assert shares.mean() > 0.8
    assert (shares > 0.99).sum(axis=1).mean() > 3
    assert (shares > 0.6).all(axis=1).mean() > 0.5


@SETTINGS
@given(st.lists(st.integers(0, 5), min_size=60, max_size=150), st.integers(1, 6), st.integers(1, 4), seeds)
def test_shards_hold_few_classes(values: list[int], num: int, per_client: int, seed: int) -> None:
    labels = np.array(values, dtype=np.int64)
    counts = np.bincount(labels)
    # A run no longer than the rarest class crosses one border of two classes at most.
    assume(-(-len(labels) // (per_client * num)) <= counts[counts > 0].min())
    for shard in cut(labels, num, partial(shards, per_client=per_client), seed, 1):
        assert len(set(labels[shard])) <= 2 * per_client


@pytest.mark.parametrize(("num", "per_client"), [(5, 2), (10, 1), (15, 2)])
def test_shards_no_longer_than_a_class_hold_at_most_per_client_classes(num: int, per_client: int) -> None:
    labels = np.arange(300) % 10  # runs of 30, 30 and 10 images never cross a border
    for seed in range(10):
        for shard in cut(labels, num, partial(shards, per_client=per_client), seed, 1):
            assert len(set(labels[shard])) <= per_client


@pytest.mark.parametrize(("alpha", "num", "least"), [(0.01, 5, 10), (0.1, 15, 10), (0.3, 20, 9), (0.001, 10, 20)])
@pytest.mark.slow
def test_quantity_refuses_too_small_an_alpha_with_one_that_works(alpha: float, num: int, least: int) -> None:
    for seed in range(4):
        with pytest.raises(ValueError, match=f"partition.alpha={alpha} .*smallest feasible alpha") as raised:
            cut(TWO, num, partial(quantity, alpha=alpha, smallest=least), seed, least)
        feasible = float(str(raised.value).rsplit(" ", 1)[1])
        cuts = cut(TWO, num, partial(quantity, alpha=feasible, smallest=least), seed, least)
        assert min(sizes(cuts)) >= least


def test_quantity_that_no_alpha_allows_advises_fewer_clients() -> None:
    with pytest.raises(ValueError, match="ask for fewer clients"):
        quantity(TWO, 30, np.random.default_rng(0), alpha=1e7, smallest=10)


def test_quantity_has_unlike_sizes_and_alike_labels() -> None:
    labels = np.arange(3000) % 2
    cuts = cut(labels, 4, partial(quantity, alpha=0.5, smallest=100), 0, 100)
    assert max(sizes(cuts)) > 2 * min(sizes(cuts))
    assert max(majority(cuts, labels)) < 0.65


@pytest.mark.parametrize("num", [0, -1, 21, 10000])
def test_an_impossible_number_of_clients_names_the_possible_ones(num: int) -> None:
    with pytest.raises(ValueError, match=f"num_clients={num}: 200 images .*min_examples=10 allow 1 to 20 clients"):
        cut(TWO, num, iid, 0, 10)


@pytest.mark.parametrize("alpha", [0, -1, float("nan"), float("inf"), True, "abc", None])
@pytest.mark.parametrize("partition", [dirichlet, partial(dirichlet_label, smallest=1), partial(quantity, smallest=1)])
def test_an_alpha_that_is_none_is_refused(partition: Callable[..., list[Indices]], alpha: float) -> None:
    with pytest.raises(ValueError, match=f"partition.alpha={shown(alpha)}: a number above 0"):
        cut(TWO, 4, partial(partition, alpha=alpha), 0, 1)


@pytest.mark.parametrize("per_client", [0, -2, 51, 1.5, "abc"])
def test_a_number_of_shards_that_is_none_is_refused(per_client: int) -> None:
    with pytest.raises(ValueError, match=f"partition.per_client={per_client}: .* 1 to 50"):
        cut(TWO, 4, partial(shards, per_client=per_client), 0, 1)


def test_partition_needs_numpy_only() -> None:
    code = """
import sys
for name in ("torch", "torchvision", "flwr", "ray", "hydra", "omegaconf", "pandas", "scipy", "PIL"):
    sys.modules[name] = None
from fedsky import partition
print(partition.iid.__name__)
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("iid", "")
