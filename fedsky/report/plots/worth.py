"""What each owner is worth, one row an owner."""

from matplotlib.figure import Figure

from fedsky.language import _

from ..coalitions import Found
from ..style import BLUE, RED, Look
from . import layout
from .final import mark

VALUE, LOSS = Look(BLUE, "o", "-"), Look(RED, "s", "-")


def worth(found: Found) -> Figure:
    """Each owner's Shapley value, and what the others lose without it, in points with their intervals."""
    shown = found.worths[: layout.MANY]
    labels = [_("Shapley value"), _("What the others lose without it")]
    figure, [axes] = layout.figure([0.55 + 0.3 * len(shown)], labels)
    for row, each in enumerate(shown):
        for estimate, look, step in ((each.shapley, VALUE, -0.15), (each.loss, LOSS, 0.15)):
            if estimate is not None:
                mark(axes, estimate.scaled(100), row + step, look, -100, 100)
    for look, label in zip((VALUE, LOSS), labels, strict=True):
        axes.plot([], [], linestyle="none", marker=look.marker, color=look.color, label=label)
    axes.axvline(0, color="#444444", linewidth=0.9, zorder=0)
    axes.set_yticks(range(len(shown)), [layout.short(f"{each.name} ({each.photographs:.0f})", 24) for each in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set(xlabel=_("Points of balanced accuracy"))
    axes.set_title(_("Worth of each owner (training photographs)"))
    return layout.finish(figure)
