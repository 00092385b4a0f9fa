"""``python -m fedsky.data partition``: who would own which photographs, as a table, a number and a picture."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.table import Table

from fedsky.config import resolve
from fedsky.config.refusals import LONGEST, explain
from fedsky.data import Owner, Photos
from fedsky.data.owners import load
from fedsky.data.parts import remarks
from fedsky.history import write_whole
from fedsky.partition import label_table
from fedsky.partition.heterogeneity import heterogeneity, label_distances
from fedsky.untrusted import printable

PICTURES = (".svg", ".png", ".pdf")
SHUFFLES = 20  # random cuts whose mean says what chance alone comes to


def show(cfg: DictConfig, out: Path | None) -> None:
    """Prints the table of a configuration's owners and how unlike they are, and draws it to ``out``."""
    if out is not None and out.suffix.lower() not in PICTURES:
        raise ValueError(f"--out {out}: a name that ends in {', '.join(PICTURES[:-1])} or {PICTURES[-1]} is needed")
    try:
        config = resolve(cfg)
    except OmegaConfBaseException as error:
        raise ValueError(explain(error)) from error
    photos, owners = load(config)
    own = (owner.name or f"owner {client}" for client, owner in enumerate(owners))
    names = [str(name) for name in config["client_names"] or own]
    counts = label_counts(photos, owners)
    # A terminal folds what is too wide for it; a file takes all of it.
    console = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, markup=False, emoji=False)
    console.print(owner_table(photos, owners, names))
    console.print(summary(counts, config["data_seed"]), soft_wrap=True)
    for remark in remarks(photos, owners):
        console.print(printable(remark, LONGEST), soft_wrap=True)
    if out is not None:
        content, legend = picture(photos, owners, names, out.suffix.lower())
        write_whole(out, content)
        if legend:
            console.print(legend, soft_wrap=True)
        console.print(str(out), soft_wrap=True)


def label_counts(photos: Photos, owners: Sequence[Owner]) -> NDArray[np.int64]:
    """Images of every owner in all its parts, by class: [owners, classes]."""
    everything = [np.concatenate([owner.train, owner.validation, owner.test]) for owner in owners]
    return np.array([label_table(photos.labels, own, len(photos.classes)) for own in everything], dtype=np.int64)


def owner_table(photos: Photos, owners: Sequence[Owner], names: Sequence[str]) -> Table:
    """A row an owner: its images by class and by part, and the distance of its labels to those of all."""
    counts = label_counts(photos, owners)
    table = Table("")
    for name in (*photos.classes, "images", "train", "validation", "test", "distance"):
        table.add_column(printable(name, 60), justify="right")
    rows = [
        [*own, own.sum(), *map(len, (owner.train, owner.validation, owner.test))]
        for own, owner in zip(counts, owners, strict=True)
    ]
    for name, row, distance in zip(names, rows, label_distances(counts), strict=True):
        table.add_row(printable(name, 60), *map(str, row), f"{distance:.3f}")
    table.add_section()
    table.add_row("all", *map(str, np.sum(rows, axis=0)), f"{heterogeneity(counts):.3f}")
    return table


def summary(counts: NDArray[np.int64], seed: int) -> str:
    """Label heterogeneity between what chance and what owners of one class each come to; how unlike sizes are."""
    sizes, totals = counts.sum(axis=1), counts.sum(axis=0)
    labels = np.repeat(np.arange(len(totals)), totals)
    rng = np.random.default_rng([seed, 3])
    by_chance = [
        heterogeneity(
            [
                np.bincount(own, minlength=len(totals))
                for own in np.split(rng.permutation(labels), np.cumsum(sizes)[:-1])
            ]
        )
        for _ in range(SHUFFLES)
    ]
    totals = totals[totals > 0]
    one_class = np.average(label_distances(np.diag(totals)), weights=totals)
    return (
        f"label heterogeneity: {heterogeneity(counts):.3f}, the mean Jensen-Shannon distance of an owner's labels to "
        f"all, from 0 to 1; owners of these sizes drawn at random: {np.mean(by_chance):.3f}, of one class each: "
        f"{one_class:.3f}\nsizes: {sizes.min()} to {sizes.max()} images, median {np.median(sizes):g}"
    )


def picture(photos: Photos, owners: Sequence[Owner], names: Sequence[str], suffix: str) -> tuple[bytes, str]:
    """Stacked bars of every owner's training images by class, as the report draws them.

    With it a sentence on characters that no font has, empty where there are none.
    """
    # These take a second to import, which a table need not wait for.
    import pandas as pd

    from fedsky.report.plots import partition
    from fedsky.report.style import as_pdf, as_png, as_svg, drawing

    rows = [
        (client, "train", name, count)
        for client, owner in enumerate(owners)
        for name, count in zip(
            photos.classes, label_table(photos.labels, owner.train, len(photos.classes)), strict=True
        )
    ]
    distance = heterogeneity(label_counts(photos, owners))
    with drawing() as spelling:
        table = pd.DataFrame(rows, columns=["client", "part", "class", "count"])
        figure = partition(table, dict(enumerate(names)))
        figure.axes[0].set_xlabel(f"Training images; label heterogeneity {distance:.3f}")
        content = {".png": as_png, ".svg": lambda drawn: as_svg(drawn).encode(), ".pdf": as_pdf}[suffix](figure)
    return content, spelling.legend
