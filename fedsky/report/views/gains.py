"""Each owner: what it gets alone, federated and pooled, and whom joining costs."""

from collections.abc import Mapping, Sequence
from functools import partial

from fedsky.language import _, ngettext

from .. import plots, tables
from ..blocks import Block, Plot, Plots, Section, Text
from ..comparisons import BETTER, WORSE, Comparison, by_owner
from ..groups import Group
from ..subject import Subject, numbered
from ..words import fixed

PLACE = 20
FEW = 8  # owners that are named


def section(about: Subject) -> Section:
    """Who gains and who loses, in words, and a dumbbell an owner."""
    said = list(dict.fromkeys(text for _context, groups in about.contexts for text in sentences(groups)))
    drawn = _each_owner(about)
    blocks: list[Block] = [*([Text(said)] if said else []), *([Plots(drawn)] if drawn else [])]
    return Section(f"{about.prefix}gains", _("Owner by owner"), "", blocks, opened=True)


def sentences(groups: Sequence[Group]) -> list[str]:
    """How many owners each federated group is shown to serve better and worse than they serve themselves, and whom.

    Groups differ in nothing but the strategy; none where there is no training alone among them.
    """
    alone = next((group for group in groups if group.is_alone), None)
    found, owned = [], ""
    for group in groups:
        told = by_owner(group, alone) if alone and group.is_federated else {}
        if not told:
            continue
        better, worse = (sum(each.verdict == verdict for each in told.values()) for verdict in (BETTER, WORSE))
        owned = own_photographs(told)
        if not better and not worse:
            found.append(
                _("With {label}, no single owner is shown to do better or worse than alone.", label=group.label)
            )
            continue
        text = ngettext(
            "With {label}, {n} owner of {all} is shown to do better than alone and {worse} worse{whom}.",
            "With {label}, {n} owners of {all} are shown to do better than alone and {worse} worse{whom}.",
            better,
            label=group.label,
            all=len(told),
            worse=worse,
            whom=_losers(group, told),
        )
        found.append(text)
    return [*found, owned] if found else []


def _losers(group: Group, told: Mapping[int, Comparison]) -> str:
    """The owners who are shown to do worse, the worst first."""
    names = next(iter(group.results.values())).owners["name"]
    lost = sorted(
        (100 * each.difference.value, client)
        for client, each in told.items()
        if each.verdict == WORSE and each.difference
    )
    if not lost:
        return ""
    listed = _(", ").join(
        _("{owner} ({points} points)", owner=names.get(client, client), points=fixed(points))
        for points, client in lost[:FEW]
    )
    more = _(" and {n} more", n=len(lost) - FEW) if len(lost) > FEW else ""
    return _(": {owners}{more}", owners=listed, more=more)


def own_photographs(told: Mapping[int, Comparison]) -> str:
    """How many test photographs owners have of their own, as a sentence."""
    counts = [each.difference.photographs for each in told.values() if each.difference]
    low, high = min(counts), max(counts)
    if low == high:
        return _("An owner has {n} test photographs of its own.", n=low)
    return _("Owners have {low} to {high} test photographs of their own.", low=low, high=high)


def _each_owner(about: Subject) -> list[Plot]:
    """One dumbbell plot a context."""
    found = []
    about.writer.table("owners", tables.owners_table(about.kind, about.kind.groups))
    for number, (context, groups) in enumerate(about.contexts, 1):
        table = tables.owners_table(about.kind, groups)
        if not table["accuracy"].notna().any():
            continue
        title = _("Each owner's accuracy on its own test images") + (f", {context}" if context else "")
        caption = _(
            "{title}: mean over runs; n is the number of its test images in a run, and each moves it by 100/n points.",
            title=title,
        )
        name, alt = numbered("owners", number, len(about.contexts)), f"{title}. {' '.join(sentences(groups))}"
        draw = partial(plots.owners, table, groups, about.looks)
        found.append(about.plot(name, draw, alt, caption, tables.shown_owners(table), "tables/owners.csv"))
    return found
