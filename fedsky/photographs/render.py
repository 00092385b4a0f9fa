"""``python -m fedsky.data render``: drawn skies as files, with what is true of each, and as a contact sheet."""

import csv
import io
import math
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from PIL import Image

from fedsky.data import sky
from fedsky.data.rendered import check, draw, drawn, owner_of
from fedsky.history import write_whole

COLUMNS = (
    "file",
    "label",
    "source",
    "cover",
    "genus",
    "sun_elevation",
    "sun_azimuth",
    "turbidity",
    "ground",
    "pitch",
    "fov",
    "owner",
    "render_seed",
    "index",
)
PICTURES = (".png", ".jpg", ".jpeg")
ON_SHEET, COLUMNS_ON_SHEET, GAP = 64, 16, 2


def render(
    out: Path | None, sheet: Path | None, count: int, size: int, seed: int, owners: int | None, label_noise: float
) -> Iterator[str]:
    """Draws into a new folder ``out`` or on ``sheet``, and says so; the same numbers give the same pictures."""
    check(count, size, seed, owners, label_noise)
    if sheet is not None and sheet.suffix.lower() not in PICTURES:
        raise ValueError(f"--sheet {sheet}: a name that ends in {', '.join(PICTURES[:-1])} or {PICTURES[-1]} is needed")
    if out is not None and out.exists():
        raise ValueError(f"--out {out} exists already: name a new folder, or remove it")
    make = partial(draw, seed, size, owners, label_noise)
    if out is not None:
        _folder(out, drawn(make, count), seed, owners)
        yield f"{out}: {count} pictures and manifest.csv; train on them with data=folder data.root={out}"
    if sheet is not None:
        total = ON_SHEET * len(sky.CLASSES)
        write_whole(sheet, _sheet(list(drawn(make, total)), size, sheet.suffix.lower()))
        yield f"{sheet}: {ON_SHEET} of each class, {sky.CLASSES[0]} above, {sky.CLASSES[1]} below"


def _folder(out: Path, pictures: Iterator[sky.Drawn], seed: int, owners: int | None) -> None:
    """Writes the pictures as PNG, so that data=folder reads the very pixels; the folder appears by rename."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        for name in sky.CLASSES:
            (draft / name).mkdir()
        with (draft / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            for index, made in enumerate(pictures):
                label = sky.CLASSES[made.label]
                name = f"{label}/{index:05d}.png"
                Image.fromarray(made.image).save(draft / name)
                owner = "" if owners is None else owner_of(index, owners)
                table.writerow((name, label, f"rendered-v{sky.VERSION}", *_truth(made), owner, seed, index))
        draft.chmod(0o755)
        draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _truth(made: sky.Drawn) -> tuple[str, ...]:
    """What a row says of a picture: cover as a fraction, angles in degrees."""
    return (
        f"{made.cover:.4f}",
        made.genus,
        f"{made.sun_elevation:.2f}",
        f"{made.sun_azimuth:.2f}",
        f"{made.turbidity:.2f}",
        made.ground,
        f"{made.pitch:.2f}",
        f"{made.fov:.1f}",
    )


def _sheet(pictures: list[sky.Drawn], size: int, suffix: str) -> bytes:
    """The contact sheet: the classes one above the other, a white gap between."""
    rows, side = math.ceil(ON_SHEET / COLUMNS_ON_SHEET), size + GAP
    high = len(sky.CLASSES) * rows * side + (len(sky.CLASSES) - 1) * 4 * GAP
    paper = Image.new("RGB", (COLUMNS_ON_SHEET * side - GAP, high - GAP), "white")
    for place, made in enumerate(pictures):
        row, column = divmod(place // len(sky.CLASSES), COLUMNS_ON_SHEET)
        top = (row + rows * made.label) * side + made.label * 4 * GAP
        paper.paste(Image.fromarray(made.image), (column * side, top))
    file = io.BytesIO()
    paper.save(file, "PNG" if suffix == ".png" else "JPEG", **({} if suffix == ".png" else {"quality": 88}))
    return file.getvalue()
