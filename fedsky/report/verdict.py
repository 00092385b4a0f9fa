"""Who gains by joining, in plain sentences: against staying alone, against pooling, and owner by owner."""

from collections.abc import Mapping, Sequence

import pandas as pd

from fedsky.language import N_, _, ngettext

from .comparisons import Comparison, Joining, joining
from .groups import Group
from .words import bounds, count, fixed, repeated


def sentences(groups: Sequence[Group]) -> list[tuple[str, str]]:
    """The verdict on each federated group of one context, whose settings differ in nothing but the strategy.

    A pair each: the numbers in one line, and the sentences with the intervals they rest on.
    """
    found = joining(groups)
    if not found:
        return [("", no_baseline(group.label)) for group in groups if group.is_federated]
    told = [(headline(each), f"{gain_words(each)} {loss_words(each)} {share_words(each)}".strip()) for each in found]
    return told + [("", text) for text in map(elsewhere_words, groups) if text]


def elsewhere_words(group: Group) -> str:
    """What owners' own models are worth on images of others, as a sentence; empty where there are no such models."""
    score = group.own_models_on_all_images()
    if score != score:
        return ""
    return _("Each owner's own model ({label}) is judged on that owner's images, whose mixture of labels it has "
             "learned; on everyone's test images these models reach {percent} % on average.",
             label=group.label, percent=fixed(100 * score))  # fmt: skip


def headline(finding: Joining) -> str:
    """The numbers in one line, in doubt unless every interval leaves out 0.

    fedavg: +8.2 points by joining, -3.1 points against pooling, 72 % of the gap closed.
    """
    parts = []
    for comparison, sign, joins in ((finding.gain, 1, True), (finding.loss, -1, False)):
        estimate = comparison and (comparison.runs or comparison.images)
        if comparison and estimate:
            value = 100 * sign * estimate.value
            known = [each for each in (comparison.runs, comparison.images) if each and each.low is not None]
            sure = bool(known) and all(each.distinguishable for each in known)
            points = f"{'+' if value > 1e-7 else ''}{fixed(value)}"
            text = (
                _("{points} points by joining", points=points)
                if joins
                else _("{points} points against pooling", points=points)
            )
            parts.append(text if sure else _("{finding} (not distinguishable)", finding=text))
    if finding.share is not None:
        parts.append(_("{percent} % of the gap closed", percent=fixed(100 * finding.share.value, 0)))
    listed = _(", ").join(parts)
    return _("{label}: {findings}.", label=finding.federated.label, findings=listed) if parts else ""


def _evidence(comparison: Comparison, sign: int) -> str:
    parts = []
    if comparison.runs is not None:
        over = repeated(comparison.runs, comparison.repetitions.unit)
        interval = bounds(comparison.runs.scaled(sign), _("no interval"))
        parts.append(_("{interval} over {repetitions}", interval=interval, repetitions=over))
    if comparison.images is not None:
        over = count(comparison.images.n, "test image")
        interval = bounds(comparison.images.scaled(sign), _("too few in a class for an interval"))
        parts.append(_("{interval} over {repetitions}", interval=interval, repetitions=over))
    return _("; ").join(parts)


# What a difference means, by its sign; the label and the points are filled in.
GAIN = {
    1: N_("Joining ({label}) gains {points} points of balanced accuracy against staying alone"),
    -1: N_("Joining ({label}) loses {points} points of balanced accuracy against staying alone"),
    0: N_("Joining ({label}) changes nothing in balanced accuracy against staying alone"),
}
LOSS = {
    1: N_("Not pooling the images ({label}) costs {points} points of balanced accuracy against pooled training"),
    -1: N_("Not pooling the images ({label}) gains {points} points of balanced accuracy against pooled training"),
    0: N_("Not pooling the images ({label}) changes nothing in balanced accuracy against pooled training"),
}


def _told(comparison: Comparison | None, meaning: Mapping[int, str], label: str) -> str | None:
    """A sentence on a comparison with the intervals it rests on; None where there is nothing to compare."""
    known = [each for each in (comparison.runs, comparison.images) if each] if comparison else []
    if not known or comparison is None:
        return None
    value = known[0].value
    sign = 0 if abs(value) < 1e-9 else 1 if value > 0 else -1
    return _("{change} ({evidence}): {verdict}.",
             change=_(meaning[sign], label=label, points=fixed(100 * abs(value))),
             evidence=_evidence(comparison, sign or 1), verdict=_judged(comparison, sign or 1))  # fmt: skip


def _judged(comparison: Comparison, sign: int) -> str:
    """Over which of the two chances a difference can be told from nothing."""
    both = {"runs": comparison.runs, "images": comparison.images}
    ends = {name: each.scaled(sign).low for name, each in both.items() if each and each.low is not None}
    clear = [name for name, low in ends.items() if low is not None and low > 0]
    if not ends:
        return _("too little to tell it from chance")
    if len(clear) == len(ends):
        return _("distinguishable from nothing")
    if clear == ["runs"]:
        return _("distinguishable from nothing over runs only")
    if clear == ["images"]:
        return _("distinguishable from nothing over test images only")
    return _("not distinguishable from nothing")


def gain_words(finding: Joining) -> str:
    """What an owner gains by joining, as a sentence."""
    label = finding.federated.label
    return _told(finding.gain, GAIN, label) or _(
        "Joining ({label}): the gain is unknown, as no finished run of owners alone has the same settings and seeds.",
        label=label,
    )


def loss_words(finding: Joining) -> str:
    """What is lost against pooling all images, as a sentence."""
    label = finding.federated.label
    return _told(finding.loss, LOSS, label) or _(
        "Not pooling the images ({label}): the cost is unknown, as no finished run of pooled training has the same "
        "settings and seeds.",
        label=label,
    )


def share_words(finding: Joining) -> str:
    """The share of the gap between alone and pooled that is closed, as a sentence."""
    if finding.gain is None or finding.loss is None:
        return ""
    if finding.share is None:
        return _("The gap between alone and pooled is not shown to lie above 0, so no share of it is given.")
    share = finding.share
    interval = _("no bounded interval")
    if share.low is not None and share.high is not None:
        low, high = fixed(100 * share.low, 0), fixed(100 * share.high, 0)
        interval = _("95 % interval {low} to {high}", low=low, high=high)
    return _("{label} closes {percent} % of the gap between alone and pooled ({interval} over {images}).",
             label=finding.federated.label, percent=fixed(100 * share.value, 0), interval=interval,
             images=count(share.n, "test image"))  # fmt: skip


def no_baseline(label: str) -> str:
    """What cannot be said of a federated group without a group to hold it against."""
    return _("{label}: no finished run alone (local) or pooled (centralized) with the same settings to hold it "
             "against.", label=label)  # fmt: skip


def owner_gains(table: pd.DataFrame, groups: Sequence[Group]) -> list[str]:
    """How many owners each federated group serves better, alike and worse than they serve themselves."""
    wide = table.pivot(index="client", columns="group", values="accuracy")
    names = dict(zip(table["client"], table["owner"], strict=True))
    alone = next((group.label for group in groups if group.is_alone and group.label in wide), None)
    found = []
    for group in groups:
        if alone is None or not group.is_federated or group.label not in wide:
            continue
        gains = (wide[group.label] - wide[alone]).dropna()
        if gains.empty:
            continue
        better = ngettext("With {label}, {n} owner of {all} does better than alone and {worse} worse",
                          "With {label}, {n} owners of {all} do better than alone and {worse} worse",
                          int((gains > 1e-9).sum()), label=group.label, all=len(gains),
                          worse=int((gains < -1e-9).sum()))  # fmt: skip
        if gains.min() < -1e-9:
            better = _("{finding}, most of all {owner} by {points} points", finding=better,
                       owner=names[gains.idxmin()], points=fixed(-100 * float(gains.min())))  # fmt: skip
        found.append(_("{finding}.", finding=better))
    return found
