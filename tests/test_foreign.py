"""Somebody else's run folder, sweep or model calls nothing but what conf/ names, wherever in it something is named."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import unsealed
from run_files import info_of
from safetensors.numpy import save_file
from typer.testing import CliRunner

from fedsky import predict
from fedsky import resume as program
from fedsky.command import sweep
from fedsky.config import compose, permitted, resolve
from fedsky.resume import resume, resume_sweep
from fedsky.run import run

REFERENCE = Path(__file__).parents[1] / "outputs" / "reference"
SMALL = ["engine=inline", "num_clients=2", "num_rounds=1", "data.count=40", "data.size=16", "model.width=0.5"]
GROUPS = ("data", "partition", "model", "strategy", "personalize", "privacy", "attack", "compression", "tracking")


class Bomb:
    """A pickle that touches a file where it is read."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.canary,)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that another round is left of."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    run(resolve(compose(SMALL)), folder)
    change(folder, lambda info: info.update(status="interrupted") or info["config"].update(num_rounds=2))
    return folder


@pytest.fixture
def folder(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "run"))


@pytest.fixture(params=["os.system", "pandas.read_pickle", "builtins.eval"])
def attack(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    canary = tmp_path / "canary"
    if request.param == "os.system":
        return {"_target_": "os.system", "command": f"touch {canary}"}
    if request.param == "builtins.eval":
        return {"_target_": "builtins.eval", "_args_": [f"open({str(canary)!r}, 'w')"]}
    (tmp_path / "bomb").write_bytes(pickle.dumps(Bomb(canary)))
    return {"_target_": "pandas.read_pickle", "filepath_or_buffer": str(tmp_path / "bomb")}


def change(folder: Path, how: Callable[[dict[str, Any]], Any]) -> None:
    info = unsealed.read(folder)
    how(info)
    (folder / "run.json").write_text(json.dumps(info))


def refused(folder: Path, match: str = r"run\.json names \S+_target_=") -> None:
    with pytest.raises(ValueError, match=match):
        resume(folder)
    assert not (folder.parent / "canary").exists()
    rounds = (folder / "rounds.jsonl").read_text().splitlines()
    assert len(rounds) == 2, "and nothing is trained"


@pytest.mark.parametrize("group", GROUPS)
def test_a_run_folder_calls_nothing_of_its_own(folder: Path, attack: dict[str, Any], group: str) -> None:
    change(folder, lambda info: info["config"].update({group: attack | {"min_examples": 1}}))
    refused(folder)


@pytest.mark.parametrize(
    "place", ["strategy.weights", "data.augment.flip", "model.norm", "partition.alpha", "lr", "new"]
)
def test_nor_further_down(folder: Path, attack: dict[str, Any], place: str) -> None:
    *above, last = place.split(".")

    def put(info: dict[str, Any], value: Any) -> None:
        inside = info["config"]
        for key in above:
            inside = inside[key]
        inside[last] = value

    change(folder, lambda info: put(info, attack))
    refused(folder)
    change(folder, lambda info: put(info, [{"deeper": [attack]}]))
    refused(folder)


@pytest.mark.parametrize("key", ["_args_", "_partial_", "_recursive_", "_convert_"])
def test_nor_has_hydras_other_keys(folder: Path, key: str) -> None:
    change(folder, lambda info: info["config"]["strategy"].update({key: [1]}))
    refused(folder, rf"run\.json names strategy\.{key}=\[1\], which conf/ does not")


def test_nor_puts_anything_in_place_of_a_text(folder: Path) -> None:
    change(folder, lambda info: info["config"]["model"].update(norm="${oc.env:HOME}"))
    refused(folder, r"model\.norm=\$\{oc\.env:HOME\} is to be replaced by something: refused")


def test_a_target_counts_only_where_conf_has_it(folder: Path) -> None:
    """fedsky's own functions, too, do at another place what nobody meant."""
    change(folder, lambda info: info["config"]["strategy"].update(_target_="fedsky.data.folder.load"))
    refused(folder)


def test_what_hydra_left_in_the_folder_is_not_read(folder: Path, attack: dict[str, Any]) -> None:
    (folder / ".hydra").mkdir()
    unsealed.unseal(folder)
    for name in ("config.yaml", "hydra.yaml", "overrides.yaml"):
        (folder / ".hydra" / name).write_text(json.dumps({"strategy": attack, "hydra": {"launcher": attack}}))
    assert resume(folder)["status"] == "done"
    assert not (folder.parent / "canary").exists()


@pytest.mark.parametrize(
    ("group", "key"), [("engine", "address"), ("tracking", "tracking_uri"), ("tracking", "log_dir")]
)
def test_other_machines_and_places_are_typed_anew(folder: Path, group: str, key: str, capsys: Any) -> None:
    change(folder, lambda info: info["config"][group].update({key: "203.0.113.9:6379"}))
    refused(folder, rf"names {group}\.{key}=203\.0\.113\.9:6379: if you trust that, add .*, else {group}\.{key}=null")
    with pytest.raises(ValueError, match="if you trust that"):
        resume(folder, permitted.word([], [f"{group}.{key}=203.0.113.1:6379"]))
    assert resume(folder, permitted.word([], [f"{group}.{key}=null"]))["config"][group][key] is None
    config = info_of(folder)["config"]
    config[group][key] = "203.0.113.9:6379"
    permitted.check(config, "run.json", permitted.word([], [f"{group}.{key}=203.0.113.9:6379"]))
    assert config[group][key] == "203.0.113.9:6379"


def test_a_strategy_of_ones_own_goes_on_by_ones_own_word(folder: Path, tmp_path: Path) -> None:
    """tests/support/tiny.py holds it; the command line, or a folder of configurations, may name it."""
    change(folder, lambda info: info["config"].update(strategy={"_target_": "tiny.Own", "mu": 0.5}))
    refused(folder)
    config = info_of(folder)["config"]
    permitted.check(config, "run.json", permitted.word([], ["strategy._target_=tiny.Own"]))
    (tmp_path / "shelf" / "strategy").mkdir(parents=True)
    (tmp_path / "shelf" / "strategy" / "own.yaml").write_text("_target_: tiny.Own\nmu: 0.1\n")
    permitted.check(config, "run.json", permitted.word([tmp_path / "shelf"], []))


def begun_sweep(place: Path, *words: str, hydra: tuple[str, ...] = (), **more: Any) -> Path:
    """A sweep of which nothing has begun, as its folder tells it."""
    asked: dict[str, Any] = {
        "overrides": {"task": [*SMALL, *words], "hydra": list(hydra)},
        "sweep": {"subdir": sweep.SUBFOLDER},
        "sweeper": {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper", "params": None},
        "job": {"config_name": "config"},
        "runtime": {"config_sources": []},
    }
    place.mkdir()
    (place / sweep.ASKED).write_text(json.dumps({"hydra": asked | more}))
    return place


def test_a_sweep_calls_nothing_of_its_own(tmp_path: Path, attack: dict[str, Any]) -> None:
    words = [f"++strategy.{key}={json.dumps(str(value))}" for key, value in attack.items() if key != "_args_"]
    folder = begun_sweep(tmp_path / "sweep", *words)
    [told] = resume_sweep(folder, {}, permitted.NOTHING)
    assert "multirun.yaml names strategy._target_=" in told
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "word",
    ["hydra.run.dir=/tmp/elsewhere", "hydra/launcher=joblib", "+hydra.job.env_set.LD_PRELOAD=x",
     "strategy@hydra=fedavg", "+defaults=[evil]",
     "hydra.searchpath=[file:///tmp]", "strategy=../../../tmp/evil", "+experiment=/tmp/evil", "+mine=../../tmp/evil",
     "model.norm=${oc.env:HOME}", "+hydra/callbacks=evil", "~hydra.launcher"],
)  # fmt: skip
def test_no_word_of_a_sweep_reaches_hydra_itself(tmp_path: Path, word: str) -> None:
    with pytest.raises(ValueError, match=r"may not come from a file, .*: start another sweep"):
        resume_sweep(begun_sweep(tmp_path / "sweep", word), {}, permitted.NOTHING)


def test_what_a_sweep_asked_of_hydra_is_dropped_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place, canary = tmp_path / "sweep", tmp_path / "canary"
    evil = ("hydra/launcher=evil", f"hydra.run.dir={canary}", "hydra.sweep.dir=x")
    folder = begun_sweep(place, "dry_run=true", hydra=evil)
    caplog.set_level("INFO", "fedsky")
    resume_sweep(folder, {}, permitted.NOTHING)
    assert "not taken over from the folder: hydra/launcher=evil" in caplog.text and "run.dir" not in caplog.text
    assert not canary.exists()


@pytest.mark.parametrize("name", ["../../tmp/evil", "/tmp/evil", 3])
def test_a_sweep_names_no_configuration_elsewhere(tmp_path: Path, name: Any) -> None:
    with pytest.raises(ValueError, match="does not tell what the sweep was"):
        resume_sweep(begun_sweep(tmp_path / "sweep", job={"config_name": name}), {}, permitted.NOTHING)


def test_a_sweep_of_a_billion_jobs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a sweep of more than 10000 jobs"):
        sweep.read_sweep(begun_sweep(tmp_path / "sweep", "seed=range(0,1000000000)", "lr=1,2"))


def test_the_command_takes_what_is_typed_anew(folder: Path) -> None:
    change(folder, lambda info: info["config"]["engine"].update(address="203.0.113.9:6379"))
    told = CliRunner().invoke(program_app(), [str(folder)])
    assert told.exit_code == 1 and "engine.address=null" in told.output and told.output.count("\n") == 1
    assert CliRunner().invoke(program_app(), [str(folder), "engine.address=null"]).exit_code == 0
    assert info_of(folder)["status"] == "done"


def program_app() -> Any:
    import typer

    app = typer.Typer()
    app.command()(program.main)
    return app


def test_a_models_header_calls_nothing_of_its_own(folder: Path, attack: dict[str, Any], tmp_path: Path) -> None:
    model = {"_target_": "fedsky.model.resnet8", "width": 0.5}
    for settings in (
        attack,
        model | {"norm": attack},
        model | {"norm": [attack]},
        model | {"_args_": [2]},
        {"_target_": "fedsky.model.build", "make": attack},
    ):
        rewrite(folder / "model.safetensors", model=settings)
        with pytest.raises(ValueError, match=r"is not a model to predict with: its header names model\.\S+, which"):
            predict.load_model(folder / "model.safetensors")
    assert not (tmp_path / "canary").exists()


def test_a_models_header_tells_nothing_of_the_machine(folder: Path) -> None:
    rewrite(folder / "model.safetensors", model={"_target_": "fedsky.model.resnet8", "norm": "${oc.env:PATH}"})
    with pytest.raises(ValueError, match="is to be replaced by something: refused") as caught:
        predict.load_model(folder / "model.safetensors")
    assert "/bin" not in str(caught.value)


def test_neither_a_checkpoint_nor_model_init_calls_anything(
    folder: Path, attack: dict[str, Any], tmp_path: Path
) -> None:
    rewrite(folder / "model.safetensors", model=attack)
    with pytest.raises(ValueError, match="its architecture is"):
        run(resolve(compose([*SMALL, f"model.init={folder / 'model.safetensors'}"])), tmp_path / "other")
    rewrite(next((folder / "checkpoint").iterdir()), round=attack)
    with pytest.raises(Exception):  # noqa: B017 - whatever it is, nothing is called
        resume(folder)
    assert not (tmp_path / "canary").exists()


def rewrite(path: Path, **about: Any) -> None:
    """Other words in a model's header."""
    from fedsky.model.file import read_model

    arrays, known = read_model(path)
    save_file(arrays, path, {"fedsky": json.dumps(known | about)})


def test_what_is_committed_still_loads_and_is_permitted() -> None:
    paths = sorted(REFERENCE.rglob("run.json"))
    assert len(paths) > 50
    for path in paths:
        permitted.check(json.loads(path.read_text())["config"], str(path))
    models = sorted(REFERENCE.rglob("*.safetensors"))
    assert models
    for path in models:
        assert predict.load_model(path)[1] == ["cloudy", "sunny"]
