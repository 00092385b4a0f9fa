"""The launch form takes a strategy's settings, their bounds and what they mean from the strategy's yaml alone."""

from pathlib import Path

import pytest

from fedsky.config import compose, resolve
from fedsky.web.jobs import form
from fedsky.web.jobs.command import make_launch


@pytest.fixture
def fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, form.Field]:
    """The fields of a site with a strategy of one's own, and a baseline."""
    mine = tmp_path / "conf" / "strategy"
    mine.mkdir(parents=True)
    (mine / "mine.yaml").write_text(
        "# Mine\n_target_: strategies.mine.Mine\n"
        "inner_lr: 0.5           # how far it goes [0.25 to 2 by 0.25]\n"
        "turns: 3                # how often [1 to 9 by 1]\n"
        "kind: fast              # how [not a bound]\n"
    )
    (mine / "pair.yaml").write_text("_target_: baselines.pair.Pair\n")
    monkeypatch.chdir(tmp_path)
    assert form.baselines() == ["centralized", "local", "pair"]
    return {field.name: field for field in form.make_form({}).fields}


def test_a_new_strategys_settings_are_in_the_form(fields: dict[str, form.Field]) -> None:
    assert {name for name in fields if name.startswith("mine.")} == {"mine.inner_lr", "mine.turns"}
    assert fields["mine.inner_lr"].shown() == {
        "name": "mine.inner_lr",
        "label": "Mine inner lr",
        "type": "float",
        "default": 0.5,
        "unit": "",
        "help": "how far it goes",
        "min": 0.25,
        "max": 2,
        "step": 0.25,
        "when": {"field": "strategy", "values": ["mine"]},
    }
    assert fields["mine.turns"].type == "int"
    assert fields["mine.turns"].wrong(10) == "mine.turns=10: from 1 to 9"
    assert fields["mine.inner_lr"].key == "strategy.inner_lr"


def test_the_settings_that_were_there_keep_their_bounds(fields: dict[str, form.Field]) -> None:
    bounds = {name: (field.min, field.max, field.step) for name, field in fields.items()}
    assert bounds["fedprox.mu"] == (0, 10, 0.001)
    assert bounds["moon.mu"] == (0, 10, 0.1)
    assert bounds["ditto.lam"] == (0, 10, 0.01)
    assert bounds["fedavgm.server_lr"] == (0.001, 10, 0.001)
    assert bounds["fedadam.server_lr"] == (0.0001, 1, 0.0001)
    assert bounds["dirichlet.alpha"] == (0.01, 100, 0.01)
    assert fields["fedprox.mu"].label == "FedProx mu"
    assert fields["fedprox.mu"].help == "weight of the proximal term; 0 is FedAvg"
    assert fields["strategy"].default == "fedavg"


def test_how_clients_behave_is_in_the_form_with_the_settings_of_each_kind_of_client() -> None:
    form_ = form.make_form({})
    fields = {field.name: field for field in form_.fields}
    assert fields["clients"].choices == ("hospitals", "ideal", "phones")  # a trace needs a file, which no form names
    assert fields["clients"].default == "ideal"
    assert fields["on_failure"].choices == ("fail", "skip", "retry")
    assert (fields["min_replies"].min, fields["min_replies"].max, fields["min_replies"].default) == (1, 50, 1)
    assert fields["phones.crash"].shown() == {
        "name": "phones.crash",
        "label": "Crash",
        "type": "float",
        "default": 0.02,
        "unit": "",
        "help": "how likely a client that is asked breaks down in training",
        "min": 0,
        "max": 0.9,
        "step": 0.01,
        "when": {"field": "clients", "values": ["phones"]},
    }
    assert not any(name.startswith(("trace.", "ideal.")) for name in fields)


def test_a_launch_says_how_clients_behave() -> None:
    form_ = form.make_form({})
    values, wrong = form_.check(None, {"clients": "phones", "phones.deadline_seconds": 6, "min_replies": 2})
    assert wrong == []
    assert values["phones.deadline_seconds"] == 6
    shown = make_launch(form_, None, values).arguments
    assert shown == ("strategy=fedavg", "clients=phones", "min_replies=2", "clients.deadline_seconds=6")
    assert resolve(compose(list(shown)))["clients"]["deadline_seconds"] == 6
    values, wrong = form_.check(None, {"clients": "phones"})  # no deadline
    assert wrong == []
    assert make_launch(form_, None, values).arguments == ("strategy=fedavg", "clients=phones")
    assert form_.check(None, {"phones.crash": 0.5})[1] == ["phones.crash counts with clients=phones alone"]
    assert form_.check(None, {"clients": "trace"})[1] == ["clients: choose hospitals, ideal, phones"]
