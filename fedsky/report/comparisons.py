"""Two groups of a kind against each other, over runs and over test images, and what an owner gains by joining."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fedsky.language import _

from . import statistics
from .groups import Group, Kind, repetitions
from .results import Key
from .statistics import Estimate, Floats, Repetitions

# Beyond this many groups a pair is compared only where nothing but the strategy differs: the rest says little.
MANY = 30


@dataclass(frozen=True)
class Comparison:
    """first minus second in the last round's metric (a fraction, or a loss).

    runs: over shared runs, the seed's chance; images: over the shared test images (balanced accuracy alone). p, p_holm
    and effect_size belong to ``runs``; p_holm counts the ``family`` tests that were made together.
    """

    first: Group
    second: Group
    runs: Estimate | None
    images: Estimate | None
    p: float | None = None
    effect_size: float | None = None
    p_holm: float | None = None
    family: int = 1
    metric: str = "balanced_accuracy"

    @property
    def repetitions(self) -> Repetitions:
        """What the pairs of runs repeat."""
        return pair_repetitions(self.first, self.second)


@dataclass(frozen=True)
class Joining:
    """What one federated group gains over alone, loses against pooled, and the share of that gap it closes."""

    federated: Group
    gain: Comparison | None
    loss: Comparison | None
    share: Estimate | None


def pair_repetitions(first: Group, second: Group) -> Repetitions:
    """What of the runs that both groups have is independent; of the two shares of images the larger counts."""
    shared = [key for key in first.results if key in second.results]
    ours, theirs = (repetitions({key: group.results[key] for key in shared}) for group in (first, second))
    return replace(ours, shared=max(ours.shared, theirs.shared, key=lambda share: (share != share, share)))


def _judged(group: Group) -> set[Key]:
    return {key for key, result in group.results.items() if result.predictions is not None}


def shared_correctness(groups: Sequence[Group]) -> tuple[Floats, NDArray[np.str_]]:
    """How often each group judged each test image rightly: (n, groups) in [0, 1] and the n labels.

    Only repetitions that all groups share count; an image is averaged over those in which it was tested.
    """
    tables = []
    for key in sorted(set.intersection(*map(_judged, groups))):
        results = [group.results[key] for group in groups]
        frames = [result.predictions for result in results if result.predictions is not None]
        table = pd.concat([frame["correct"] for frame in frames], axis=1, keys=range(len(groups)), join="inner")
        table["label"], table["draw"] = frames[0]["label"], results[0].fingerprint
        tables.append(table.rename_axis("image").reset_index())
    if not tables:
        return np.empty((0, len(groups))), np.empty(0, dtype=np.str_)
    images = pd.concat(tables).groupby(["draw", "image", "label"], as_index=False).mean()
    return images[list(range(len(groups)))].to_numpy(float), images["label"].to_numpy(np.str_)


def compare(first: Group, second: Group, metric: str = "balanced_accuracy") -> Comparison:
    """The difference of two groups, not corrected for any other comparison."""
    return compare_pairs([(first, second)], metric)[0]


def compare_pairs(pairs: Sequence[tuple[Group, Group]], metric: str = "balanced_accuracy") -> list[Comparison]:
    """The differences of several pairs as one family of tests, whose p-values are corrected for their number."""
    tests = [statistics.paired_test(first.finals(metric), second.finals(metric), pair_repetitions(first, second))
             for first, second in pairs]  # fmt: skip
    adjusted = statistics.holm([test.p if test else None for test in tests])
    family = sum(p is not None for p in adjusted)
    images = _over_images(pairs) if metric == "balanced_accuracy" else [None] * len(pairs)
    return [
        Comparison(*pair, test.difference, over_images, test.p, test.effect_size, p_holm, family, metric)
        if test else Comparison(*pair, None, over_images, metric=metric)
        for pair, test, p_holm, over_images in zip(pairs, tests, adjusted, images, strict=True)
    ]  # fmt: skip


def _over_images(pairs: Sequence[tuple[Group, Group]]) -> list[Estimate | None]:
    """The difference over shared test images of each pair; pairs that share the same runs share the resamples."""
    alike: dict[frozenset[Key], list[int]] = {}
    for number, (first, second) in enumerate(pairs):
        alike.setdefault(frozenset(_judged(first) & _judged(second)), []).append(number)
    found: list[Estimate | None] = [None] * len(pairs)
    for numbers in alike.values():
        groups = list(dict.fromkeys(group for number in numbers for group in pairs[number]))
        place = {group: column for column, group in enumerate(groups)}
        columns = [(place[pairs[number][0]], place[pairs[number][1]]) for number in numbers]
        estimates = statistics.image_differences(*shared_correctness(groups), columns)
        for number, estimate in zip(numbers, estimates, strict=True):
            found[number] = estimate
    return found


def pairs_of(kind: Kind, baseline: str | None = None) -> list[tuple[Group, Group]]:
    """The pairs to compare: each group with its baseline, or all with each other, the later of the page's order first.

    Of many groups, only those that differ in nothing but the strategy.
    """
    if baseline is not None:
        against = ((group, baseline_of(group, kind.groups, baseline)) for group in kind.groups)
        return [(group, other) for group, other in against if other is not None and other is not group]
    sets: Iterable[list[Group]] = [kind.groups] if len(kind.groups) <= MANY else kind.contexts.values()
    return [(second, first) for groups in sets for first, second in combinations(groups, 2)]


def baseline_of(group: Group, groups: Sequence[Group], name: str) -> Group | None:
    """The group of that name, or else the one of that strategy whose other settings are this group's."""
    exact = [other for other in groups if other.label == name]
    alike = [other for other in groups if other.strategy == name and other.context == group.context]
    return next(iter(exact or alike), None)


def check_baseline(kinds: Sequence[Kind], name: str) -> None:
    """ValueError, with near matches, if no group has that name or strategy."""
    names = {known for kind in kinds for group in kind.groups for known in (group.label, group.strategy)}
    if name not in names:
        near = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.5) or sorted(names)[:5]
        raise ValueError(_("baseline={name} is no group: choose {names}", name=name, names=" / ".join(near)))


def compare_all(kind: Kind, baseline: str | None = None, metric: str = "balanced_accuracy") -> list[Comparison]:
    """The pairs of a kind as one family of tests; computed once."""
    if (baseline, metric) not in kind.compared:
        kind.compared[baseline, metric] = compare_pairs(pairs_of(kind, baseline), metric)
    found: list[Comparison] = kind.compared[baseline, metric]
    return found


def joining(groups: Sequence[Group]) -> list[Joining]:
    """For each federated group of one context: its gain over alone and its loss against pooled training."""
    alone = next((group for group in groups if group.is_alone), None)
    pooled = next((group for group in groups if group.is_pooled), None)
    federated = [group for group in groups if group.is_federated and (alone or pooled)]
    pairs = [(group, alone) for group in federated if alone] + [(pooled, group) for group in federated if pooled]
    gap = [(pooled, alone)] if federated and alone and pooled else []
    told = {(each.first, each.second): each for each in compare_pairs([*pairs, *gap])}
    shares = _shares(federated, told[gap[0]]) if gap else dict.fromkeys(federated)
    return [
        Joining(group, told[group, alone] if alone else None, told[pooled, group] if pooled else None, shares[group])
        for group in federated
    ]


def _shares(federated: Sequence[Group], gap: Comparison) -> dict[Group, Estimate | None]:
    """The share of the gap that each group closes; None where the gap itself is not shown to lie above 0."""
    found: dict[Group, Estimate | None] = dict.fromkeys(federated)
    if gap.runs and gap.runs.low is not None and gap.runs.low <= 0:
        return found
    pooled, alone = gap.first, gap.second
    alike: dict[frozenset[Key], list[Group]] = {}
    for group in federated:
        alike.setdefault(frozenset(_judged(group) & _judged(alone) & _judged(pooled)), []).append(group)
    for members in alike.values():
        correct, labels = shared_correctness([alone, *members, pooled])
        columns = range(1, len(members) + 1)
        found |= zip(members, statistics.shares_closed(correct, labels, 0, columns, len(members) + 1), strict=True)
    return found
