"""What goes into a thesis: three small LaTeX tables with caption and label, and a sentence for the results chapter.

The result of each group, the planned differences, and the owners; each fits a portrait page of A4. They need the
packages booktabs and array, and with Chinese text ctex.
"""

import math
import re
from collections.abc import Mapping, Sequence

from fedsky.language import _

from . import tables
from .comparisons import planned
from .groups import ComparableGroups, Group
from .means import mean, ranked
from .statistics import Estimate
from .story import best, stories
from .words import UNKNOWN, fixed, judgement

MOST = 40  # rows that a page holds
HEAD = "% \\usepackage{booktabs,array}; with Chinese text also \\usepackage{ctex}\n"
SPECIAL = {
    **{each: f"\\{each}" for each in "&%$#{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "_": r"\_\allowbreak{}",
    "=": r"=\allowbreak{}",  # where names of settings may break
}


def latex(text: object) -> str:
    """A text as LaTeX: special characters escaped, a minus before a digit a true one, an unknown value a dash."""
    escaped = "".join(SPECIAL.get(each, each) for each in " ".join(str(text).split()))
    escaped = re.sub(r"(?<![\w.-])-(?=\d)", "$-$", escaped).replace(UNKNOWN, "--").replace(r" \%", r"~\%")
    return re.sub(r"^\[", "{[}", escaped)  # where a row ends, LaTeX would take it for an option


def table(
    name: str, caption: str, head: Sequence[str], rows: Sequence[Sequence[object]], widths: Mapping[int, float]
) -> bytes:
    """A floating table with booktabs rules. widths: of columns of text that may take two lines, parts of the line."""
    columns = "".join(
        rf">{{\raggedright\arraybackslash}}p{{{widths[number]}\linewidth}}" if number in widths else "r"
        for number in range(len(head))
    )
    body = [" & ".join(map(latex, row)) + r" \\" for row in rows[:MOST]]
    if len(rows) > MOST:
        caption += " " + _("The first {n} of {all} rows.", n=MOST, all=len(rows))
    lines = [
        HEAD + r"\begin{table}[htbp]",
        r"\centering\small\setlength{\belowcaptionskip}{6pt}",
        rf"\caption{{{latex(caption)}}}",
        rf"\label{{tab:{name}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(map(latex, head)) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return ("\n".join(lines) + "\n").encode(errors="replace")


def files(kind: ComparableGroups, prefix: str = "") -> dict[str, bytes]:
    """The tables and the sentence of a kind, by their names under tables/; only those that have something to say."""
    found = {"result": _result(kind, prefix), "pairs": _pairs(kind, prefix), "owners": _owners(kind, prefix)}
    said = [" ".join(filter(None, [each.context and f"{each.context}:", *each.sentences])) for each in stories(kind)]
    found["sentence"] = ("\n\n".join(map(latex, said)) + "\n").encode(errors="replace")
    return {f"tables/{prefix}{name}.tex": content for name, content in found.items() if content}


def _interval(estimate: Estimate | None, least: float = -100.0, most: float = 100.0) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return UNKNOWN
    return f"[{fixed(100 * max(estimate.low, least))}, {fixed(100 * min(estimate.high, most))}]"


def _result(kind: ComparableGroups, prefix: str) -> bytes:
    rows = []
    for group in ranked(kind.groups):
        estimate, runs = mean(group), list(group.results.values())
        sent = sum(run.megabytes("bytes_up") + run.megabytes("bytes_down") for run in runs) / len(runs)
        value = UNKNOWN if estimate is None else fixed(100 * estimate.value)
        rows.append([group.label, len(runs), value, _interval(estimate, 0.0, 1.0), fixed(sent)])
    caption = _(
        "Balanced accuracy after the last round on the test images, {title}: mean over runs with its 95 % "
        "interval, and what a run sends.",
        title=kind.title,
    )
    return table(f"{prefix}result", caption, [_("group"), _("runs"), "%", _("95 % interval"), "MB"], rows, {0: 0.4})


def _pairs(kind: ComparableGroups, prefix: str) -> bytes:
    rows = [
        [
            each.first.label,
            each.second.label,
            fixed(100 * each.difference.value),
            _interval(each.difference),
            judgement(each),
        ]
        for each in planned(kind)
        if each.difference is not None
    ]
    if not rows:
        return b""
    caption = _(
        "First minus second in percentage points of balanced accuracy, {title}. The 95 % intervals hold all at once.",
        title=kind.title,
    )
    head = [_("first"), _("second"), _("points"), _("95 % interval"), _("verdict")]
    return table(f"{prefix}pairs", caption, head, rows, {0: 0.19, 1: 0.19, 4: 0.2})


def _owners(kind: ComparableGroups, prefix: str) -> bytes:
    """Each owner alone, in the best federation of the first context that has one, and pooled."""
    groups = next((members for members in kind.contexts.values() if best(members)), [])
    shown: list[tuple[str, Group]] = []
    for title, group in (
        (_("alone"), next((each for each in groups if each.is_alone), None)),
        (_("together"), next(iter(best(groups)), None)),
        (_("pooled"), next((each for each in groups if each.is_pooled), None)),
    ):
        if group is not None:
            shown.append((title, group))
    if not shown:
        return b""
    found = tables.owners_table(kind, [group for _title, group in shown])
    rows = []
    for _client, mine in found.groupby("client", sort=True):
        accuracy = dict(zip(mine["group"], mine["accuracy"], strict=True))
        images = tables.image_count(mine["num_test_min"].min(), mine["num_test_max"].max())
        told = [fixed(100 * accuracy.get(group.label, math.nan)) for _title, group in shown]
        rows.append([mine["owner"].iloc[0], images, *told])
    if not rows:
        return b""
    names = "; ".join(f"{title}: {group.label}" for title, group in shown)
    caption = _(
        "Accuracy (%) on each owner's own test images, {title}: mean over runs ({names}). n: test images in a run.",
        title=kind.title,
        names=names,
    )
    return table(f"{prefix}owners", caption, [_("owner"), "n", *(title for title, _group in shown)], rows, {0: 0.3})
