"""What a report says and shows about one kind of data: numbers asked for, drawn and put into words."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from fedsky.history import write_whole

from . import plots, style, tables, verdict, words
from .comparisons import compare_all
from .groups import Group, Kind
from .results import METRICS, Result

CROWD = 8  # groups beyond which each context is drawn apart, and partitions beyond which none is drawn


@dataclass(frozen=True)
class Plot:
    """A figure of the page with what stands around it."""

    name: str
    title: str
    alt: str
    caption: str
    svg: Markup
    table: pd.DataFrame


@dataclass(frozen=True)
class Part:
    """What the page says about one kind of data."""

    title: str
    verdict: list[tuple[str, list[tuple[str, str]]]]
    final: pd.DataFrame
    sentences: list[str]
    comparisons: pd.DataFrame
    curves: list[Plot]
    owners: list[Plot]
    partitions: list[Plot]
    provenance: pd.DataFrame


class Writer:
    """Collects a report's files in memory, so that a failure leaves no half report."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.frames: dict[str, list[pd.DataFrame]] = {}

    def plot(self, name: str, figure: Figure, title: str, alt: str, caption: str, table: pd.DataFrame) -> Plot:
        svg = style.as_svg(figure)
        self.files[f"plots/{name}.svg"] = svg.encode()
        self.files[f"plots/{name}.png"] = style.as_png(figure)
        return Plot(name, title, alt, caption, Markup(style.inline(svg, name)), table)  # noqa: S704 - our own drawing

    def table(self, name: str, frame: pd.DataFrame) -> None:
        if len(frame):
            self.frames.setdefault(name, []).append(frame)

    def write(self, out: Path) -> None:
        for name, frames in self.frames.items():
            buffer = io.StringIO()
            pd.concat(frames).map(_harmless).to_csv(buffer, index=False, lineterminator="\n")
            self.files[f"tables/{name}.csv"] = buffer.getvalue().encode()
        for name, content in sorted(self.files.items()):
            write_whole(out / name, content)


def _harmless(cell: object) -> object:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@") else cell


def make_part(kind: Kind, prefix: str, writer: Writer) -> Part:
    """The section of one kind of data: its tables, plots and sentences."""
    comparisons = compare_all(kind)
    raw_final, final = tables.final_table(kind)
    raw_pairs, pairs = tables.comparison_table(kind, comparisons)
    writer.table("final", raw_final)
    writer.table("runs", tables.runs_table(kind))
    writer.table("comparisons", raw_pairs)
    found = [(context, verdict.sentences(groups)) for context, groups in kind.contexts.items()]
    return Part(
        title=kind.title,
        verdict=[(context, sentences) for context, sentences in found if sentences]
        or [("", [("", "No federated run: nothing to say about joining.")])],
        final=final,
        sentences=[f"{words.over_images(each)} {words.over_runs(each)}".strip() for each in comparisons],
        comparisons=pairs,
        curves=_curves(kind, prefix, writer),
        owners=_owners(kind, prefix, writer),
        partitions=_partitions(kind, prefix, writer),
        provenance=tables.provenance_table(kind),
    )


def _looks(kind: Kind, groups: Sequence[Group]) -> dict[str, style.Look]:
    return style.looks(groups, {group.strategy for group in kind.groups})


def _curves(kind: Kind, prefix: str, writer: Writer) -> list[Plot]:
    sets = [("", kind.groups)] if len(kind.groups) <= CROWD else list(kind.contexts.items())
    found = []
    for metric in METRICS:
        for number, (context, groups) in enumerate(sets, 1):
            table = tables.rounds_table(kind, groups, metric)
            writer.table(metric, table)
            name = f"{prefix}{metric}{f'-{number}' if len(sets) > 1 else ''}"
            title = f"{tables.WORDS[metric].capitalize()} over rounds" + (f", {context}" if context else "")
            ends = "; ".join(f"{group.label} {words.final_words(group, metric)}" for group in groups)
            bands = any(len(group.results) > 1 for group in groups)
            caption = title + (". Line: mean over runs; faint lines: single runs; band: 95 % interval over runs "
                               "(Student's t)." if bands else ". One run a group: no interval.")  # fmt: skip
            figure = plots.curves(table, groups, metric, _looks(kind, groups))
            shown = tables.shown_rounds(table, metric)
            found.append(writer.plot(name, figure, title, f"{title}. In the last round: {ends}.", caption, shown))
    return found


def _owners(kind: Kind, prefix: str, writer: Writer) -> list[Plot]:
    """One plot for all groups if they have the same owners and are few, else one for each context."""
    same = len({tuple(result.owners["name"]) for result in kind.results}) == 1 and len(kind.groups) <= CROWD
    sets = {"": kind.groups} if same else kind.contexts
    found = []
    for number, (context, groups) in enumerate(sets.items(), 1):
        table = tables.owners_table(kind, groups)
        writer.table("owners", table)
        if not table["accuracy"].notna().any():
            continue
        title = "Each owner's accuracy on its own test images" + (f", {context}" if context else "")
        alike = [[group for group in groups if group.context == each] for each in kind.contexts]
        gains = " ".join(text for members in alike for text in verdict.owner_gains(table, members))
        caption = f"{title}: mean over runs; n is the number of its test images. {gains}"
        name = f"{prefix}owners{f'-{number}' if len(sets) > 1 else ''}"
        figure = plots.owners(table, groups, _looks(kind, groups))
        found.append(writer.plot(name, figure, title, f"{title}. {gains}", caption, tables.shown_owners(table)))
    return found


def _partitions(kind: Kind, prefix: str, writer: Writer) -> list[Plot]:
    """One plot for each different partition, of a group's first repetition; the table has those beyond CROWD too."""
    seen: dict[str, list[Result]] = {}
    for group in kind.groups:
        result = next(iter(group.results.values()))
        if len(result.partition):
            seen.setdefault(result.partition.to_csv(), []).append(result)
    found = []
    labels = {result.run.folder: group.label for group in kind.groups for result in group.results.values()}
    for number, results in enumerate(seen.values(), 1):
        first = results[0]
        who = ", ".join(labels[result.run.folder] for result in results)
        several = f" of {who}" if len(seen) > 1 else ""
        caption = f"Training images of each owner by class{several}; seed {first.key[0]}, data seed {first.key[1]}."
        shown = tables.partition_table(first)
        writer.table("partition", shown.assign(data=kind.title, groups=who))
        if number > CROWD:
            continue
        figure = plots.partition(first.partition, dict(zip(first.owners.index, first.owners["name"], strict=True)))
        name = f"{prefix}partition{f'-{number}' if len(seen) > 1 else ''}"
        alt = caption + " " + "; ".join(
            f"{row.iloc[0]}: " + ", ".join(f"{value} {key}" for key, value in row.iloc[1:].items()) for _, row in
            shown.head(20).iterrows())  # fmt: skip
        found.append(writer.plot(name, figure, caption, alt, caption, shown))
    return found
