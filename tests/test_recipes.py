"""Every yaml of conf/ is run: one round, 40 images or a few points, inline."""

from pathlib import Path

import pytest
from PIL import Image
from run_files import rows_of

from fedsky.config import CONF, OPTIONAL, compose, resolve
from fedsky.run import run

ONCE = ["engine=inline", "num_rounds=1", "local_epochs=1", "partition.min_examples=5"]
QUICK = [*ONCE, "data.count=40", "data.size=32"]
FCUBE = ["data=fcube", "partition=natural", "model=softmax", "model.num_features=3", "num_clients=4"]
# What cannot be run with a few images by itself: all that it needs.
NEEDS = {
    "partition/natural": [*FCUBE, *ONCE],
    "model/softmax": [*FCUBE, *ONCE],
    "experiment/fcube": ONCE,
    "experiment/niid": ONCE,
    "experiment/shelf_digits": ONCE,
    "experiment/synthetic": [*ONCE, "num_clients=5"],
    "clients/trace": [*QUICK, "num_clients=2", "clients.trace=trace.csv"],
    "partition/quantity": [*QUICK, "num_clients=2", "partition.alpha=5"],
}
# Seven clients: Bulyan with one malicious client needs as many.
SEVEN = [*QUICK, "data.count=112", "num_clients=7"]
GROUPS = ("partition", "model", "clients", "strategy", *OPTIONAL, "experiment")
CHOICES = [(group, path.stem) for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]
NEEDS |= {f"{group}/{choice}": SEVEN for group, choice in CHOICES if group in ("strategy", "attack")}
NEEDS |= {f"privacy/{choice}": [*SEVEN, "model.norm=group"] for group, choice in CHOICES if group == "privacy"}


# The trackers' own warnings, as in tests/tracking: one that became an error would stop the tracker, not the run.
TRACKERS_OWN = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.mark.parametrize(
    ("group", "choice"),
    [pytest.param(*each, marks=[TRACKERS_OWN] if each[0] == "tracking" else []) for each in CHOICES],
)
def test_choice_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, group: str, choice: str
) -> None:
    monkeypatch.chdir(tmp_path)  # where MLflow puts its database
    (tmp_path / "trace.csv").write_text("client,first,last\n0,1,3\n1,2,3\n")
    num_clients = min(5, resolve(compose([f"{group}={choice}"]))["num_clients"]) if group == "experiment" else 2
    asked = NEEDS.get(f"{group}/{choice}", [*QUICK, f"num_clients={num_clients}"])
    info = run(resolve(compose([f"{group}={choice}", *asked])), tmp_path / "run")
    assert info["status"] == "done" and "the run goes on" not in caplog.text, caplog.text
    assert 0 <= info["result"]["accuracy"] <= 1
    rows = rows_of(tmp_path / "run", "rounds")
    assert [row["round"] for row in rows] == [0, 1]
    assert rows[1]["num_steps"] > 0
    assert (rows[1]["global_train_loss"] is not None) == info["config"]["evaluate_train"]


def test_folder_of_photographs_runs(tmp_path: Path, sky: Path) -> None:
    quick = [f"data.root={sky}", *(item for item in QUICK if "count" not in item)]
    info = run(resolve(compose(["data=folder", *quick])), tmp_path / "run")
    assert info["data"]["num_images"] == 373
    assert info["data"]["classes"] == ["cloudy", "sunny"]


def test_three_classes_run(tmp_path: Path) -> None:
    for number, name in enumerate(("blue", "green", "red")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for image in range(12):
            colour = [20 + 5 * image] * 3
            colour[2 - number] = 230
            Image.new("RGB", (40, 30), (colour[0], colour[1], colour[2])).save(
                tmp_path / "photos" / name / f"{image}.png"
            )
    quick = [f"data.root={tmp_path / 'photos'}", *(item for item in QUICK if "count" not in item)]
    # Plain colours are near duplicates of each other.
    asked = ["data=folder", "data.duplicates=keep", *quick, "num_clients=2", "num_rounds=8"]
    asked += ["partition=dirichlet", "partition.alpha=5"]
    info = run(resolve(compose(asked)), tmp_path / "run")
    assert info["data"]["classes"] == ["blue", "green", "red"]
    assert info["result"]["balanced_accuracy"] > 0.6
    head = (tmp_path / "run" / "predictions.csv").read_text().splitlines()[0]
    assert head == "image,client,label,predicted,probability_blue,probability_green,probability_red,group"


def test_every_choice_of_the_other_groups_is_run_somewhere() -> None:
    known = {"rendered", "folder", "fcube", "synthetic", "digits", "torchvision", "medmnist"}
    assert {path.stem for path in (CONF / "data").glob("*.yaml")} == known
    assert {path.stem for path in (CONF / "engine").glob("*.yaml")} == {"ray", "inline", "deployment"}
