"""Four questions that a reader comes with, answered in plain sentences for the groups of one context."""

from collections.abc import Sequence

import pandas as pd

from fedsky.language import _

from .. import words
from ..comparisons import Comparison
from ..groups import Group

METRIC = "balanced_accuracy"


def best(groups: Sequence[Group]) -> list[Group]:
    """The federated groups, the highest mean balanced accuracy first."""
    found = [(estimate.value, group) for group in groups if group.is_federated and (estimate := group.mean(METRIC))]
    return [group for _value, group in sorted(found, key=lambda pair: -pair[0])]


def answers(
    groups: Sequence[Group], comparisons: Sequence[Comparison], owners: pd.DataFrame
) -> list[tuple[str, list[str]]]:
    """The questions with the sentences that answer them; groups differ in nothing but the strategy."""
    order = best(groups)
    if not order:
        return []
    pairs = {frozenset((each.first.label, each.second.label)): each for each in comparisons}
    first = order[0]
    others = [*order[1:2], *(group for group in groups if group.is_alone)]
    found = (pairs.get(frozenset((first.label, other.label))) for other in others)
    return [
        (_("Which is best?"), _which(groups, order)),
        (_("Is the difference real?"), [sentence for each in found if each for sentence in _real(each)]
         or [_("There is nothing to hold it against.")]),
        (_("Who loses by joining?"), _losers(first, groups, owners)),
        (_("What does it cost in megabytes?"), [_megabytes(group) for group in order[:4]]),
    ]  # fmt: skip


def _which(groups: Sequence[Group], order: Sequence[Group]) -> list[str]:
    def told(group: Group) -> str:
        return f"{group.label} {words.percent_interval(group.mean(METRIC))}"

    first, n = told(order[0]), len(order)
    if n > 1:
        said = [_("Of {n} federated groups, {best} has the highest mean balanced accuracy.", n=n, best=first)]
    else:
        said = [_("{best} is the only federated group.", best=first)]
    if order[1:]:
        said.append(_("After it: {others}.", others="; ".join(map(told, order[1:4]))))
    for group in groups:
        if group.is_alone:
            said.append(_("Every owner alone (each model on its own owner's images): {group}.", group=told(group)))
        elif group.is_pooled:
            said.append(_("One model on everything pooled: {group}.", group=told(group)))
    return said


def _losers(best: Group, groups: Sequence[Group], owners: pd.DataFrame) -> list[str]:
    """The owners whom the best federated group serves worse than they serve themselves, by name."""
    alone = next((group for group in groups if group.is_alone), None)
    table = owners.pivot(index="client", columns="group", values="accuracy")
    if alone is None or best.label not in table or alone.label not in table:
        return [_("Unknown: no finished run of owners alone has the same settings.")]
    gains = (table[best.label] - table[alone.label]).dropna().sort_values(kind="stable")
    names = dict(zip(owners["client"], owners["owner"], strict=True))
    lost = gains[gains < -1e-9]
    if gains.empty:
        return [_("Unknown: no owner's accuracy is known in both.")]
    if lost.empty:
        return [_("Nobody: with {group}, none of the {n} owners does worse on its own test images than alone.",
                  group=best.label, n=len(gains))]  # fmt: skip
    told = ", ".join(_("{owner} ({points} points)", owner=names[client], points=words.fixed(100 * float(value)))
                     for client, value in lost.head(8).items())  # fmt: skip
    more = _(" and {n} more", n=len(lost) - 8) if len(lost) > 8 else ""
    return [_("With {group}, {n} of {all} owners do worse on their own test images than alone, mean over runs: "
              "{owners}{more}. {better} do better.", group=best.label, n=len(lost), all=len(gains), owners=told,
              more=more, better=int((gains > 1e-9).sum())),
            _("An owner's own test images are few: see n beside each owner below.")]  # fmt: skip


def _real(comparison: Comparison) -> list[str]:
    return [sentence for sentence in (words.over_runs(comparison), words.over_images(comparison)) if sentence]


def _megabytes(group: Group) -> str:
    runs = list(group.results.values())
    up, down = ([run.megabytes(name) for run in runs] for name in ("bytes_up", "bytes_down"))
    if any(value != value for value in (*up, *down)):
        return _("{group}: unknown, as not every round's bytes are.", group=group.label)
    total = words.fixed((sum(up) + sum(down)) / len(runs))
    return _("{group}: {total} MB a run over {rounds} rounds and all owners, {up} up to the server and {down} down.",
             group=group.label, total=total, rounds=max(run.last_round for run in runs),
             up=words.fixed(sum(up) / len(runs)), down=words.fixed(sum(down) / len(runs)))  # fmt: skip
