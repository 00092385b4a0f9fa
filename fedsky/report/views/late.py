"""What changes when an owner comes late."""

import pandas as pd

from fedsky.language import _

from .. import late
from ..blocks import Section, Text, sheet
from ..late import Late
from ..subject import Subject
from ..words import points_interval

PLACE = 65


def section(about: Subject) -> Section | None:
    """A sentence and a row for each owner that comes late, where the same federation was run with it from the start."""
    found = late.find(about.kind)
    if not found:
        return None
    about.writer.table("late", late_table(about.kind.title, found))
    lead = _(
        "A federation in which one owner joins in a later round, beside the same one in which it is there from the "
        "start, by the models of the last round. The others are judged on their own test photographs, the owner on its "
        "own; the 95 % intervals of a column hold together."
    )
    table = sheet(_("What coming late changes, in points"), shown_late(found), file="tables/late.csv")
    title = _("What changes when an owner comes late")
    return Section(f"{about.prefix}late-section", title, lead, [Text([sentence(each) for each in found]), table])


def sentence(each: Late) -> str:
    """owner 3 joins fedavg in round 9 of 20: the others -1.2 points (...), the owner itself -3.0 (...)."""
    told = {
        "owner": each.name,
        "group": each.group.label,
        "joins": each.joins,
        "rounds": each.num_rounds,
        "others": points_interval(each.others),
        "own": points_interval(each.own),
    }
    if each.joins > each.num_rounds:
        return _(
            "{owner} never joins {group}, which ends after round {rounds}: the others {others} points, the owner "
            "itself {own}.",
            **told,
        )
    return _(
        "{owner} joins {group} in round {joins} of {rounds} instead of round 1: the others {others} points, the "
        "owner itself {own}.",
        **told,
    )


def late_table(title: str, found: list[Late]) -> pd.DataFrame:
    """One row an owner and round, raw, in fractions of accuracy."""
    return pd.DataFrame(
        [
            {"data": title, "group": each.group.label, "client": each.owner, "owner": each.name, "joins": each.joins}
            | {
                f"{name}{end}": estimate and getattr(estimate, part)
                for name, estimate in (("others", each.others), ("own", each.own))
                for end, part in (("", "value"), ("_low", "low"), ("_high", "high"))
            }
            for each in found
        ]
    )


def shown_late(found: list[Late]) -> pd.DataFrame:
    """The same as text, in points."""
    return pd.DataFrame(
        [
            {
                _("owner"): each.name,
                _("group"): each.group.label,
                _("joins in round"): str(each.joins),
                _("change for the others"): points_interval(each.others),
                _("change for itself"): points_interval(each.own),
            }
            for each in found
        ]
    )
