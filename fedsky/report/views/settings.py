"""The configuration of every group: what differs first, all of it after."""

import json
from collections.abc import Sequence

import pandas as pd

from fedsky.language import _
from fedsky.untrusted import printable

from .. import tables, words
from ..blocks import Block, Section, Sheet, sheet
from ..groups import Group
from ..subject import Subject
from ..words import UNKNOWN

PLACE = 120


def settings_table(groups: Sequence[Group], differing: bool) -> pd.DataFrame:
    """One row a setting, one column a group; either those that differ between groups or those that all share.

    Shared settings come as two columns, as one value stands for all groups.
    """
    keys = sorted({key for group in groups for key in group.settings})
    rows = []
    for key in keys:
        values = [group.settings.get(key) for group in groups]
        if (len({json.dumps(value, sort_keys=True, default=str) for value in values}) > 1) != differing:
            continue
        if differing:
            texts = {group.label: _text(value) for group, value in zip(groups, values, strict=True)}
            rows.append({_("setting"): key, **texts})
        else:
            rows.append({_("setting"): key, _("value"): _text(values[0])})
    return pd.DataFrame(rows)


def _text(value: object) -> str:
    return UNKNOWN if value is None else printable(value, 80)


def section(about: Subject) -> Section | None:
    """What differs, what is shared, and every run with its command."""
    groups = about.kind.groups
    differ, same = (settings_table(groups[:40], differing) for differing in (True, False))
    provenance = tables.provenance_table(about.kind)
    about.writer.table("provenance", provenance)
    blocks: list[Block] = []
    if len(differ):
        blocks.append(Sheet(_("Settings that differ between the groups"), differ))
    blocks.append(
        Sheet(_("Settings that all groups share"), same, _("All {n} settings that the groups share", n=len(same)))
    )
    blocks.append(
        sheet(
            _("Every run that this section counts"),
            provenance,
            _("{runs}: seed, commit, versions, command", runs=words.count(len(provenance), "run")),
            "tables/provenance.csv",
            100,
        )
    )
    lead = _("The first 40 of {all} groups.", all=len(groups)) if len(groups) > 40 else ""
    return Section(f"{about.prefix}settings", _("Settings, and where the numbers come from"), lead, blocks)
