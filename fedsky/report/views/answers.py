"""Four questions that a reader comes with, answered in plain sentences for the groups of one context."""

from collections.abc import Mapping, Sequence

from fedsky.language import _

from .. import tables, verdict, words
from ..blocks import Answers, Block, Section, Text
from ..comparisons import WORSE, Comparison, by_owner
from ..groups import Group
from ..subject import MOST_CONTEXTS, Subject

PLACE = 10
METRIC = "balanced_accuracy"


def best(groups: Sequence[Group]) -> list[Group]:
    """The federated groups, the highest mean balanced accuracy first."""
    found = [(estimate.value, group) for group in groups if group.is_federated and (estimate := group.mean(METRIC))]
    return [group for _value, group in sorted(found, key=lambda pair: -pair[0])]


def answers(
    groups: Sequence[Group], comparisons: Sequence[Comparison], names: Mapping[int, str]
) -> list[tuple[str, list[str]]]:
    """The questions with the sentences that answer them; groups differ in nothing but the strategy.

    names: of the owners, by client.
    """
    order = best(groups)
    if not order:
        return []
    pairs = {frozenset((each.first.label, each.second.label)): each for each in comparisons}
    first = order[0]
    others = [*(group for group in groups if group.is_alone or group.is_pooled), *order[1:2]]
    found = (pairs.get(frozenset((first.label, other.label))) for other in others)
    return [
        (_("Which is best?"), _which(groups, order)),
        (_("Is the difference real?"), [words.sentence(each) for each in found if each]
         or [_("There is nothing to hold it against.")]),
        (_("Who loses by joining?"), _losers(first, groups, names)),
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


def _losers(best: Group, groups: Sequence[Group], names: Mapping[int, str]) -> list[str]:
    """The owners of whom it is shown that the best federated group serves them worse than they serve themselves."""
    alone = next((group for group in groups if group.is_alone), None)
    if alone is None:
        return [_("Unknown: no finished run of owners alone has the same settings.")]
    told = by_owner(best, alone)
    if not told:
        return [_("Unknown: what single test photographs were taken for is not known of both.")]
    lost = [(client, 100 * each.difference.value) for client, each in told.items()
            if each.verdict == WORSE and each.difference]  # fmt: skip
    owned = verdict.own_photographs(told)
    if not lost:
        return [_("With {group}, none of the {n} owners is shown to do worse on its own test photographs than alone.",
                  group=best.label, n=len(told)), owned]  # fmt: skip
    listed = ", ".join(_("{owner} ({points} points)", owner=names.get(client, client), points=words.fixed(points))
                       for client, points in sorted(lost, key=lambda pair: pair[1])[:8])  # fmt: skip
    more = _(" and {n} more", n=len(lost) - 8) if len(lost) > 8 else ""
    return [_("With {group}, {n} of {all} owners are shown to do worse on their own test photographs than alone: "
              "{owners}{more}.", group=best.label, n=len(lost), all=len(told), owners=listed, more=more),
            owned]  # fmt: skip


def _megabytes(group: Group) -> str:
    runs = list(group.results.values())
    up, down = ([run.megabytes(name) for run in runs] for name in ("bytes_up", "bytes_down"))
    if any(value != value for value in (*up, *down)):
        return _("{group}: unknown, as not every round's bytes are.", group=group.label)
    total = words.fixed((sum(up) + sum(down)) / len(runs))
    return _("{group}: {total} MB a run over {rounds} rounds and all owners, {up} up to the server and {down} down.",
             group=group.label, total=total, rounds=max(run.last_round for run in runs),
             up=words.fixed(sum(up) / len(runs)), down=words.fixed(sum(down) / len(runs)))  # fmt: skip


def section(about: Subject) -> Section | None:
    """The four answers, context by context, then the verdict on each federated group."""
    kind, blocks = about.kind, list[Block]()
    contexts = list(kind.contexts.items())
    for context, groups in contexts[:MOST_CONTEXTS]:
        owners = tables.owners_table(kind, groups)
        names = dict(zip(owners["client"], owners["owner"], strict=True))
        found = answers(groups, about.comparisons, names)
        if found:
            blocks.append(Answers(context, found))
    told = [f"{headline} {sentence}".strip() for _context, headline, sentence in verdict.sentences(kind)]
    if not any(group.is_federated for group in kind.groups):
        told = [_("No federated run: nothing to say about joining.")]
    many = len(told) > 12
    blocks.append(Text(told, _("All {n} verdicts", n=len(told)) if many else "", _("What joining is worth")))
    if rests := verdict.scope(kind):
        blocks.append(Text(rests, "", _("What the intervals are about")))
    lead = ""
    if len(contexts) > MOST_CONTEXTS:
        lead = _("The first {n} of {all} settings; all are in tables/.", n=MOST_CONTEXTS, all=len(contexts))
    return Section(f"{about.prefix}answers", _("In short"), lead, blocks)
