"""``python -m benchmarks.predicted --site http://127.0.0.1:5000 OUT``: what /predict shows for thirty pictures.

Ten of the photographs that the reference model in the middle was tested on (benchmarks.reference), ten more of them as
other cameras would have taken them (benchmarks.retaken), and ten that are no skies: five of scikit-image's photographs
and five of benchmarks.drawings, by a seed that the detector has not seen. Each is given to the page in Chromium, and
what a person reads is printed as a row; OUT gets the pictures and a screenshot of each.
"""

import argparse
import csv
import json
import os
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.drawings import drawings
from benchmarks.reference import REFERENCE, middle
from benchmarks.retaken import FOREIGN, taken_by
from fedsky.data.picture import decode

PROGRAM = Path(__file__).with_suffix(".mjs")
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "grass.png")
DRAWN = ("page", "bricks", "face", "room", "bars")
TEN, SIDE = 10, 256


def skies(sky: Path) -> Iterator[tuple[str, Image.Image]]:
    """Ten test photographs, as many of each class, and ten further ones by the foreign cameras in turn."""
    with (REFERENCE / "sky" / f"fedavg{middle()}" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    each = [[row["image"] for row in rows if row["label"] == label][:TEN] for label in ("cloudy", "sunny")]
    order = [name for pair in zip(*each, strict=True) for name in pair]
    for name in order[:TEN]:
        yield f"home {name.replace('/', ' ')}", Image.open(sky / name)
    for name, camera in zip(order[TEN:], islice(cycle(FOREIGN), TEN), strict=True):
        picture = decode(sky / name, SIDE).transpose(2, 0, 1)[None]
        taken = taken_by(camera.__name__, picture)[0].transpose(1, 2, 0)
        yield f"{camera.__name__} {name.replace('/', ' ')}", Image.fromarray(np.ascontiguousarray(taken))


def others() -> Iterator[tuple[str, Image.Image]]:
    """Ten pictures that are no skies."""
    for name in PHOTOGRAPHS:
        yield f"no-sky {name}", Image.open(str(files("skimage") / "data" / name))
    drawn = dict(drawings(seed=1))
    for name in DRAWN:
        yield f"no-sky {name}", drawn[name]


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--site", required=True)
    parser.add_argument("--sky", type=Path, default=Path("../shared/sky"))
    asked = parser.parse_args()
    (asked.out / "shown").mkdir(parents=True, exist_ok=True)
    told = []
    for number, (name, picture) in enumerate([*skies(asked.sky), *others()]):
        path = asked.out / f"{number:02d} {Path(name).stem}.jpg"
        picture.convert("RGB").save(path, "JPEG", quality=95)
        told.append(str(path.resolve()))
    environment = {**os.environ, "SITE": asked.site, "OUT": str(asked.out / "shown"), "PHOTOS": json.dumps(told)}
    done = subprocess.run(["node", str(PROGRAM)], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    print("| Picture | Says | Probability | Warning |\n|---|---|---|---|")
    for line in done.stdout.splitlines():
        row = json.loads(line)
        print(f"| {row['name']} | {row['says']} | {row['probability']} | {row['warning']} |")
    print(row["provenance"])


if __name__ == "__main__":
    main()
