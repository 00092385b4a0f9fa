"""Any backbone: torchvision's classifiers, the simple networks, and what is frozen of them."""

from pathlib import Path

import pytest
import torch
from flwr.app import Array, ArrayRecord
from own_word import word_for
from run_files import rows_of
from safetensors.numpy import load_file

from fedsky.client.task import Task, specification
from fedsky.config import CONF, compose, resolve
from fedsky.model import build, num_parameters
from fedsky.model.cnn import SimpleCNN
from fedsky.model.freeze import freeze, frozen, training_mode
from fedsky.model.zoo import torchvision_model
from fedsky.predict import load_model
from fedsky.run import run

SMALL = ["engine=inline", "num_clients=2", "num_rounds=1", "data.count=40", "data.size=32", "partition.min_examples=5"]
STRATEGIES = sorted(path.stem for path in (CONF / "strategy").glob("*.yaml"))


def test_the_simple_networks_have_the_papers_sizes() -> None:
    assert num_parameters(SimpleCNN(10, 32)) == 62_006
    # 32 and 64 channels of 5 x 5, 8 x 8 x 64 numbers to 512 units: of three channels of 32 pixels
    wanted = 32 * 3 * 25 + 32 + 64 * 32 * 25 + 64 + 4096 * 512 + 512 + 512 * 10 + 10
    assert num_parameters(SimpleCNN(10, 32, "mcmahan")) == wanted
    for size, kind in ((16, "niid"), (28, "niid"), (8, "mcmahan"), (28, "mcmahan")):
        assert SimpleCNN(7, size, kind)(torch.zeros(2, 3, size, size)).shape == (2, 7)
    with pytest.raises(ValueError, match=r"images of 8 pixels are too small: set data.size=16 or more"):
        SimpleCNN(10, 8)


@pytest.mark.parametrize("words", [
    ["model=torchvision"], ["model=torchvision", "model.name=shufflenet_v2_x0_5"], ["model=simple_cnn"],
    ["model=torchvision", "model.name=squeezenet1_1", "data.size=64"], ["model=simple_cnn", "model.kind=mcmahan"],
    ["model=resnet8"], ["model=resnet8", "model.norm=group"], ["model=resnet10"], ["model=resnet18"],
    ["model=timm"], ["model._target_=own_model.Own", "~model.width", "~model.norm"],
])  # fmt: skip
@pytest.mark.parametrize("asked", [None, "backbone"])
def test_frozen_arrays_stay_and_cost_no_bytes(tmp_path: Path, words: list[str], asked: str | None) -> None:
    config = resolve(compose([*SMALL, *words, *([f"model.freeze={asked}"] if asked else [])]))
    work = Task(specification(config, tmp_path))
    run(config, tmp_path / "run")
    before = {name: tensor.numpy() for name, tensor in work.initial.items()}
    after, fixed = load_file(tmp_path / "run" / "model.safetensors"), set(frozen(work.model))
    assert bool(fixed) == (asked is not None) and set(after) == set(before)
    for name in before:
        if name in fixed:
            assert (after[name] == before[name]).all(), name
    assert any((after[name] != before[name]).any() for name in before if name not in fixed)
    moving = {name: array for name, array in before.items() if name not in fixed}
    # Flower writes an array as a .npy file: its numbers after a head of 128 bytes; and its name before it.
    sent = ArrayRecord({name: Array.from_numpy_ndarray(array) for name, array in moving.items()}).count_bytes()
    assert sent == sum(array.nbytes + 128 + len(name) for name, array in moving.items())
    for row in rows_of(tmp_path / "run", "clients")[2:]:
        assert (row["bytes_down"], row["bytes_up"]) == (sent, sent)
    assert load_model(tmp_path / "run" / "model.safetensors", word_for(tmp_path / "run"))[1] == ["cloudy", "sunny"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_leaves_what_is_frozen(tmp_path: Path, strategy: str) -> None:
    asked = [
        *SMALL,
        "data.count=112",
        "num_clients=7",
        "batch_size=8",
        f"strategy={strategy}",
        "model.freeze=[0.*,1.*,4.*]",
    ]
    config = resolve(compose(asked))
    work = Task(specification(config, tmp_path))
    run(config, tmp_path / "run")
    for path in [*tmp_path.glob("run/models/*.safetensors"), *tmp_path.glob("run/model.safetensors")]:
        after = load_file(path)
        assert {name.split(".")[0] for name in frozen(work.model)} == {"0", "1", "4"}
        assert all((after[name] == work.initial[name].numpy()).all() for name in frozen(work.model))
        assert any((after[name] != tensor.numpy()).any() for name, tensor in work.initial.items())


def test_frozen_batchnorm_normalises_by_what_it_knows() -> None:
    model = build(lambda num_classes: torchvision_model("mobilenet_v3_small", num_classes), 2, 0)
    freeze(model, "backbone")
    norms = [each for each in training_mode(model).modules() if isinstance(each, torch.nn.BatchNorm2d)]
    assert norms and not any(each.training for each in norms) and model.training
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        model(torch.rand(4, 3, 32, 32))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_frozen_backbone_with_batchnorm_is_private_and_trains_on_single_images(tmp_path: Path) -> None:
    words = [*SMALL, "privacy=fixed", "privacy.delta=0.1"]
    with pytest.raises(ValueError, match=r"privacy needs model.norm=group: BatchNorm's running"):
        run(resolve(compose(words)), tmp_path / "refused")
    run(resolve(compose([*words, "model.freeze=backbone"])), tmp_path / "run")
    info = run(resolve(compose([*SMALL, "model.freeze=backbone", "batch_size=1"])), tmp_path / "single")
    assert info["status"] == "done"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["model.freeze=layer9.*"], "model.freeze=layer9.*: no parameter is called so; they are 0.weight, 1.weight, "),
        (["model.freeze='*'"], "model.freeze=*: nothing is left to train; leave 9.weight out"),
        (["model=torchvision", "model.name=mobilenet"], "model.name=mobilenet: torchvision has no such classifier"),
        (
            ["model=torchvision", "model.weights=X"],
            "model.weights=X are not weights of mobilenet_v3_small: choose DEFAULT, ",
        ),
        (["model=torchvision", "model.name=vit_b_16"], "model=torchvision_model model.name=vit_b_16 data.size=32: it"),
        (["model=simple_cnn", "data.size=12"], "data.size=12: a whole number of pixels a side, 16 to 512, is needed"),
    ],
)
def test_what_cannot_work_is_refused_before_the_first_round(tmp_path: Path, words: list[str], line: str) -> None:
    with pytest.raises(ValueError) as raised:
        run(resolve(compose([*SMALL, *words])), tmp_path / "run")
    assert str(raised.value).startswith(line) and "\n" not in str(raised.value)
    assert not (tmp_path / "run" / "rounds.jsonl").exists()


def test_timm_is_asked_for_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(ValueError, match=r"^model=timm needs timm, which is missing: python -m pip install 'fedsky"):
        run(resolve(compose([*SMALL, "model=timm"])), tmp_path / "run")
