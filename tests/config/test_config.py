"""A value that no run can use is refused in one line that names it and what is needed."""

import copy
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from fedsky.config import compose, learning_rate, make, resolve
from fedsky.config.refusals import explain

WHOLE_FROM_1 = "a whole number of 1 or more is needed"


@pytest.fixture(scope="session")
def composed() -> DictConfig:
    return compose([])


@pytest.fixture(scope="session")
def defaults(composed: DictConfig) -> dict[str, object]:
    return resolve(composed)


@pytest.mark.parametrize(
    ("key", "value", "needed"),
    [
        *(("num_clients", value, WHOLE_FROM_1) for value in ("0", "-1", "2.5", "abc", "null", "true")),
        *(("participation", value, "above 0 and at most 1") for value in ("0", "1.5", "-0.1", "nan", "all")),
        *(("lr", value, "a number above 0 is needed") for value in ("nan", "inf", "0", "-1", "fast", "null", "true")),
        *(("batch_size", value, WHOLE_FROM_1) for value in ("0", "0.5")),
        *(("local_epochs", value, WHOLE_FROM_1) for value in ("0", "1.5")),
        ("num_rounds", "0", WHOLE_FROM_1),
        *(("seed", value, "a whole number of 0 or more") for value in ("-1", "0.5")),
        *((key, str(2**63), f"{2**63 - 1} or less") for key in ("seed", "data_seed", "num_rounds")),
        ("data_seed", "-1", "a whole number of 0 or more"),
        *(("momentum", value, "of 0 or more and below 1") for value in ("1", "-0.1", "nan")),
        *(("weight_decay", value, "of 0 or more") for value in ("-1", "nan", "inf")),
        *(("data.fold", value, "write k/5 with k from 1 to 5") for value in ("6/5", "0/5", "x", "1")),
        *(("patience", value, "a whole number of rounds, 1 or more, is needed") for value in ("0", "-1", "1.5", "x")),
        ("evaluate", "foo", "choose server or clients"),
        ("lr_schedule", "linear", "choose constant or cosine"),
        *(("client_names", value, "as many names as num_clients=5") for value in ("[A,B]", "[]", "A")),
        *(("partition.min_examples", value, WHOLE_FROM_1) for value in ("0", "-5", "abc", "null")),
        *(("checkpoint", value, "true or false is needed") for value in ("maybe", "1", "null")),
        ("dry_run", "maybe", "true or false is needed"),
    ],
)
def test_an_impossible_value_is_named_with_what_is_needed(
    composed: DictConfig, key: str, value: str, needed: str
) -> None:
    config = copy.deepcopy(composed)  # composing anew takes a tenth of a second
    [override] = OverridesParser.create().parse_overrides([f"{key}={value}"])
    OmegaConf.update(config, key, override.value(), merge=True)
    with pytest.raises(ValueError) as raised:
        resolve(config)
    message = str(raised.value)
    assert message.startswith(f"{key}={value}"), message
    assert needed in message and "\n" not in message


@pytest.mark.parametrize("group", ["strategy", "data", "partition", "model", "engine"])
def test_a_group_left_out_is_named_with_its_choices(group: str) -> None:
    with pytest.raises((ValueError, HydraException)) as raised:
        resolve(compose([f"~{group}"]))
    assert re.match(f"unknown {group} 'null'; choose .+ or .+", explain(raised.value))


def test_the_values_at_the_edges_are_allowed() -> None:
    config = resolve(
        compose(
            ["num_clients=1", "participation=1", "momentum=0", "weight_decay=0", "data.fold=5/5", "patience=1",
             "evaluate=clients", "client_names=[A]", "num_rounds=1", "batch_size=1", "lr=1e-300"]
        )
    )  # fmt: skip
    assert (config["participation"], config["momentum"], config["lr"]) == (1.0, 0.0, 1e-300)
    assert isinstance(config["participation"], float) and isinstance(config["momentum"], float)


def test_a_value_in_place_of_settings_is_told() -> None:
    with pytest.raises(ValueError, match=r"data\.augment=7: set one of its own settings, such as"):
        resolve(compose(["data.augment=7"]))
    assert resolve(compose(["data.augment=null"]))["data"]["augment"] is None


def test_interpolations_are_resolved() -> None:
    config = resolve(compose(["partition=quantity", "partition.min_examples=7"]))
    assert config["partition"]["smallest"] == 7


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("strategy=fedavgg", "unknown strategy 'fedavgg'; choose bulyan, centralized, ditto, "),
        ("engine=rey", "unknown engine 'rey'; choose deployment, inline or ray"),
        ("num_client=3", "unknown key num_client: did you mean num_clients?"),
        ("stratgy=fedavg", "unknown key stratgy: did you mean strategy?"),
        ("data.cout=40", "unknown key data.cout: did you mean data.count?"),
        ("strategy.mu=1", "strategy.mu is a setting of strategy=fed"),
        ("partition.alpha=1", "partition.alpha is a setting of partition=dirichlet, partition=dirichlet_in_turn, "),
        ("xyzzy=1", "unknown key xyzzy: see "),
    ],
)
def test_what_hydra_refuses_becomes_one_helpful_line(override: str, line: str) -> None:
    with pytest.raises(HydraException) as raised:
        compose([override])
    told = explain(raised.value)
    assert told.startswith(line), told
    assert "\n" not in told


def test_other_errors_are_told_in_one_line() -> None:
    assert explain(ValueError("one\n  two")) == "one two"


@pytest.fixture
def rate(defaults: dict[str, object]) -> Callable[..., float]:
    return lambda schedule, round: learning_rate(
        {**defaults, "lr": 0.4, "lr_schedule": schedule, "num_rounds": 4}, round
    )


def test_constant_learning_rate(rate: Callable[..., float]) -> None:
    assert [rate("constant", round) for round in (1, 2, 4)] == [0.4, 0.4, 0.4]


def test_cosine_learning_rate(rate: Callable[..., float]) -> None:
    half = math.sqrt(0.5)
    wanted = [0.4, 0.2 * (1 + half), 0.2, 0.2 * (1 - half)]
    assert [rate("cosine", round) for round in (1, 2, 3, 4)] == pytest.approx(wanted, abs=1e-12)
    assert rate("cosine", 5) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("target", ["strategies.fedavg.Nothing", "nowhere.Class", "", 0.5, "/root/x"])
def test_a_target_that_is_not_there_is_named(target: Any) -> None:
    with pytest.raises(ValueError, match=f"^_target_={target}: there is no class or function of this name"):
        make({"_target_": target})
