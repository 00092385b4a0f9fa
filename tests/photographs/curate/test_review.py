"""A review of drawn skies: what it finds, what it refuses, and what applying it leaves on disk."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fedsky.photographs.__main__ import app
from fedsky.photographs.curate import accept, find, read, review
from fedsky.photographs.curate.suspects import compare

WRONG, COPY, FIRST, BROKEN = "grey/wrong.png", "blue/small.jpg", "blue/03.png", "grey/broken.jpg"


def sky(path: Path, seed: int, blue: bool, size: tuple[int, int] = (96, 72)) -> None:
    """A gradient with random bright blobs, blue or grey."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[1], 0 : size[0]] / 72
    light = (
        0.35
        + 0.25 * y
        + sum(
            rng.uniform(0.2, 0.4) * np.exp(-((x - rng.uniform(0, 1.3)) ** 2 + (y - rng.uniform(0, 1)) ** 2) / 0.04)
            for _ in range(5)
        )
    )
    tint = np.array([0.4, 0.6, 1.0]) if blue else np.array([0.75, 0.76, 0.78])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((255 * np.clip(light[..., None] * tint, 0, 1)).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def skies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("skies")
    for number in range(12):
        sky(root / f"blue/{number:02}.png", number, True)
        sky(root / f"grey/{number:02}.png", 100 + number, False)
    sky(root / WRONG, 200, True)
    Image.open(root / FIRST).resize((60, 45)).save(root / COPY, quality=80)
    (root / "grey/exact.png").write_bytes((root / "grey/05.png").read_bytes())
    (root / BROKEN).write_bytes(b"\xff\xd8 not a photograph")
    return root


@pytest.fixture(scope="module")
def reviewed(skies: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("review")
    review(skies, out)
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def edited(reviewed: Path, tmp_path: Path, old: str, new: str) -> Path:
    text = (reviewed / "review.csv").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "edited.csv"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def state(root: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()}


def test_what_is_planted_is_found_and_nothing_else(skies: Path, reviewed: Path) -> None:
    lines = {row["file"]: row for row in rows(reviewed / "review.csv")}
    assert len(lines) == 28
    changed = {file: row["suggestion"] for file, row in lines.items() if row["suggestion"] != "keep"}
    assert changed == {WRONG: "relabel:blue", COPY: "drop", "grey/exact.png": "drop", BROKEN: "drop"}
    assert lines[COPY]["reason"] == f"near copy of {FIRST}" and lines[COPY]["group"] == lines[FIRST]["group"]
    assert lines["grey/exact.png"]["reason"] == "exact copy of grey/05.png"
    assert lines["grey/exact.png"]["confidence"] == "1.00"
    assert "no readable photograph" in lines[BROKEN]["reason"]
    assert 0.5 < float(lines[WRONG]["confidence"]) <= 1


def test_of_copies_with_unlike_labels_the_likelier_label_is_kept(tmp_path: Path) -> None:
    for number in range(8):
        sky(tmp_path / f"blue/{number}.png", number, True)
        sky(tmp_path / f"grey/{number}.png", 50 + number, False)
    sky(tmp_path / "blue/a_grey_one.png", 53, False)  # first by name, but wrong
    (group,) = find(tmp_path).groups
    names = [each.file for each in read(tmp_path).pictures]
    assert names[group.kept] == "grey/3.png" and [names[index] for index in group.copies] == ["blue/a_grey_one.png"]


def test_contact_sheets_are_there_and_of_a_size_to_look_at(reviewed: Path) -> None:
    names = {path.name for path in (reviewed / "sheets").iterdir()}
    assert names == {"suspects-1.png", "duplicates-1.png", "class-blue-1.png", "class-grey-1.png"}
    with Image.open(reviewed / "sheets" / "class-blue-1.png") as sheet:
        assert sheet.width > 900 and sheet.height > 500


def test_a_review_that_is_there_is_not_overwritten(skies: Path, reviewed: Path) -> None:
    before = state(reviewed)
    with pytest.raises(ValueError, match="is there already"):
        review(skies, reviewed)
    assert state(reviewed) == before


def test_apply_copies_relabels_and_leaves_the_collection_alone(skies: Path, reviewed: Path, tmp_path: Path) -> None:
    before, out = state(skies), tmp_path / "new"
    assert accept(skies, reviewed / "review.csv", out) == f"{out}: kept 24, relabelled 1, dropped 3"
    assert state(skies) == before
    manifest = {row["file"]: row for row in rows(out / "manifest.csv")}
    assert set(manifest) == {str(p.relative_to(out)) for p in out.rglob("*.*") if p.name != "manifest.csv"}
    moved = manifest["blue/wrong.png"]
    assert (moved["label"], moved["former_file"], moved["former_label"]) == ("blue", WRONG, "grey")
    for file, row in manifest.items():
        assert (out / file).read_bytes() == (skies / row["former_file"]).read_bytes()
        assert hashlib.sha256((out / file).read_bytes()).hexdigest() == row["sha256"]


def test_a_relabelled_file_never_takes_anothers_name(skies: Path, reviewed: Path, tmp_path: Path) -> None:
    path = edited(reviewed, tmp_path, "grey/07.png,grey,keep", "grey/07.png,grey,relabel:blue")
    accept(skies, path, tmp_path / "new")
    former = {row["former_file"]: row["file"] for row in rows(tmp_path / "new/manifest.csv")}
    assert former["blue/07.png"] == "blue/07.png" and former["grey/07.png"] == "blue/07-2.png"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("grey/07.png,grey,keep", "grey/07.png,grey,kepe", "unknown suggestion 'kepe': did you mean keep?"),
        ("grey/07.png,grey,keep", "grey/07.png,grey,", "write keep, drop or relabel:NAME"),
        ("grey/07.png,grey,keep", "grey/07.png,grey,relabel:green", "there is no class 'green': choose blue or grey"),
        ("grey/07.png,grey,keep", "grey/07.png,blue,keep", "leave the label and write relabel:NAME"),
        ("grey/07.png,grey,keep", "grey/77.png,grey,keep", "has no grey/77.png"),
        ("grey/07.png,grey,keep", "../07.png,grey,keep", "is not a path inside the folder"),
        ("grey/07.png,grey,keep", "grey/08.png,grey,keep", "too: keep one"),
        (f"{BROKEN},grey,drop", f"{BROKEN},grey,keep", "is not a readable photograph"),
    ],
)
def test_a_wrong_review_is_refused_with_file_and_line(
    skies: Path, reviewed: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = edited(reviewed, tmp_path, old, new)
    with pytest.raises(ValueError) as raised:
        accept(skies, path, tmp_path / "new")
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.startswith(new))
    message = str(raised.value)
    assert said in message and "\n" not in message
    second = next((n for n, line in enumerate(lines, 1) if n > number and line.startswith("grey/08.png")), number)
    assert f"{path} line {second if 'too: keep' in said else number}:" in message
    assert not (tmp_path / "new").exists() and len(list(tmp_path.iterdir())) == 1


def test_a_photograph_without_a_line_and_a_folder_in_use_are_refused(
    skies: Path, reviewed: Path, tmp_path: Path
) -> None:
    text = [row for row in (reviewed / "review.csv").read_text().splitlines() if not row.startswith("grey/07")]
    (tmp_path / "short.csv").write_text("\n".join(text) + "\n")
    with pytest.raises(ValueError, match=r"no line for grey/07.png \(1 missing\)"):
        accept(skies, tmp_path / "short.csv", tmp_path / "new")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="nothing is overwritten"):
        accept(skies, reviewed / "review.csv", tmp_path / "full")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["full", "mine.txt", "short.csv"]


def test_former_columns_are_kept_and_verdicts_carried_out_once(tmp_path: Path) -> None:
    root = tmp_path / "skies"
    lines = ["file,label,author,review,former_file"]
    for number in range(4):
        for label in ("blue", "grey"):
            sky(root / f"{label}{number}.png", number + 50 * (label == "blue"), label == "blue")
            verdict = {"blue0": "drop", "grey1": "relabel:blue"}.get(f"{label}{number}", "doubtful")
            lines.append(f'{label}{number}.png,{label},"Ada, {number}",{verdict},older')
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    review(root, tmp_path / "review")
    accept(root, tmp_path / "review/review.csv", tmp_path / "new")
    found = {row["former_file_2"]: row for row in rows(tmp_path / "new/manifest.csv")}
    assert "blue0.png" not in found and len(found) == 7
    assert found["grey1.png"] == {
        "file": "blue/grey1.png",
        "label": "blue",
        "author": "Ada, 1",
        "review": "ok",
        "former_file": "older",
        "former_file_2": "grey1.png",
        "former_label_2": "grey",
        "former_review_2": "relabel:blue",
    }
    assert found["grey2.png"]["review"] == "doubtful"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,class\na.png,blue\n", "no column label"),
        ("file,label\n../a.png,blue\n", "line 2: file '../a.png' is not a path inside"),
        ("file,label\na.png,../blue\n", "line 2: label '../blue' cannot name a folder"),
        ("file,label\na.png,blue,extra\n", "line 2: 2 fields are needed"),
        ("file,label\na.png,blue\na.png,blue\n", "line 3: a.png stands there twice"),
        ("file,label\n", "names no photograph"),
    ],
)
def test_a_manifest_that_cannot_be_understood_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(ValueError) as raised:
        read(tmp_path)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_files_that_are_not_in_the_manifest_are_told(skies: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        sky(tmp_path / f"blue/{name}.png", 1, True)
    (tmp_path / "manifest.csv").write_text("file,label\nblue/a.png,blue\nblue/gone.png,blue\n")
    collection = read(tmp_path)
    told = "1 file is not read: 1 in the class folders but not in manifest.csv (blue/b.png; add lines for them)"
    assert str(collection.left_out) == told
    assert collection.broken == (("blue/gone.png", "blue", "the file is not there"),)


def test_too_few_photographs_are_not_judged(tmp_path: Path) -> None:
    sky(tmp_path / "blue/a.png", 1, True)
    sky(tmp_path / "grey/a.png", 2, False)
    assert find(tmp_path).label_check is None


def test_precision_and_recall() -> None:
    agreement = compare([0, 1, 2], ["doubtful", "ok", "drop", "", "doubtful", "keep", "doubtful"])
    assert agreement is not None
    assert (agreement.precision, agreement.recall) == (2 / 3, 2 / 4)
    assert compare([0], ["ok", ""]) is None


def test_the_command_ends_in_one_line(skies: Path, reviewed: Path, tmp_path: Path) -> None:
    run = CliRunner()
    done = run.invoke(app, ["curate", str(skies), "--apply", str(reviewed / "review.csv")])
    assert done.exit_code == 2 and "add --out NEWFOLDER" in done.output and done.output.count("\n") == 1
    done = run.invoke(app, ["curate", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1 and "is not a folder" in done.output and done.output.count("\n") == 1
    done = run.invoke(
        app, ["curate", str(skies), "--apply", str(reviewed / "review.csv"), "--out", str(tmp_path / "new")]
    )
    assert done.exit_code == 0 and "kept 24, relabelled 1, dropped 3" in done.output
