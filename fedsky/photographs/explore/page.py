"""The page of an exploration."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from fedsky.data.duplicates import DISTANCE
from fedsky.data.picture import decode
from fedsky.history import write_whole
from fedsky.photographs.curate import Findings, find
from fedsky.photographs.curate.copies import EXACT
from fedsky.photographs.curate.findings import REVIEW
from fedsky.photographs.curate.sheets import samples
from fedsky.photographs.explore.look import render
from fedsky.photographs.explore.owners import owner_tables
from fedsky.photographs.explore.plots import all_plots, owner_plots
from fedsky.photographs.explore.words import count, meaning
from fedsky.report.fonts import Spelling
from fedsky.report.style import drawing
from fedsky.untrusted import printable

SIDE, QUALITY = 112, 72  # pixels and JPEG quality of thumbnails
NUM_SAMPLES, NUM_SUSPECTS, NUM_COPIES = 14, 49, 24
NUM_CLASSES = 12  # of which samples are shown
ORIGINS = {"source": "Sources", "license": "Licences", "licence": "Licences", "author": "Authors"}
MOST_VALUES = 30


@dataclass(frozen=True)
class Thumbnail:
    """A small picture in the page: image is a data URI."""

    image: str
    alt: str
    lines: tuple[str, ...]


def explore(folder: Path, out: Path) -> str:
    """Writes the page of a folder of photographs to ``out``; the same folder gives the same bytes. Says what it found.

    ValueError where the folder holds no photographs, or where out is no HTML file's name.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out {out}: a file's name that ends in .html is needed")
    if out.is_dir():
        raise ValueError(f"--out {out} is a folder: name a file")
    found = find(folder)
    spelling = Spelling()
    content = page(found, printable(folder.resolve().name), spelling).encode("utf-8", errors="replace")
    write_whole(out, content)
    told = [] if found.agreement is None else [str(found.agreement)]
    told += filter(None, [str(found.collection.left_out), spelling.legend])
    return "\n".join([*told, str(out)])


def page(found: Findings, name: str, spelling: Spelling) -> str:
    """The page as text; what figures have in place of characters that no font has is added to spelling."""
    collection, label_check = found.collection, found.label_check
    pictures, classes = collection.pictures, collection.classes
    with drawing(spelling):
        plots, of_owners = list(all_plots(found)), list(owner_plots(found))
    shown = [label for label in classes if samples(collection, label, 1)]
    notes = []
    if collection.broken:
        notes.append(f"{count(len(collection.broken), 'file')} could not be read and are not counted; see the end.")
    if left_out := str(collection.left_out):
        notes.append(f"{printable(left_out, 1500)}.")
    if spelling.legend:
        notes.append(printable(spelling.legend, 1500))
    if len(shown) > NUM_CLASSES:
        notes.append(f"Samples are shown of the first {NUM_CLASSES} of {len(shown)} classes.")
    suspects = label_check.suspects if label_check is not None else ()
    more = len(suspects) - NUM_SUSPECTS
    copies = found.groups[:NUM_COPIES]
    return render(
        title=f"{name}: {count(len(pictures), 'photograph')}, {len(classes)} class{'es' * (len(classes) != 1)}",
        subtitle=f"Classes: {', '.join(printable(label, 60) for label in classes[:20])}{', …' * (len(classes) > 20)}.",
        notes=notes,
        meaning=[(printable(head, 400), printable(sentence, 1500)) for head, sentence in meaning(found)],
        plots=plots,
        owner_plots=of_owners,
        owners=owner_tables(found),
        samples=[
            (f"{printable(label)}", [_thumbnail(found, index) for index in samples(collection, label, NUM_SAMPLES)])
            for label in shown[:NUM_CLASSES]
        ],
        suspects=[_suspect(found, index) for index in suspects[:NUM_SUSPECTS]],
        suspects_more=f"The first {NUM_SUSPECTS} of {len(suspects)}; the table has all." if more > 0 else "",
        suspects_table=_suspects_table(found),
        no_suspects="None: colour contradicts no label."
        if label_check is not None
        else "Not looked for: two classes with two different photographs each are needed.",
        review=_review_table(found),
        copies=[_copies(found, number) for number in range(len(copies))],
        copies_more=f"The first {NUM_COPIES} of {len(found.groups)} groups." if len(found.groups) > NUM_COPIES else "",
        origins=_origins(found),
        broken=pd.DataFrame(
            [[printable(part) for part in row] for row in collection.broken], columns=["file", "label", "why"]
        )
        if collection.broken
        else None,
        near_bits=DISTANCE,
    )


def _thumbnail(found: Findings, index: int, *lines: str) -> Thumbnail:
    each = found.collection.pictures[index]
    file = io.BytesIO()
    Image.fromarray(decode(each.path, SIDE)).save(file, "JPEG", quality=QUALITY)
    image = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    words = (printable(each.file), *(printable(line) for line in lines))
    return Thumbnail(image, f"Photograph labelled {printable(each.label)}", words)


def _suspect(found: Findings, index: int) -> Thumbnail:
    assert found.label_check is not None
    row, label = found.label_check.probabilities[index], found.collection.pictures[index].label
    guess = int(row.argmax())
    return _thumbnail(found, index, f"label: {label}", f"colours: {found.collection.classes[guess]} {row[guess]:.2f}")


def _suspects_table(found: Findings) -> pd.DataFrame:
    rows = []
    for index in found.label_check.suspects if found.label_check is not None else ():
        assert found.label_check is not None
        each, row = found.collection.pictures[index], found.label_check.probabilities[index]
        guess, own = int(row.argmax()), row[found.collection.classes.index(each.label)]
        rows.append(
            [
                printable(each.file),
                printable(each.label),
                f"{own:.3f}",
                printable(found.collection.classes[guess]),
                f"{row[guess]:.3f}",
                *([printable(each.row[REVIEW])] if REVIEW in found.collection.columns else []),
            ]
        )
    columns = ["file", "label", "its probability", "colours say", "probability"]
    return pd.DataFrame(rows, columns=columns + [REVIEW] * (REVIEW in found.collection.columns))


def _review_table(found: Findings) -> pd.DataFrame | None:
    if found.agreement is None or found.label_check is None:
        return None
    suspects = set(found.label_check.suspects)
    counts = Counter((each.row[REVIEW], index in suspects) for index, each in enumerate(found.collection.pictures))
    values = sorted({value for value, _ in counts})
    rows = [[printable(value) or "(nothing)", counts[value, True], counts[value, False]] for value in values]
    return pd.DataFrame(rows, columns=[REVIEW, "suspect", "not suspect"])


def _copies(found: Findings, number: int) -> tuple[str, list[Thumbnail]]:
    group = found.groups[number]
    cells = []
    for index in group.members[:8]:
        kind, bits = group.copies.get(index, ("", 0))
        words = "to keep" if not kind else "exact copy" if kind == EXACT else f"near copy, {bits} of 64 bits"
        cells.append(_thumbnail(found, index, f"label: {found.collection.pictures[index].label}", words))
    return f"Group {number + 1}: {len(group.members)} photographs", cells


def _origins(found: Findings) -> list[tuple[str, pd.DataFrame]]:
    """Counts by class of each column of the manifest that tells of sources or licences."""
    tables = []
    for column, name in ORIGINS.items():
        if column in found.collection.columns:
            rows = [(each.row[column].strip() or "(nothing)", each.label) for each in found.collection.pictures]
            tables.append((f"{name}, by class", _counts(rows, column, found.collection.classes)))
    return tables


def _counts(rows: Sequence[tuple[str, str]], column: str, classes: Sequence[str]) -> pd.DataFrame:
    counts, totals = Counter(rows), Counter(value for value, _ in rows)
    lines = [
        [printable(value), total, *(counts[value, label] for label in classes)]
        for value, total in totals.most_common(MOST_VALUES)
    ]
    if len(totals) > MOST_VALUES:
        rest = [value for value, _ in totals.most_common()[MOST_VALUES:]]
        lines.append(
            [
                f"({len(rest)} others)",
                sum(totals[value] for value in rest),
                *(sum(counts[value, label] for value in rest) for label in classes),
            ]
        )
    return pd.DataFrame(lines, columns=[column, "all", *(printable(label) for label in classes)])
