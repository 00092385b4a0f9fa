"""The review file: what is suggested for every photograph, for a person to edit, and how it is read back."""

import csv
import difflib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fedsky.data import table as tables
from fedsky.photographs.curate.copies import EXACT, Group
from fedsky.photographs.curate.pictures import Collection, check_file
from fedsky.photographs.curate.suspects import LabelCheck

COLUMNS = ("file", "label", "suggestion", "reason", "confidence", "group")
KEEP, DROP, RELABEL = "keep", "drop", "relabel:"


@dataclass(frozen=True)
class Line:
    """One photograph of a review: the suggestion is keep, drop or relabel:NAME; confidence in [0, 1] or nothing."""

    file: str
    label: str
    suggestion: str
    reason: str = ""
    confidence: float | None = None
    group: str = ""


def suggest(collection: Collection, groups: Sequence[Group], label_check: LabelCheck | None) -> list[Line]:
    """A line for every photograph: broken ones and copies first, then suspects, least likely label first, then others.

    confidence is, of a relabelled or kept photograph, the out-of-fold probability of the class that is suggested; of a
    copy, 1 if exact, else the share of equal bits of the two hashes.
    """
    pictures, classes = collection.pictures, collection.classes
    first = [Line(file, label, DROP, f"no readable photograph ({why})", 1.0) for file, label, why in collection.broken]
    done: set[int] = set()
    for index, each in enumerate(pictures):
        if verdict := _verdict(each.row.get("review", ""), classes):
            first.append(Line(each.file, each.label, verdict, "the manifest's review says so"))
            done.add(index)
    names: dict[int, str] = {}
    for number, group in enumerate(groups, 1):
        names |= dict.fromkeys(group.members, f"copies-{number}")
        kept = pictures[group.kept]
        for index, (kind, bits) in group.copies.items():
            if index in done:
                continue
            copy = pictures[index]
            reason = f"{kind} copy of {kept.file}"
            reason += f", which is labelled {kept.label}" if copy.label != kept.label else ""
            confidence = 1.0 if kind == EXACT else 1 - bits / 64
            first.append(Line(copy.file, copy.label, DROP, reason, confidence, names[index]))
            done.add(index)
    if label_check is not None:
        for index in label_check.suspects:
            if index not in done:
                first.append(_suspect(collection, label_check, index, names.get(index, "")))
                done.add(index)
    labels = collection.labels
    rest = []
    for index, each in enumerate(pictures):
        if index not in done:
            confidence_ = None if label_check is None else float(label_check.probabilities[index, labels[index]])
            reason = "the one of its copies to keep" if index in names else ""
            rest.append(Line(each.file, classes[labels[index]], KEEP, reason, confidence_, names.get(index, "")))
    return first + rest


def _verdict(review: str, classes: Sequence[str]) -> str:
    """What a manifest's review asks for: drop, or relabel:NAME of a class that there is; else nothing."""
    head, _, name = review.partition(":")
    if head.strip().lower() == DROP:
        return DROP
    known = head.strip().lower() + ":" == RELABEL and name.strip() in classes
    return RELABEL + name.strip() if known else ""


def _suspect(collection: Collection, label_check: LabelCheck, index: int, group: str) -> Line:
    each, row = collection.pictures[index], label_check.probabilities[index]
    own = float(row[collection.classes.index(each.label)])
    guess = int(row.argmax())
    name = collection.classes[guess]
    if name == each.label:
        return Line(each.file, each.label, KEEP, f"its colours leave {each.label} unsure", own, group)
    reason = f"its colours look {name}; {each.label} has probability {own:.2f}"
    return Line(each.file, each.label, f"{RELABEL}{name}", reason, float(row[guess]), group)


def write(lines: Sequence[Line]) -> bytes:
    """The review file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in lines:
        confidence = "" if each.confidence is None else f"{each.confidence:.2f}"
        writer.writerow([each.file, each.label, each.suggestion, each.reason, confidence, each.group])
    content = text.getvalue()
    # Without the mark a spreadsheet takes other letters than Latin ones for another encoding, and saves them spoilt.
    return content.encode("utf-8" if content.isascii() else "utf-8-sig")


def read_review(path: Path, classes: Sequence[str]) -> dict[str, tuple[Line, int]]:
    """The lines of an edited review by file, each with its line number; only file, label and suggestion are read.

    ValueError with file and line for what cannot be understood.
    """
    table = tables.read(path, COLUMNS[:3])
    lines: dict[str, tuple[Line, int]] = {}
    for each in table.lines:
        place, file = f"{path} line {each.number}", each.cells["file"]
        check_file(file, place)
        if file in lines:
            raise ValueError(f"{place}: {file} stands in line {lines[file][1]} too: keep one")
        suggestion = _checked(each.cells["suggestion"].strip(), classes, place)
        lines[file] = Line(file, each.cells["label"], suggestion), each.number
    if not lines:
        raise ValueError(f"{path} holds no line: make it with curate FOLDER")
    return lines


def _checked(suggestion: str, classes: Sequence[str], place: str) -> str:
    head, colon, name = suggestion.partition(":")
    word = head.strip().lower() + colon  # a spreadsheet likes capitals
    if word in (KEEP, DROP):
        return word
    if word == RELABEL:
        name = name.strip()
        if name in classes:
            return RELABEL + name
        raise ValueError(f"{place}: {suggestion}: there is no class {name!r}: choose {' or '.join(classes)}")
    near = difflib.get_close_matches(suggestion, (KEEP, DROP), n=1)
    remedy = f"did you mean {near[0]}?" if near else "write keep, drop or relabel:NAME"
    raise ValueError(f"{place}: unknown suggestion {suggestion!r}: {remedy}")
