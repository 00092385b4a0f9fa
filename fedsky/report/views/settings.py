"""The configuration of every group: what differs first, all of it after."""

import json
from collections.abc import Sequence

import pandas as pd

from fedsky.language import _
from fedsky.untrusted import printable

from ..groups import Group
from ..words import UNKNOWN


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
