"""How the final models judge the test images: who is taken for whom, at what threshold, and how sure they are of it."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from fedsky.language import _

from .. import plots, statistics
from ..blocks import Block, Gallery, Plots, Section, sheet
from ..confusion import confusion
from ..groups import ComparableGroups, Group
from ..photographs import mistakes
from ..plots.judgement import GRID, Judged
from ..reading import Floats
from ..results import Key
from ..statistics import Estimate
from ..story import best
from ..subject import Subject
from ..words import number_interval, percent_interval

PLACE = 100
DRAWN = 8  # groups whose confusion is drawn

BINS = 10


def judged(group: Group) -> Judged | None:
    """The judgements of the group's runs that have predictions.csv; None where none has."""
    results = {key: result for key, result in group.results.items() if result.predictions is not None}
    frames = {key: result.predictions for key, result in results.items() if result.predictions is not None}
    if not frames:
        return None

    def mean(values: dict[Key, float]) -> Estimate | None:
        known = {key: value for key, value in values.items() if value == value}
        return statistics.group_mean(known, group.repetitions)

    classes = sorted(set().union(*(set(frame["label"]) | set(frame["predicted"]) for frame in frames.values())))
    counts = {key: confusion(list(frame["label"]), list(frame["predicted"]), classes) for key, frame in frames.items()}
    precision, recall = {}, {}
    for number, name in enumerate(classes):
        precision[name] = mean({key: float(each.precision[number]) for key, each in counts.items()})
        recall[name] = mean({key: float(each.recall[number]) for key, each in counts.items()})
    rates, areas, sure = [], {}, []
    errors: dict[Key, list[pd.DataFrame]] = {}  # by seed and data seed
    for key, frame in frames.items():
        if (chances := results[key].probabilities()) is None:
            continue
        labels = frame["label"].to_numpy(object)
        if (roc := _roc(labels, chances)) is not None:
            rates.append(roc[0])
            areas[key] = roc[1]
        # The class that was predicted, not the largest of rounded probabilities.
        places = chances.columns.get_indexer(pd.Index(frame["predicted"]))
        confidence = chances.to_numpy(float)[np.arange(len(chances)), places]
        sure.append(pd.DataFrame({"confidence": confidence, "right": frame["correct"].to_numpy(float)}))
        errors.setdefault(key[:2], []).append(sure[-1])
    total = np.sum([each.matrix for each in counts.values()], axis=0, dtype=float)
    return Judged(
        group,
        classes,
        len(frames),
        total,
        precision,
        recall,
        np.mean(rates, axis=0) if rates else None,
        mean(areas),
        reliability(pd.concat(sure) if sure else pd.DataFrame({"confidence": [], "right": []})),
        _pooled(errors),
    )


def _pooled(judged: dict[Key, list[pd.DataFrame]]) -> Estimate | None:
    """The calibration error of all folds' images together, mean over seeds: of few, a perfect model has one too."""
    errors = {key: calibration_error(reliability(pd.concat(folds))) for key, folds in judged.items()}
    return statistics.group_mean(errors, statistics.Repetitions("seed", {key: key for key in errors}))


def _roc(labels: np.ndarray, table: pd.DataFrame) -> tuple[Floats, float] | None:
    """True positive rates at GRID and the area under the curve, of the last class or the mean of all; or None."""
    from sklearn import metrics  # a second, which the list of views need not spend

    present = [name for name in table.columns if 0 < np.count_nonzero(labels == name) < len(labels)]
    names = present[-1:] if len(table.columns) == 2 else present
    rates, areas = [], []
    for name in names:
        right, scores = labels == name, table[name].to_numpy(float)
        false, true, _thresholds = metrics.roc_curve(right, scores, drop_intermediate=False)
        # The curve's upper end at each rate, so that a step is met at its top.
        rates.append(true[np.searchsorted(false, GRID, side="right") - 1])
        areas.append(float(metrics.roc_auc_score(right, scores)))
    if not names:
        return None
    return np.mean(rates, axis=0), float(np.mean(areas))


def reliability(table: pd.DataFrame) -> pd.DataFrame:
    """Bins of equal width, numbered from 0: n, and the means confidence and accuracy, NaN in an empty bin."""
    place = np.clip((table["confidence"].to_numpy(float) * BINS).astype(int), 0, BINS - 1)
    grouped = table.groupby(place)
    found = pd.DataFrame(
        {"n": grouped.size(), "confidence": grouped["confidence"].mean(), "accuracy": grouped["right"].mean()}
    ).reindex(range(BINS))
    return found.assign(n=found["n"].fillna(0).astype(int))


def calibration_error(bins: pd.DataFrame) -> float:
    """Expected calibration error: the bins' mean gap between confidence and accuracy, by n; Guo et al. (2017)."""
    total = int(bins["n"].sum())
    gaps = (bins["confidence"] - bins["accuracy"]).abs().fillna(0)
    return float((gaps * bins["n"]).sum() / total) if total else float("nan")


def judged_table(kind: ComparableGroups, found: Sequence[Judged]) -> pd.DataFrame:
    """One row a group and class, raw; area and calibration_error are the group's."""
    rows = []
    for each in found:
        for number, name in enumerate(each.classes):
            row: dict[str, object] = {"data": kind.title, "group": each.group.label, "class": name, "runs": each.runs}
            for title, estimate in (
                ("precision", each.precision[name]),
                ("recall", each.recall[name]),
                ("area_under_roc", each.area),
                ("calibration_error", each.error),
            ):
                row[title] = estimate.value if estimate else None
                row[f"{title}_low"] = estimate.low if estimate else None
                row[f"{title}_high"] = estimate.high if estimate else None
            row |= {
                f"predicted_{other}": int(count)
                for other, count in zip(each.classes, each.confusion[number], strict=True)
            }
            rows.append(row)
    return pd.DataFrame(rows)


def shown_confusion(found: Sequence[Judged]) -> pd.DataFrame:
    """The counts of the confusion plot as text, one row a group and label, one column a class that it is taken for."""
    rows = []
    for each in found:
        for number, name in enumerate(each.classes):
            row = {_("group"): each.group.label, _("label"): name}
            for other, count in zip(each.classes, each.confusion[number], strict=True):
                row[_("taken for {name}", name=other)] = f"{count:.0f}"
            rows.append(row)
    return pd.DataFrame(rows)


def shown_judged(found: Sequence[Judged]) -> pd.DataFrame:
    """Precision, recall, the area under the ROC curve and the calibration error as text, one row a group."""
    rows = []
    for each in found:
        row = {_("group"): each.group.label}
        for name in each.classes:
            row[_("precision, {name}", name=name)] = percent_interval(each.precision[name])
            row[_("recall, {name}", name=name)] = percent_interval(each.recall[name])
        row[_("area under ROC")] = number_interval(each.area)
        row[_("calibration error")] = number_interval(each.error)
        rows.append(row)
    return pd.DataFrame(rows)


def shown_bins(found: Sequence[Judged]) -> pd.DataFrame:
    """The reliability diagram as text: share judged rightly (n) in each bin."""
    rows = []
    for number in range(BINS):
        row = {_("probability of the predicted class"): f"{number / BINS:.1f}–{(number + 1) / BINS:.1f}"}
        for each in found:
            n, right = int(each.bins["n"][number]), float(each.bins["accuracy"][number])
            row[each.group.label] = f"{100 * right:.1f} % (n = {n})" if n else _("none")
        rows.append(row)
    return pd.DataFrame(rows)


def section(about: Subject) -> Section | None:
    """Confusion, precision and recall, ROC, calibration, and the photographs that are misjudged most confidently."""
    title = _("What is taken for what")
    writer, groups = about.writer, about.kind.groups
    if not about.thorough:
        return None
    everything = [each for group in groups if (each := judged(group)) is not None]
    if not everything:
        return None
    writer.table("classes", judged_table(about.kind, everything))
    labels = [group.label for group in about.shown]
    found = sorted(
        (each for each in everything if each.group.label in labels), key=lambda each: labels.index(each.group.label)
    )
    drawn, shown = [], shown_judged(found)
    first = found[:DRAWN]
    caption = _(
        "Confusion: of each label's test images, the share that is taken for each class and their number, all "
        "runs together."
    )
    if len(first) < len(found):
        caption += " " + _("The first {n} of {all} groups.", n=len(first), all=len(found))
    said = "; ".join(
        f"{each.group.label}: "
        + ", ".join(
            _("{label} taken for {other} {n} times", label=label, other=other, n=f"{each.confusion[i, j]:.0f}")
            for i, label in enumerate(each.classes[:5])
            for j, other in enumerate(each.classes[:5])
            if i != j
        )
        for each in first
    )
    draw, alt = partial(plots.confusion, first), f"{caption} {said}."
    drawn.append(about.plot("confusion", draw, alt, caption, shown_confusion(first), "tables/classes.csv"))
    known = [each for each in found if each.true_rate is not None]
    if known:
        areas = "; ".join(f"{each.group.label} {number_interval(each.area)}" for each in known)
        caption = _("ROC curves, the mean of the runs' curves. Area under it, mean over runs: {areas}.", areas=areas)
        draw = partial(plots.roc, known, about.looks)
        drawn.append(about.plot("roc", draw, caption, caption, shown))
        errors = "; ".join(f"{each.group.label} {number_interval(each.error)}" for each in known)
        caption = _(
            "Calibration: of the images judged with a given probability, the share judged rightly; on the "
            "dotted line a model is as right as it is sure. Below: how many images, all runs together (log "
            "scale). Expected calibration error ({n} bins of equal width), mean over runs: {errors}.",
            n=BINS,
            errors=errors,
        )
        draw = partial(plots.calibration, known, about.looks)
        drawn.append(about.plot("calibration", draw, caption, caption, shown_bins(known)))
    blocks: list[Block] = [
        Plots(drawn),
        sheet(
            _(
                "Precision and recall of each class, area under the ROC curve and calibration error on the test "
                "images: mean over runs (95 % interval)"
            ),
            shown,
            file="tables/classes.csv",
        ),
    ]
    leader = next(iter([*best(groups), *groups]), None)
    if leader is not None and (missed := mistakes(leader)):
        blocks.append(Gallery(_("The photographs that {group} misjudges most confidently", group=leader.label), missed))
    return Section(f"{about.prefix}judged", title, "", blocks)
