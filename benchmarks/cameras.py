"""``python -m benchmarks.cameras NAME=RUNS...``: how models judge photographs by other cameras than they learned from.

RUNS is a folder of runs, or a model's file, which is judged on the photographs of all runs of ``--of``; where NAME= is
left out, or has {} for it, a folder's runs are told apart by strategy. At home: the photographs of a run's owners, each
judged by that owner's model where owners have their own. Abroad: the same photographs as cameras of benchmarks.retaken
would have taken them (where owners have such cameras themselves, ``--original`` names the folder of the photographs as
they were: then only cameras that none of them has), or 400 other drawn skies, each by a camera of its own. There every
model judges all of them.

Prints a row for each name: balanced accuracy at home and abroad and its difference to the first row, with 95 %
intervals over photographs, training's chance and splits (fedsky.report.crossed), which for a column of differences
hold at once; abroad at the best threshold; the expected calibration error, and the one with the temperature that fits
a run's validation photographs best. ``--part validation`` is what levers are chosen by. ``--flip`` adds rows with the
mean over each picture and its mirror image.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.calibration import Labels, figures, probabilities, temperature
from benchmarks.retaken import CAMERAS, UNSEEN, Floats, Pictures, taken_by
from fedsky.client.task import Task, load_task, specification
from fedsky.data import rendered
from fedsky.data.picture import decode
from fedsky.history import DONE, Run, find_runs, read_run
from fedsky.model.pixels import normalise, to_float
from fedsky.predict import load_model, model_files
from fedsky.report.crossed import Entries, balanced, moments
from fedsky.report.family import Difference
from fedsky.report.results import strategy_name

FRESH = 400  # drawn skies
HOME = "home"


@dataclass(frozen=True)
class Answer:
    """What a run's models say of photographs by one camera: ``right`` is the share of them that are right [n].

    figures: balanced accuracy at the best threshold, calibration error, and the one with a temperature.
    """

    camera: str
    names: Sequence[str]
    labels: Labels
    right: Floats
    figures: Floats
    split: str
    seed: int
    shared: float


@torch.no_grad()
def logits(model: nn.Module, pictures: Pictures, flip: bool = False) -> Floats:
    """What a model answers [n, 2]; with ``flip`` the mean of a picture's and its mirror image's."""
    images = normalise(to_float(torch.from_numpy(pictures)))
    answers = model(images).double()
    return np.asarray(((answers + model(images.flip(3)).double()) / 2 if flip else answers).numpy())


def answer(run: Path, seed: int, of: Run, asked: argparse.Namespace, flip: bool) -> list[Answer]:
    """What the models of a run, or of a file, say of the photographs of another, or its own, at home and abroad."""
    task: Task = load_task(specification(of.config, of.folder / "clients"))
    models = [load_model(path)[0] for path in model_files(run).values()]
    everybody = list(range(len(task.owners)))
    whose = [everybody] if len(models) == 1 else [[client] for client in everybody]
    about: dict[str, Any] = {"split": "", "seed": seed, "shared": 0.0}
    if run == of.folder:
        num_train, num = (len(task.part(name, everybody)) for name in ("train", asked.part))
        about["split"] = f"{of.config['data_seed']} {of.config['data']['fold']}"
        about["shared"] = num / num_train
    found, heats = [], []

    def told(camera: str, names: Sequence[str], labels: Labels, said: Sequence[Floats], by: Sequence[float]) -> None:
        right = np.mean([(probabilities(each) > 0.5) == labels for each in said], axis=0)
        scores = [figures(each, labels, heat) for each, heat in zip(said, by, strict=True)]
        found.append(Answer(camera, names, labels, right, np.mean(scores, axis=0), **about))

    for model, own in zip(models, whose, strict=True):
        fitted, judged = (task.part(name, own) for name in ("validation", asked.part))
        heats.append(temperature(logits(model, task.photos.pixels[fitted], flip), task.photos.labels[fitted]))
        names, labels = [task.photos.names[place] for place in judged], task.photos.labels[judged]
        told(HOME, names, labels, [logits(model, task.photos.pixels[judged], flip)], heats[-1:])
    for camera, (shown, labels, pictures) in abroad(task, of, asked).items():
        told(camera, shown, labels, [logits(model, pictures, flip) for model in models], heats)
    return found


def abroad(task: Task, of: Run, asked: argparse.Namespace) -> dict[str, tuple[Sequence[str], Labels, Pictures]]:
    """Names, labels and pictures of what each foreign camera took."""
    data, photos = of.config["data"], task.photos
    if data["_target_"].endswith("rendered.load"):
        fresh = rendered.load(FRESH, data["size"], data["render_seed"] + 1, data["cache"], cameras="any")
        return {"any": (fresh.names, fresh.labels, np.array(fresh.pixels))}
    places = task.part(asked.part, list(range(len(task.owners))))
    names, pictures = [photos.names[place] for place in places], np.asarray(photos.pixels[places])
    if asked.original is not None:
        files = [decode(asked.original / name, data["size"]) for name in names]
        pictures = np.stack([each.transpose(2, 0, 1) for each in files])
    cameras = UNSEEN if asked.original is not None else [name for name in CAMERAS if name != HOME]
    return {name: (names, photos.labels[places], taken_by(name, pictures)) for name in cameras}


def tables(rows: Mapping[str, Sequence[Answer]]) -> tuple[list[str], list[Entries]]:
    """The rows as entries, those of the same photographs and runs in one table; and their names in that order."""
    numbers: dict[Any, int] = {}
    keyed: dict[tuple[Any, ...], list[str]] = {}
    for name, answers in rows.items():
        keys = tuple(
            (numbers.setdefault(photograph, len(numbers)), each.split, each.seed, each.camera, label)
            for each in answers
            for photograph, label in zip(each.names, each.labels.tolist(), strict=True)
        )
        keyed.setdefault(keys, []).append(name)
    found = []
    for keys, names in keyed.items():
        photograph, label = (np.array([key[place] for key in keys], dtype=np.int64) for place in (0, 4))
        split, seed = (np.unique([str(key[place]) for key in keys], return_inverse=True)[1] for place in (1, 2))
        values = np.stack([np.concatenate([each.right for each in rows[name]]) for name in names])
        shared = max(each.shared for each in rows[names[0]]) if len(np.unique(split)) > 1 else 0.0
        found.append(Entries(values, balanced(label, photograph), label, photograph, split, seed, shared))
    return list(chain.from_iterable(keyed.values())), found


def compared(rows: Mapping[str, Sequence[Answer]]) -> dict[str, tuple[str, str]]:
    """Each row's mean with its interval, and its difference to the first row with one that holds for all at once."""
    order, entries = tables(rows)
    of, first = moments(*entries), next(iter(rows))
    unit = dict(zip(order, np.eye(len(order)), strict=True))
    contrasts = {name: unit[name] - unit[first] for name in rows if name != first}
    members = [of.difference(contrast) for contrast in contrasts.values()]
    family = of.family(members, np.stack([*contrasts.values()])) if any(m.error for m in members) else None
    found = {}
    for name in rows:
        mean = of.difference(unit[name])
        less = ""
        if name != first:
            difference = of.difference(contrasts[name])
            less = _told(difference, family.told(difference) if family else None, "+")
        found[name] = _told(mean, mean.interval), less
    return found


def _told(value: Difference, interval: Sequence[float] | None, sign: str = "") -> str:
    ends = f" [{interval[0]:{sign}.3f}, {interval[1]:{sign}.3f}]" if interval else ""
    return f"{value.value:{sign}.3f}{ends}"


def collect(asked: argparse.Namespace) -> dict[str, list[Answer]]:
    """The answers of each row, those of a folder without a name by strategy."""
    on = _done(asked.of) if asked.of else []
    rows: dict[str, list[Answer]] = {}
    files: Counter[str] = Counter()
    for word in asked.runs:
        name, _, place = word.rpartition("=")
        path = Path(place)
        for known in [None] if path.suffix == ".safetensors" else _done(path):
            told_by = strategy_name(known) if known else path.stem
            label = name.replace("{}", told_by) or told_by
            seed = known.config["seed"] if known else files[label]
            files[label] += 1
            for flip in (False, True) if asked.flip else (False,):
                for of in on or ([known] if known else []):
                    told = answer(known.folder if known else path, seed, of, asked, flip)
                    rows.setdefault(label + ", flip" * flip, []).extend(told)
    return rows


def _done(folder: Path) -> list[Run]:
    return [run for run in map(read_run, find_runs([folder])) if run.status == DONE]


def main() -> None:
    """Prints the rows as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--part", choices=("validation", "test"), default="validation")
    parser.add_argument("--of", type=Path, help="The runs on whose photographs all are judged; else each on its own.")
    parser.add_argument("--original", type=Path, help="The photographs before the owners' cameras.")
    parser.add_argument("--flip", action="store_true")
    parser.add_argument("--each", action="store_true", help="Also a line for each row and camera.")
    asked = parser.parse_args()
    rows = collect(asked)
    home, away = (
        {name: [each for each in row if (each.camera == HOME) == at_home] for name, row in rows.items()}
        for at_home in (True, False)
    )
    at_home, foreign = compared(home), compared(away)
    print(f"n = {len({name for row in home.values() for each in row for name in each.names})} at home")
    heads = ["", "Runs", "Home", "minus first", "Abroad", "minus first", "at best threshold", "ECE home", "abroad"]
    print("| " + " | ".join([*heads, "tempered, home", "abroad"]) + " |\n" + "|---" * 11 + "|")
    for name in rows:
        figures = [np.mean([each.figures for each in part[name]], axis=0) for part in (home, away)]
        num = len({(each.split, each.seed) for each in rows[name]})
        tail = [figures[1][0], figures[0][1], figures[1][1], figures[0][2], figures[1][2]]
        print("| " + " | ".join([name, str(num), *at_home[name], *foreign[name], *(f"{x:.3f}" for x in tail)]) + " |")
    if asked.each:
        for name, row in rows.items():
            ordered = sorted(row, key=lambda each: each.camera)
            for camera, own in groupby(ordered, key=lambda each: each.camera):
                told = compared({camera: [*own]})[camera][0]
                print(f"{name}, {camera}: {told}")


if __name__ == "__main__":
    main()
