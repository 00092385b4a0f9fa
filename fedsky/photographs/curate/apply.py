"""A reviewed collection, copied into a folder of its own."""

import csv
import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fedsky.photographs.curate.pictures import MANIFEST, Collection
from fedsky.photographs.curate.review import DROP, RELABEL, Line


def apply(collection: Collection, lines: dict[str, tuple[Line, int]], review: Path, out: Path) -> Counter[str]:
    """Copies what is kept into ``out/<class>/`` and writes its manifest; counts of kept, relabelled and dropped.

    The folder appears whole or not at all; nothing of the collection is moved or changed. The manifest has all former
    columns, with file and label brought up to date (and review, where it held a verdict), and then what these were as
    former_file, former_label and former_review. ValueError if ``out``
    holds anything, or where review and collection do not fit.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"--out {out} is there already: name a folder that is not, nothing is overwritten")
    check_fit(collection, lines, review)
    rows, counts = collection.rows(), Counter[str]()
    written: list[dict[str, str]] = []
    former = _free(("former_file", "former_label", "former_review"), collection.columns)
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        taken: set[str] = set()
        for each in collection.pictures:
            suggestion = lines[each.file][0].suggestion
            if suggestion == DROP:
                counts["dropped"] += 1
                continue
            label = suggestion.removeprefix(RELABEL) if suggestion.startswith(RELABEL) else each.label
            counts["relabelled" if label != each.label else "kept"] += 1
            file = _name(label, PurePosixPath(each.file).name, taken)
            (draft / label).mkdir(exist_ok=True)
            shutil.copyfile(each.path, draft / file)
            row = rows[each.file] | {"file": file, "label": label, former[0]: each.file, former[1]: each.label}
            if "review" in row:
                # A verdict that is carried out must not be carried out again where the manifest is read.
                row[former[2]] = row["review"]
                if row["review"].partition(":")[0].strip().lower() in (DROP, RELABEL.rstrip(":")):
                    row["review"] = "ok"
            written.append(row)
        counts["dropped"] += len(collection.broken)
        if not written:
            raise ValueError(f"{review} drops every photograph: keep some")
        text = io.StringIO()
        writer = csv.DictWriter(text, list(written[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(written)
        (draft / MANIFEST).write_text(text.getvalue(), encoding="utf-8", newline="")
        draft.chmod(0o755)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return counts


def check_fit(collection: Collection, lines: dict[str, tuple[Line, int]], review: Path) -> None:
    """Raises ValueError where a photograph has no line, a line no photograph, or another label than the collection."""
    labels = {each.file: each.label for each in collection.pictures}
    broken = {file: why for file, _, why in collection.broken}
    for file, (line, number) in lines.items():
        place = f"{review} line {number}"
        if file in broken:
            if line.suggestion != DROP:
                raise ValueError(f"{place}: {file} is not a readable photograph ({broken[file]}): write drop")
        elif file not in labels:
            raise ValueError(f"{place}: {collection.root} has no {file}: remove the line or make the review anew")
        elif line.label != labels[file]:
            raise ValueError(
                f"{place}: label {line.label!r} is not that of {file} ({labels[file]}): "
                "leave the label and write relabel:NAME as the suggestion"
            )
    missing = [file for file in (*labels, *broken) if file not in lines]
    if missing:
        raise ValueError(f"{review} has no line for {missing[0]} ({len(missing)} missing): write keep or drop for each")


def _free(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The names, with a number behind each if a former manifest has such a column: its values are kept."""
    number = 1
    while any(name + (f"_{number}" if number > 1 else "") in columns for name in names):
        number += 1
    return [name + (f"_{number}" if number > 1 else "") for name in names]


def _name(label: str, name: str, taken: set[str]) -> str:
    """A path in the class's folder that is not taken, regardless of capitals, as some file systems ignore them."""
    path, number = PurePosixPath(name), 1
    while f"{label}/{name}".lower() in taken:
        number += 1
        name = f"{path.stem}-{number}{path.suffix}"
    taken.add(f"{label}/{name}".lower())
    return f"{label}/{name}"
