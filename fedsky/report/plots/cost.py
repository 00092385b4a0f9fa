"""What a mean round costs in seconds and in megabytes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fedsky.language import _

from ..groups import Group
from ..style import BLUE, ORANGE, SKY
from . import layout


def cost(table: pd.DataFrame, groups: Sequence[Group]) -> Figure:
    """Stacked bars, one row a group: seconds by what they went into, then megabytes by direction."""
    rows = layout.rows(groups)
    places = np.array([rows.places[label] for label in table["group"]])
    seconds = [
        ("training", _("training"), BLUE),
        ("evaluation", _("evaluation by clients"), ORANGE),
        ("rest", _("the rest: sending, waiting, averaging,\nevaluation by the server"), "#bbbbbb"),
    ]
    megabytes = [("megabytes_up", _("up, to the server"), SKY), ("megabytes_down", _("down, to the owners"), "#666666")]
    panels = [(_("Seconds of a mean round, on the wall"), seconds), (_("Megabytes of a mean round"), megabytes)]
    known = [panel for panel in panels if np.nansum(table[[name for name, _label, _color in panel[1]]].to_numpy(float))]
    panels = known or panels[1:]
    labels = [part[1] for _title, parts in panels for part in parts]
    figure, axes = layout.figure([0.45 + 1.25 * rows.inches] * len(panels), labels, share=False)
    for each, (title, parts) in zip(axes, panels, strict=True):
        left = np.zeros(len(table))
        for name, label, color in parts:
            values = np.nan_to_num(table[name].to_numpy(float))
            each.barh(
                places, values, left=left, height=0.62, color=color, edgecolor="white", linewidth=0.4, label=label
            )
            left += values
        rows.apply(each)
        each.set_title(title)
    return layout.finish(figure)
