"""The section on what the final models take for what."""

from functools import partial

from fedsky.language import _

from . import plots
from .blocks import Block, Gallery, Plots, Section, sheet
from .subject import Subject
from .views import answers, judgement
from .views.photographs import mistakes
from .words import number_interval

MOST = 8  # groups whose confusion is drawn


def section(about: Subject) -> Section:
    """Confusion, precision and recall, ROC, calibration, and the photographs that are misjudged most confidently."""
    title = _("What is taken for what")
    writer, groups = about.writer, about.kind.groups
    everything = [each for group in groups if (each := judgement.judged(group)) is not None]
    if not everything:
        return Section("", title, "", [])
    writer.table("classes", judgement.judged_table(about.kind, everything))
    labels = [group.label for group in about.shown]
    found = sorted((each for each in everything if each.group.label in labels),
                   key=lambda each: labels.index(each.group.label))  # fmt: skip
    drawn, shown = [], judgement.shown_judged(found)
    first = found[:MOST]
    caption = _("Confusion: of each label's test images, the share that is taken for each class and their number, all "
                "runs together.")  # fmt: skip
    if len(first) < len(found):
        caption += " " + _("The first {n} of {all} groups.", n=len(first), all=len(found))
    said = "; ".join(
        f"{each.group.label}: " + ", ".join(_("{label} taken for {other} {n} times", label=label, other=other,
                                              n=f"{each.confusion[i, j]:.0f}")
                                            for i, label in enumerate(each.classes[:5])
                                            for j, other in enumerate(each.classes[:5]) if i != j)
        for each in first)  # fmt: skip
    drawn.append(writer.plot(f"{about.prefix}confusion", partial(plots.confusion, first), f"{caption} {said}.", caption,
                             judgement.judged_table(about.kind, first).drop(columns="data").map(_text),
                             "tables/classes.csv"))  # fmt: skip
    known = [each for each in found if each.true_rate is not None]
    if known:
        areas = "; ".join(f"{each.group.label} {number_interval(each.area)}" for each in known)
        caption = _("ROC curves, the mean of the runs' curves. Area under it, mean over runs: {areas}.", areas=areas)
        draw = partial(plots.roc, known, about.looks)
        drawn.append(writer.plot(f"{about.prefix}roc", draw, caption, caption, shown))
        errors = "; ".join(f"{each.group.label} {number_interval(each.error)}" for each in known)
        caption = _("Calibration: of the images judged with a given probability, the share judged rightly; on the "
                    "dotted line a model is as right as it is sure. Below: how many images, all runs together (log "
                    "scale). Expected calibration error ({n} bins of equal width), mean over runs: {errors}.",
                    n=judgement.BINS, errors=errors)  # fmt: skip
        draw = partial(plots.calibration, known, about.looks)
        drawn.append(writer.plot(f"{about.prefix}calibration", draw, caption, caption, judgement.shown_bins(known)))
    blocks: list[Block] = [
        Plots(drawn),
        sheet(_("Precision and recall of each class, area under the ROC curve and calibration error on the test "
                "images: mean over runs (95 % interval)"), shown, file="tables/classes.csv"),
    ]  # fmt: skip
    best = next(iter([*answers.best(groups), *groups]), None)
    if best is not None and (missed := mistakes(best)):
        blocks.append(Gallery(_("The photographs that {group} misjudges most confidently", group=best.label), missed))
    return Section(f"{about.prefix}judged", title, "", blocks)


def _text(cell: object) -> str:
    if cell is None or cell != cell:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
