"""The comparison as one JSON value: what the site shows, and computes nothing of itself.

    {title, notes: [str], kinds: [{
      title,
      groups: [{id, label, strategy, color, dash, marker, n, runs: [name],
                final: {metric: {value, low, high, n}},
                seeds: [{key: {seed, data_seed, fold}, value}],
                curve: {x: [], mean: [], low: [], high: [], runs: [{key, x: [], y: []}]}}],
      comparisons: [{first, second, difference: {value, low, high, n}, p, family, verdict, within, photographs, splits,
                     sentence}],
      owners: [{name, client, num_test, values: {label: accuracy}}],
      story: [{context, sentences: [sentence]}],
      gains: [{label, color, dash, marker, difference: {value, low, high, n}}],
      sections: [{title, sentences: [sentence], columns: [text], rows: [[text]]}],
      verdict: [sentence],
      left_out: [{name, status, reason}]}]}

n counts runs. family: planned or exploratory; p: among all comparisons of the family; verdict: of the first, better,
worse, within (the margin), open, same (on every photograph) or unknown; within: the whole interval lies within it.
Accuracies and their differences are fractions; whatever is unknown is null. dash: null for a solid line, else the
lengths of strokes and gaps. story: who gains, how much and what it costs, a context each; gains: what each federated
group and pooled training have over training alone; sections: what each owner, and the federation, is worth, where
coalitions of owners or trainings on some of the photographs were run, as on the report's page.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fedsky import language
from fedsky.history import Run, finite
from fedsky.history.columns import FINAL_METRICS
from fedsky.language import _
from fedsky.untrusted import printable

from . import alone, coalitions, learning, spending, statistics, story, style, tables, trends, verdict, words
from .comparisons import Comparison, compare_all
from .groups import MARGIN, ComparableGroups, Group
from .keys import split_keys
from .means import mean
from .results import LeftOut, Result
from .selection import Choice, nothing_finished, select, why_left_out
from .statistics import Estimate

AXES = ("round", *spending.COSTS)
MOST_POINTS = 300  # rounds beyond which only every k-th is given
Json = dict[str, Any]


def compare(
    folders_or_runs: Sequence[Path | Run],
    *,
    metric: str = "balanced_accuracy",
    x: str = "round",
    group_by: str | Sequence[str] | None = None,
    where: Sequence[str] = (),
    baseline: str | None = None,
    lang: str = "en",
    margin: float = MARGIN,
) -> Json:
    """The comparison of the runs at or under the folders, or of runs that are given, which it empties of their rows.

    Runs that are not finished are told in left_out. ValueError in one line for what cannot be: an unknown metric,
    axis, key, baseline or language, or a folder that is none.
    """
    if metric not in FINAL_METRICS:
        raise ValueError(f"metric={printable(metric)}: choose {' or '.join(FINAL_METRICS)}")
    if x not in AXES:
        raise ValueError(f"x={printable(x)}: choose {' or '.join(AXES)}")
    keys = split_keys(group_by) if isinstance(group_by, str) else list(group_by or ())
    with language.use(lang):
        selection = select(folders_or_runs, Choice(tuple(keys), tuple(where), baseline, margin))
        kinds = [_kind(kind, metric, x, baseline) for kind in selection.kinds]
        notes = list(selection.notes)
        if not kinds:
            notes.append(nothing_finished(selection, [each for each in folders_or_runs if isinstance(each, Path)]))
            kinds = [
                {
                    "title": _("No finished run"),
                    "groups": [],
                    "comparisons": [],
                    "owners": [],
                    "verdict": [],
                    "story": [],
                    "gains": [],
                    "sections": [],
                }
            ]
        for number, kind in enumerate(kinds):
            kind["left_out"] = [_left_out(each) for each in selection.left_out] if number == 0 else []
        title = _(
            "{finished}, {runs} not counted",
            finished=words.count(len(selection.results), "finished run"),
            runs=words.count(len(selection.left_out), "run"),
        )
        result: Json = finite({"title": title, "notes": notes, "kinds": kinds})
    return result


def group_mean(runs: Sequence[Path | Run], metric: str = "balanced_accuracy") -> Json:
    """The mean of the last rounds of runs that repeat one experiment, as the page has it: {value, low, high, n}.

    All is null where there is no finished run, or the runs saw other data and are no group.
    """
    groups = [group for kind in select(runs).kinds for group in kind.every]
    found: Json = finite(_interval(mean(groups[0], metric) if len(groups) == 1 else None))
    return found


def _kind(kind: ComparableGroups, metric: str, x: str, baseline: str | None) -> Json:
    looks = style.looks(kind.groups, kind.groups)
    told = []
    for context, headline, sentence in verdict.sentences(kind):
        text = f"{headline} {sentence}".strip()
        told.append(_("{context}: {sentence}", context=context, sentence=text) if context else text)
    return {
        "title": kind.title,
        "story": [{"context": each.context, "sentences": each.sentences} for each in story.stories(kind)],
        "gains": [
            {"label": each.group.label, **_look(looks[each.group.label]), "difference": _interval(each.difference)}
            for each in story.gains(kind)
        ],
        "groups": [_group(group, number, metric, x, looks[group.label]) for number, group in enumerate(kind.groups, 1)],
        "comparisons": [_comparison(each) for each in compare_all(kind, baseline, metric)],
        "owners": _owners(kind),
        "sections": _sections(kind),
        "verdict": told + alone.sentences(kind) + trends.trends(kind) + verdict.scope(kind),
    }


def _look(look: style.Look) -> Json:
    return {
        "color": look.color,
        "dash": None if isinstance(look.line, str) else list(look.line[1]),
        "marker": look.marker,
    }


def _interval(estimate: Estimate | None) -> Json:
    if estimate is None:
        return {"value": None, "low": None, "high": None, "n": 0}
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}


def _key(result: Result) -> Json:
    config = result.run.config
    data = config.get("data")
    values = {
        "seed": config.get("seed"),
        "data_seed": config.get("data_seed"),
        "fold": data.get("fold") if isinstance(data, dict) else None,
    }
    return {name: value if type(value) is int or value is None else printable(value) for name, value in values.items()}


def _group(group: Group, number: int, metric: str, x: str, look: style.Look) -> Json:
    return {
        "id": f"g{number}",
        "label": group.label,
        "strategy": group.strategy,
        **_look(look),
        "n": len(group.results),
        "runs": [result.name for result in group.results.values()],
        "final": {name: _interval(mean(group, name)) for name in FINAL_METRICS},
        "seeds": [{"key": _key(result), "value": result.final(metric)} for result in group.results.values()],
        "curve": _curve(group, metric, x),
    }


def _curve(group: Group, metric: str, x: str) -> Json:
    """The mean over runs of what was reached and of what was spent by the end of each round that all runs have."""
    results, repetitions = list(group.results.values()), group.repetitions
    rounds = sorted(set.intersection(*(set(result.rounds.index) for result in results)))
    rounds = rounds[:: -max(1, math.ceil(len(rounds) / MOST_POINTS))][::-1]  # with the last one
    spent = np.array([result.spent(x).reindex(rounds) for result in results], dtype=float)
    reached = np.array([result.rounds[metric].reindex(rounds) for result in results], dtype=float)
    if x == "megabytes" and all(result.sends_nothing for result in results):  # one point, at nothing
        spent, reached = spent[:, -1:], reached[:, -1:]
    units = [repetitions.of[key] for key in group.results]
    mean, low, high = statistics.mean_intervals(reached, units, repetitions.shared)
    place = spent.mean(axis=0)
    known = ~np.isnan(place)
    runs = []
    for result, xs, ys in zip(results, spent, reached, strict=True):
        own = ~np.isnan(xs)
        runs.append({"key": _key(result), "x": xs[own].tolist(), "y": ys[own].tolist()})
    return {
        "x": place[known].tolist(),
        "mean": mean[known].tolist(),
        "low": low[known].tolist(),
        "high": high[known].tolist(),
        "runs": runs,
    }


def _comparison(each: Comparison) -> Json:
    told = each.difference
    return {
        "first": each.first.label,
        "second": each.second.label,
        "difference": _interval(told),
        "p": told.p if told else None,
        "family": each.family,
        "verdict": each.verdict,
        "within": each.is_within,
        "photographs": told.photographs if told else 0,
        "splits": each.splits,
        "sentence": words.sentence(each),
    }


def _owners(kind: ComparableGroups) -> list[Json]:
    """One entry an owner of the kind: the accuracy of the model that serves it, mean over runs, of each group."""
    found: dict[tuple[int, str], Json] = {}
    for row in tables.owners_table(kind, kind.groups).to_dict("records"):
        images = row["num_test_max"]
        owner = found.setdefault(
            (row["client"], row["owner"]),
            {"name": row["owner"], "client": int(row["client"]), "num_test": 0, "values": {}},
        )
        owner["num_test"] = max(owner["num_test"], int(images) if images == images else 0)
        owner["values"][row["group"]] = float(row["accuracy"])
    return [found[key] for key in sorted(found)]


def _sections(kind: ComparableGroups) -> list[Json]:
    """What owners and photographs are worth, in the sentences and tables of the page's views."""
    games, curves = coalitions.games(kind), learning.curves(kind)
    if not games and not curves:
        return []
    from .views import learning as curve_view  # they draw, which a site without such runs need not load
    from .views import worth as worth_view

    found: list[tuple[str, list[str], pd.DataFrame]] = []
    for game in games:
        told = coalitions.find(game)
        found.append((_("What each owner is worth"), worth_view.sentences(told), worth_view.shown_worth(told.worths)))
    for curve in curves:
        places = learning.places(kind, curve)
        if places:
            said = [sentence for each in places for sentence in curve_view.sentences(curve, each)]
            table = curve_view.shown_learning(curve, places)
            found.append((_("What it is worth in photographs"), said, table))
    return [
        {
            "title": title,
            "sentences": said,
            "columns": [str(name) for name in table.columns],
            "rows": [[str(cell) for cell in row] for row in table.itertuples(index=False, name=None)],
        }
        for title, said, table in found
    ]


def _left_out(each: LeftOut) -> Json:
    return {"name": each.name, "status": printable(each.run.status, 30), "reason": why_left_out(each)}
