"""What ``curate`` does: a review with its contact sheets, or a reviewed collection."""

from pathlib import Path

import numpy as np

from fedsky.history import write_whole
from fedsky.photographs.curate.apply import apply
from fedsky.photographs.curate.findings import find
from fedsky.photographs.curate.pictures import read
from fedsky.photographs.curate.review import KEEP, read_review, suggest, write
from fedsky.photographs.curate.sheets import all_sheets
from fedsky.report.fonts import spelling


def review(folder: Path, out: Path) -> str:
    """Writes ``out/review.csv`` and ``out/sheets/``; says in a few lines what was found.

    ValueError if there is a review already: a person may have edited it.
    """
    path = out / "review.csv"
    if path.exists():
        raise ValueError(f"{path} is there already, perhaps edited: name another --out or remove it")
    found = find(folder)
    collection, label_check = found.collection, found.label_check
    lines = suggest(collection, found.groups, label_check)
    with spelling() as spelt:
        sheets = dict(all_sheets(collection, found.groups, label_check))
    for name, content in sheets.items():
        write_whole(out / "sheets" / name, content)
    write_whole(path, write(lines))
    num_copies = sum(len(group.copies) for group in found.groups)
    told = [f"{len(collection.pictures)} photographs of {', '.join(collection.classes)} in {folder}"]
    if collection.owners:
        owned = zip(collection.owners, np.bincount(collection.whose + 1, minlength=2)[1:], strict=True)
        told.append("by owner: " + ", ".join(f"{name} {count}" for name, count in owned))
    told += [f"broken: {file}: {why}" for file, _, why in collection.broken]
    told += filter(None, [str(collection.left_out), spelt.legend])
    told.append(f"copies of another: {num_copies}")
    if label_check is None:
        told.append("labels were not judged: two classes with two different photographs each are needed")
    else:
        told.append(f"likely wrong labels: {len(label_check.suspects)}")
    if found.agreement is not None:
        told.append(str(found.agreement))
    changes = sum(line.suggestion != KEEP for line in lines)
    told.append(f"{path}: {changes} of {len(lines)} lines suggest a change; {len(sheets)} contact sheets beside it")
    told.append(f"edit it, then: curate {folder} --apply {path} --out NEWFOLDER")
    return "\n".join(told)


def accept(folder: Path, edited: Path, out: Path) -> str:
    """Copies the collection as an edited review says; a line with the counts, and one on what is not read."""
    if not edited.is_file():
        raise ValueError(f"--apply {edited} is not a file: name the review.csv that curate {folder} wrote")
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: name one that holds photographs")
    collection = read(folder)
    counts = apply(collection, read_review(edited, collection.classes), edited, out)
    told = f"{out}: kept {counts['kept']}, relabelled {counts['relabelled']}, dropped {counts['dropped']}"
    return "\n".join(filter(None, [told, str(collection.left_out)]))
