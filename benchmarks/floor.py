"""``python -m benchmarks.floor FOLDER``: the runs of a five-fold sweep beside a floor that needs no ResNet.

The floor is logistic regression on colour histograms, on the same photographs and folds: it learns from every owner's
training and validation images together (the runs train on the training images alone) and is tested on the test
images. Prints the class-balanced accuracy of every strategy and the paired differences over photographs.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fedsky.client.task import Task, specification
from fedsky.history import DONE, Run, find_runs, read_run
from fedsky.report.statistics import balanced_accuracy, image_difference

FLOOR = "floor"
BINS = 4  # a side of the cube of colours: 64 bins


def histograms(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Colour histograms [n, BINS^3] of photographs [n, 3, height, width], each summing to 1."""
    levels = np.asarray(pixels, dtype=np.int64) * BINS // 256
    joint = (levels[:, 0] * BINS + levels[:, 1]) * BINS + levels[:, 2]
    counts = [np.bincount(image.ravel(), minlength=BINS**3) for image in joint]
    return np.asarray(counts, dtype=np.float64) / float(joint[0].size)


def floor(run: Run) -> dict[str, float]:
    """1 or 0 for each test photograph of a run's fold: whether logistic regression judges it rightly."""
    task = Task(specification(run.config, run.folder / "clients"))
    everyone = list(range(len(task.owners)))
    known = np.concatenate([task.part("train", everyone), task.part("validation", everyone)])
    test, features, labels = task.part("test", everyone), histograms(task.photos.pixels), task.photos.labels
    regression = LogisticRegressionCV(
        Cs=10,
        l1_ratios=(0,),
        use_legacy_attributes=False,
        class_weight="balanced",
        max_iter=5000,
        scoring="balanced_accuracy",
    )
    model = make_pipeline(StandardScaler(), regression).fit(features[known], labels[known])
    right = model.predict(features[test]) == labels[test]
    return {str(task.photos.names[i]): float(r) for i, r in zip(test, right, strict=True)}


def main() -> None:
    """Prints the table and the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of a sweep over data.fold=1/5,2/5,3/5,4/5,5/5")
    runs = [read_run(path) for path in find_runs([parser.parse_args().folder])]
    right: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    labels: dict[str, str] = {}
    folds: dict[str, Run] = {}
    pairs: dict[str, set[Any]] = defaultdict(set)
    for run in runs:
        if run.status != DONE:
            continue
        strategy = run.info["choices"]["strategy"]
        pairs[strategy].add((run.config["seed"], run.config["data"]["fold"]))
        folds.setdefault(run.config["data"]["fold"], run)
        for row in run.predictions():
            labels[row["image"]] = row["label"]
            right[strategy][row["image"]].append(float(row["label"] == row["predicted"]))
    for run in folds.values():
        for image, correct in floor(run).items():
            right[FLOOR][image].append(correct)
    images = sorted(labels)
    truth = np.array([labels[image] for image in images])
    mean = {name: np.array([np.mean(found[image]) for image in images]) for name, found in right.items()}
    print(f"{len(images)} photographs, each tested once a seed; {len(folds)} folds")
    for name, rate in mean.items():
        seeds = len({seed for seed, _ in pairs[name]}) or 1
        print(f"{name:12} balanced accuracy {balanced_accuracy(rate[:, None], truth)[0]:.4f}  ({seeds} seed(s))")
    print("\ndifference of balanced accuracy, paired over photographs, with its 95 % interval")
    names = list(mean)
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            columns = np.stack([mean[names[first]], mean[names[second]]], axis=1)
            found = image_difference(columns, truth)
            if found is not None and found.low is not None:
                print(
                    f"{names[first]:12} - {names[second]:12} {found.value:+.4f}  [{found.low:+.4f}, {found.high:+.4f}]"
                )


if __name__ == "__main__":
    main()
