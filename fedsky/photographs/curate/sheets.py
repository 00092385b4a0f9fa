"""Contact sheets: pages of thumbnails with a few words below each."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fedsky.data.picture import decode
from fedsky.photographs.curate.copies import EXACT, Group
from fedsky.photographs.curate.pictures import Collection
from fedsky.photographs.curate.suspects import LabelCheck
from fedsky.report import fonts

THUMB, GAP, LINE, TITLE = 160, 14, 15, 40  # pixels
COLUMNS, ROWS = 6, 5
SAMPLES = COLUMNS * ROWS


@dataclass(frozen=True)
class Cell:
    """One thumbnail: the index of the photograph, up to three lines below it, and whether it is framed."""

    index: int
    lines: tuple[str, ...]
    framed: bool = False


def samples(collection: Collection, label: str, number: int) -> list[int]:
    """Indices of photographs of a class, spread evenly over the class as it is ordered."""
    own = [index for index, each in enumerate(collection.pictures) if each.label == label]
    picked = np.linspace(0, len(own) - 1, min(number, len(own))).round().astype(int)
    return [own[place] for place in picked]


def all_sheets(
    collection: Collection, groups: Sequence[Group], label_check: LabelCheck | None
) -> Iterator[tuple[str, bytes]]:
    """Name and PNG of every sheet: suspects, duplicates, and one of samples a class."""
    pictures, classes = collection.pictures, collection.classes
    if label_check is not None and label_check.suspects:
        cells = []
        for index in label_check.suspects:
            each, row = pictures[index], label_check.probabilities[index]
            guess = int(row.argmax())
            words = f"colours: {classes[guess]} {row[guess]:.2f}"
            cells.append(Cell(index, (each.file, f"label: {each.label}", words)))
        yield from _pages(collection, "suspects", "Likely wrong labels, the least likely first", cells)
    if groups:
        cells = []
        for number, group in enumerate(groups, 1):
            for index in group.members:
                kind, bits = group.copies.get(index, ("", 0))
                words = "to keep" if not kind else "exact copy" if kind == EXACT else f"near copy, {bits} bits"
                cells.append(
                    Cell(
                        index,
                        (pictures[index].file, f"label: {pictures[index].label}", f"{number}: {words}"),
                        framed=not kind,
                    )
                )
        yield from _pages(collection, "duplicates", "Copies of one picture; the framed ones are to keep", cells)
    for label in classes:
        chosen = samples(collection, label, SAMPLES)
        count = sum(each.label == label for each in pictures)
        if chosen:
            cells = [Cell(index, (pictures[index].file,)) for index in chosen]
            yield from _pages(collection, f"class-{label}", f"{label}: {len(chosen)} of {count}", cells)


def _pages(collection: Collection, name: str, title: str, cells: Sequence[Cell]) -> Iterator[tuple[str, bytes]]:
    pages = -(-len(cells) // SAMPLES)
    for page in range(pages):
        part = cells[page * SAMPLES : (page + 1) * SAMPLES]
        heading = title + (f" (page {page + 1} of {pages})" if pages > 1 else "")
        yield f"{name}-{page + 1}.png", sheet(collection, heading, part)


def sheet(collection: Collection, title: str, cells: Sequence[Cell]) -> bytes:
    """One page as a PNG file; within ``fonts.spelling`` in characters that can be drawn."""
    num_lines = max(len(cell.lines) for cell in cells)
    height = THUMB + 4 + num_lines * LINE + GAP
    columns, rows = min(COLUMNS, max(len(cells), 3)), -(-len(cells) // COLUMNS)
    page = Image.new("RGB", (GAP + columns * (THUMB + GAP), TITLE + rows * height + GAP), "white")
    draw = ImageDraw.Draw(page)
    _write(draw, (GAP, 11), title, page.width - 2 * GAP, "#1b1f24", 16, ":bold")
    for number, cell in enumerate(cells):
        left, top = GAP + number % COLUMNS * (THUMB + GAP), TITLE + number // COLUMNS * height
        pixels = decode(collection.pictures[cell.index].path, THUMB)
        page.paste(Image.fromarray(pixels), (left, top))
        if cell.framed:
            draw.rectangle((left - 4, top - 4, left + THUMB + 3, top + THUMB + 3), outline="#009E73", width=3)
        for place, text in enumerate(cell.lines):
            ink = "#1b1f24" if place else "#565d66"
            _write(draw, (left, top + THUMB + 4 + place * LINE), text, THUMB, ink, 11)
    file = io.BytesIO()
    page.save(file, "PNG", optimize=True)
    return file.getvalue()


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, width: int, ink: str, size: int, style: str = ""
) -> None:
    """Writes a line in the first font that has all of its characters."""
    text = fonts.spelled(_one_line(text))
    family = fonts.of(text)
    font = ImageFont.truetype(fonts.file_of(family + style if family == fonts.LATIN else family), size)
    draw.text(place, _fitted(text, font, width), ink, font)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _fitted(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The text, its middle left out where it is too wide, as both ends of a file's name tell it apart."""
    if font.getlength(text) <= width:
        return text
    keep = len(text)
    while keep > 2:
        keep -= 1
        short = f"{text[: keep // 2]}…{text[len(text) - (keep - keep // 2) :]}"
        if font.getlength(short) <= width:
            return short
    return "…"
