"""Who gains by joining, in plain sentences: against staying alone, against pooling, and owner by owner."""

import math

from fedsky.language import _

from .comparisons import Joining, compare_all, joining
from .differences import PAIRED
from .groups import ComparableGroups, Group, test_share
from .words import count, fixed, judgement, sentence, signed

FOLDS, DATA_SEEDS = 5, 3  # what is advised where a single split is all


def sentences(kind: ComparableGroups) -> list[tuple[str, str, str]]:
    """The verdict on each federated group, with the context that it holds for.

    Context, the numbers in one line, and the sentences with their intervals; groups of a context differ in nothing but
    the strategy.
    """
    found = {each.federated: each for each in joining(kind)}
    told = []
    for context, groups in kind.contexts.items():
        for group in groups:
            if group in found:
                each = found[group]
                told.append((context, headline(each), " ".join(filter(None, _sentences(each)))))
            elif group.is_federated:
                told.append((context, "", no_baseline(group.label)))
        told += [(context, "", text) for text in map(elsewhere_words, groups) if text]
    return told


def _sentences(finding: Joining) -> list[str]:
    gain, pooled = finding.gain, finding.pooled
    return [
        sentence(gain, second=_("training alone ({label})", label=gain.second.label))
        if gain
        else _(
            "{label}: what joining gains is unknown, as no finished run of owners alone has the same settings.",
            label=finding.federated.label,
        ),
        sentence(pooled, second=_("pooled training ({label})", label=pooled.second.label))
        if pooled
        else _(
            "{label}: what pooling would gain is unknown, as no finished run of it has the same settings.",
            label=finding.federated.label,
        ),
        share_words(finding),
    ]


def scope(kind: ComparableGroups) -> list[str]:
    """What the intervals of a kind are about, and where that is little, what would tell more."""
    found = [each for each in compare_all(kind) if each.difference is not None]
    if not found:
        return []
    if max(each.splits for each in found) < 2:
        photographs = max(each.difference.photographs for each in found if each.difference)
        told = [
            _(
                "Every run was tested on the same {photographs}: the intervals are about these trained models and "
                "photographs like those, and say nothing of the strategies on other training photographs.",
                photographs=count(photographs, "photograph"),
            )
        ]
        if any(each.pairing != PAIRED for each in found):
            told = [
                _(
                    "Settings that cut the photographs anew were each tested on one split of their own: the "
                    "intervals are about these trained models and photographs like those, and say nothing of the "
                    "strategies on other training photographs."
                )
            ]
        if not photographs:
            told = [
                _(
                    "What single photographs were taken for is not known of these runs: an interval is over seeds "
                    "alone, and says nothing of other photographs."
                )
            ]
        return told + _advice(kind)
    told = [
        _(
            "The intervals hold what other photographs, other seeds and other splits would change, all at once; near "
            "duplicates count as one photograph. What is planned (each federation against training alone and against "
            "pooled training) is one family of comparisons, whose intervals hold together; all other pairs are a "
            "second, exploratory one."
        )
    ]
    if max(each.seeds for each in found) < 2:
        told.append(
            _(
                "With one seed, what training's chance does is taken from how the splits differ: it is known "
                "better with seed=0,1,2."
            )
        )
    return told


def _advice(kind: ComparableGroups) -> list[str]:
    """How much narrower the intervals would get with more splits.

    The variance of k folds that test every photograph is that of one, divided by k and widened by what they share; of
    data_seeds, by how many more photographs they test.
    """
    results = {key: result for group in kind.groups for key, result in group.results.items()}
    shared = test_share(results)
    if math.isnan(shared) or not all(result.is_cut_anew for result in results.values()):
        return []
    counts = next(iter(results.values())).num_images
    tested = counts["test"] / sum(counts.values())
    seeds = (1 - (1 - tested) ** DATA_SEEDS) / tested
    folds, draws = (100 * (1 - math.sqrt((1 + shared) / many)) for many in (FOLDS, seeds))
    if min(folds, draws) <= 0:
        return []
    return [
        _(
            "To speak of the strategies, repeat on other splits: data.fold={folds} would make the intervals about "
            "{fold_percent} % narrower, data_seed=0,1,2 about {seed_percent} %.",
            folds=",".join(f"{number}/{FOLDS}" for number in range(1, FOLDS + 1)),
            fold_percent=f"{folds:.0f}",
            seed_percent=f"{draws:.0f}",
        )
    ]


def elsewhere_words(group: Group) -> str:
    """What owners' own models are worth on images of others, as a sentence; empty where there are no such models."""
    score = group.own_models_on_all_images()
    if score != score:
        return ""
    return _(
        "Each owner's own model ({label}) is judged on that owner's images, whose mixture of labels it has "
        "learned; on everyone's test images these models reach {percent} % on average.",
        label=group.label,
        percent=fixed(100 * score),
    )


def headline(finding: Joining) -> str:
    """The numbers in one line, each with its verdict unless it is shown.

    fedavg: +8.2 points by joining, -3.1 points against pooling (not shown), 72 % of the gap closed.
    """
    parts = []
    for comparison, joins in ((finding.gain, True), (finding.pooled, False)):
        if comparison is not None and comparison.difference is not None:
            points = signed(100 * comparison.difference.value)
            text = (
                _("{points} points by joining", points=points)
                if joins
                else _("{points} points against pooling", points=points)
            )
            parts.append(
                text if comparison.is_shown else _("{finding} ({verdict})", finding=text, verdict=judgement(comparison))
            )
    if finding.share is not None:
        parts.append(_("{percent} % of the gap closed", percent=fixed(100 * finding.share.value, 0)))
    listed = _(", ").join(parts)
    return _("{label}: {findings}.", label=finding.federated.label, findings=listed) if parts else ""


def share_words(finding: Joining) -> str:
    """The share of the gap between alone and pooled that is closed, as a sentence."""
    if finding.gain is None or finding.pooled is None:
        return ""
    if finding.share is None:
        return _("The gap between alone and pooled is not shown to lie above 0, so no share of it is given.")
    share = finding.share
    interval = _("no bounded interval")
    if share.low is not None and share.high is not None:
        low, high = fixed(100 * share.low, 0), fixed(100 * share.high, 0)
        interval = _("95 % interval {low} to {high}", low=low, high=high)
    return _(
        "{label} closes {percent} % of the gap between alone and pooled ({interval}).",
        label=finding.federated.label,
        percent=fixed(100 * share.value, 0),
        interval=interval,
    )


def no_baseline(label: str) -> str:
    """What cannot be said of a federated group without a group to hold it against."""
    return _(
        "{label}: no finished run alone (local) or pooled (centralized) with the same settings to hold it against.",
        label=label,
    )
