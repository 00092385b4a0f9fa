"""A shelf of one's own, in the folder where a command is started, adds choices and never replaces one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.errors import HydraException
from own_shelf import ALL, write_shelf

from fedsky.config import CONF, compose, permitted, resolve
from fedsky.config.refusals import explain
from fedsky.config.shelf import choices, own, reach
from fedsky.web.jobs.form import make_form

OWN = {"strategy": ("fedavgclip", "fednormclip"), "model": ("small",), "data": ("stripes",), "partition": ("largest",)}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(write_shelf(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("group", "names"), OWN.items())
def test_its_choices_stand_among_fedskys(shelf: Path, group: str, names: tuple[str, ...]) -> None:
    found = choices(group)
    assert list(found) == sorted([*(path.stem for path in (CONF / group).glob("*.yaml")), *names])
    with pytest.raises(HydraException) as raised:
        compose([f"{group}=nothing"])
    for name in names:
        assert found[name] == shelf / "conf" / group / f"{name}.yaml"
        permitted.check({group: resolve(compose([f"{group}={name}"]))[group]}, "run.json", needed=(group,))
        assert f" {name}" in explain(raised.value)


def test_its_settings_are_suggested(shelf: Path) -> None:
    for override, told in (
        ("strategy.max_nrm=1", "unknown key strategy.max_nrm: did you mean strategy.max_norm?"),
        ("strategy.max_norm=1", "strategy.max_norm is a setting of strategy=fedavgclip alone"),
    ):
        with pytest.raises(HydraException) as raised:
            compose([override])
        assert explain(raised.value).startswith(told)


def test_it_counts_only_where_the_command_is_started(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shelf / "elsewhere").mkdir()
    monkeypatch.chdir(shelf / "elsewhere")
    assert own() is None and "fedavgclip" not in choices("strategy")
    with pytest.raises(ValueError, match=r"run\.json names model\._target_=mine\.small, which conf/ does not"):
        permitted.check({"model": {"_target_": "mine.small"}}, "run.json", needed=("model",))
    with pytest.raises(HydraException):
        compose(["strategy=fedavgclip"])


def test_a_site_offers_the_one_where_its_runs_are_started(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONF.parent)
    fields = {field.name: field.choices for field in make_form({}, shelf).fields}
    assert "fedavgclip" in fields["strategy"] and "small" in fields["model"] and "largest" in fields["partition"]
    assert "fedavgclip" not in {field.name: field.choices for field in make_form({}).fields}["strategy"]
    (shelf / "conf" / "experiment").mkdir()
    (shelf / "conf" / "experiment" / "study.yaml").write_text("# @package _global_\n# My study.\nlr: 0.1\n")
    assert {"study": "My study."}.items() <= {
        each.id: each.told("title") for each in make_form({}, shelf).recipes
    }.items()
    (shelf / "conf" / "model" / "broken.yaml").write_text("width: [")
    with pytest.raises(ValueError, match=r"broken\.yaml is not YAML"):
        make_form({}, shelf)


def test_one_that_would_hide_a_choice_of_fedsky_is_refused(shelf: Path) -> None:
    (shelf / "conf" / "strategy" / "fedavg.yaml").write_text(
        "_target_: strategies.fedavgclip.FedAvgClip\nmax_norm: 1.0\n"
    )
    refusal = r"conf/strategy/fedavg\.yaml has the name of a choice that comes with fedsky: rename it"
    with pytest.raises(ValueError, match=refusal):
        compose([])
    with pytest.raises(ValueError, match=refusal):
        choices("strategy")


@pytest.mark.parametrize("engine", ["inline", "ray"])
def test_modules_of_the_folder_hide_no_installed_one(tmp_path: Path, engine: str) -> None:
    """``python -m`` puts the folder first: a package of one's own called strategies must not hide fedsky's."""
    write_shelf(tmp_path)
    (tmp_path / "strategies" / "__init__.py").write_text("")
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines" / "__init__.py").write_text("raise ImportError('not this one')\n")
    more = [f"engine={engine}", *(["engine.num_actors=2"] if engine == "ray" else [])]
    command = [sys.executable, "-m", "fedsky", "-m", *ALL, *more, "strategy=fedavgclip,local"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.rglob("predictions.csv"))) == 2


@pytest.mark.parametrize("place", ["", "here"])
def test_the_folder_goes_behind_the_rest_also_where_ray_has_put_a_place_before_it(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Ray is imported in a thread beside the loading of data."""
    monkeypatch.chdir(shelf)
    place = place and str(shelf)
    monkeypatch.setattr(sys, "path", ["/of/ray", place, "/installed"])
    for _ in range(2):
        reach()
        assert sys.path == ["/of/ray", "/installed", place]
