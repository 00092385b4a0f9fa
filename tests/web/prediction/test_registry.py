import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import unsealed
from prediction_site import FEDAVG, LOCAL, POOLED
from run_files import rows_of

from fedsky.web.prediction.registry import Registry, default, digest
from fedsky.web.runs.index import Index


def test_the_models_of_finished_runs_are_found_with_their_accuracy_on_test_images(registry: Registry) -> None:
    models = registry.models()
    assert [model.kind for model in models] == ["federated", "pooled", *["alone"] * 5]
    first = models[0]
    assert (first.accuracy, first.n_test, first.classes, first.size) == (0.88, 75, ("cloudy", "sunny"), 64)
    # A lone owner's model is told by its accuracy on everybody's test images, as the run wrote it.
    rows = rows_of(models[2].path.parents[1], "clients")
    last = [row for row in rows if row["round"] == 20]
    assert [model.accuracy for model in models[2:]] == [row["pooled_accuracy"] for row in last]
    assert {model.n_test for model in models[2:]} == {75}
    assert len({model.client for model in models[2:]}) == 5 and first.client is None
    assert first.sha256 == digest(first.path) and len(first.sha256) == 64


def test_related_models_are_the_pooled_one_and_each_owners_own(registry: Registry) -> None:
    models = registry.models()
    assert [other.kind for other in registry.others(models[0])] == ["pooled", *["alone"] * 5]
    assert [other.kind for other in registry.others(models[1])] == ["federated", *["alone"] * 5]
    alone = registry.others(models[4])
    assert [other.kind for other in alone] == ["federated", "pooled", *["alone"] * 4] and models[4] not in alone


def test_models_of_other_photographs_seeds_or_owners_are_not_related(runs: Path, tmp_path: Path) -> None:
    for change in ({"seed": 1}, {"num_clients": 6}, {"data_seed": 3}):
        folder = tmp_path / next(iter(change))
        shutil.copytree(runs / FEDAVG, folder / "a")
        shutil.copytree(runs / POOLED, folder / "b")
        both = Registry(Index([folder]))
        assert [other.kind for other in both.others(both.models()[0])] == ["pooled"]
        info = unsealed.read(folder / "b")
        info["config"] |= change
        (folder / "b" / "run.json").write_text(json.dumps(info))
        changed = Registry(Index([folder]))
        assert len(changed.models()) == 2 and changed.others(changed.models()[0]) == []


def test_the_default_is_the_middle_federated_model_on_validation_images_never_on_test_images(
    runs: Path, tmp_path: Path
) -> None:
    for name, validation, loss, test in (("a", 0.9, 0.3, 0.99), ("b", 0.95, 0.3, 0.6), ("c", 0.95, 0.2, 0.5)):
        shutil.copytree(runs / FEDAVG, tmp_path / name)
        lines = (tmp_path / name / "rounds.jsonl").read_text().splitlines()
        last = json.loads(lines[-1]) | {"validation_accuracy": validation, "validation_loss": loss, "accuracy": test}
        (tmp_path / name / "rounds.jsonl").write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n")
    shutil.copytree(runs / LOCAL, tmp_path / "d")  # whose owners reach 1.0 on their few validation images
    models = Registry(Index([tmp_path])).models()
    assert models[0].label.endswith("b") and models[0].is_default
    (offered, *_) = Registry(Index([tmp_path])).offered()
    assert offered == models[0], "the best of a few is the luckiest"
    assert [model.is_default for model in models].count(True) == 1
    assert default([]) is None


def test_a_launched_run_does_not_displace_the_reference_as_default(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / FEDAVG, tmp_path / "outputs" / "new")
    path = tmp_path / "outputs" / "new" / "rounds.jsonl"
    path.write_text(re.sub('"validation_accuracy": [0-9.]+', '"validation_accuracy": 1.0', path.read_text()))
    models = Registry(Index([tmp_path / "outputs", runs], runs)).models()
    assert models[0].is_reference and sum(not model.is_reference for model in models) == 1


def _link(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "x")
    (folder / "model.safetensors").symlink_to(folder / "x")


def _fail(folder: Path) -> None:
    unsealed.unseal(folder, status="failed")


SPOIL: dict[str, Callable[[Path], object]] = {
    "no model": lambda folder: (folder / "model.safetensors").write_bytes(b"no safetensors"),
    "gone": lambda folder: (folder / "model.safetensors").unlink(),
    "a failed run's": _fail,
    "a link": _link,
}


@pytest.mark.parametrize("how", SPOIL)
def test_what_is_no_finished_runs_model_is_not_offered(runs: Path, tmp_path: Path, how: str) -> None:
    shutil.copytree(runs / FEDAVG, tmp_path / "a")
    assert len(Registry(Index([tmp_path])).models()) == 1
    SPOIL[how](tmp_path / "a")
    assert Registry(Index([tmp_path])).models() == []


def test_a_model_whose_runs_rounds_are_broken_has_no_known_accuracy(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / FEDAVG, tmp_path / "a")
    (tmp_path / "a" / "rounds.jsonl").write_text("{]")
    (model,) = Registry(Index([tmp_path])).models()
    assert model.accuracy is None and model.validation == (-1.0, float("-inf"))


def test_a_run_that_ends_later_brings_its_model_later(runs: Path, tmp_path: Path) -> None:
    registry = Registry(Index([tmp_path]))
    assert registry.models() == [] and registry.get(None) is None
    shutil.copytree(runs / FEDAVG, tmp_path / "a")
    registry.index.refresh(patience=0)
    (model,) = registry.models()
    assert registry.get(model.id) == model and registry.get("../../etc/passwd") is None
