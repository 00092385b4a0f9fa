"""What runs are called: by what tells them from those beside them."""

from typing import Any

import pytest

from fedsky import language
from fedsky.report.names import Told, name, named, of_group, partition

BASE = {"num_clients": 5, "lr": 0.05, "partition._target_": "fedsky.partition.dirichlet", "partition.min_examples": 10}


def told(
    strategy: str, seed: int = 0, *, fold: Any = None, chosen: dict[str, str] | None = None, **settings: Any
) -> Told:
    choices = {"partition": "dirichlet", "model": "resnet8", "privacy": "none", "engine": "ray"} | (chosen or {})
    own = {key.replace("__", "."): value for key, value in settings.items()}
    repetition = {"seed": seed, "data_seed": 0, "fold": fold}
    return Told(strategy, choices | {"strategy": strategy}, BASE | own, repetition)


def called(*runs: Told) -> list[str]:
    return [name(parts) for parts in named(runs)]


def test_a_sweeps_runs_are_called_by_what_it_sweeps() -> None:
    runs = [
        told(strategy, seed, partition__alpha=alpha)
        for strategy in ("fedavg", "fedprox")
        for alpha in (0.1, 10)
        for seed in (0, 1)
    ]
    assert called(*runs) == [
        f"{strategy}, alpha {alpha}, seed {seed}"
        for strategy in ("fedavg", "fedprox")
        for alpha in ("0.1", "10")
        for seed in (0, 1)
    ]
    assert name(of_group(named(runs)[4])) == "fedprox, alpha 0.1"


def test_what_all_share_and_what_follows_from_the_rest_is_not_told() -> None:
    runs = [
        told("fedavg", chosen={"experiment": "f5"}, num_clients=5, num_rounds=20),
        told("fedavg", chosen={"experiment": "f10"}, num_clients=10, num_rounds=10),
    ]
    assert called(*runs) == ["fedavg, f5, seed 0", "fedavg, f10, seed 0"]
    assert called(told("fedavg", num_clients=2), told("fedprox", strategy__mu=0.1)) == [
        "fedavg, seed 0",
        "fedprox, seed 0",
    ]


def test_settings_of_one_name_are_told_in_full_and_a_choice_before_its_settings() -> None:
    runs = [
        told("fedavg", chosen={"partition": cut}, data__alpha=data, partition__alpha=alpha)
        for cut, alpha in (("iid", None), ("dirichlet", 0.1), ("dirichlet", 1))
        for data in (0.5, 1)
    ]
    assert called(*runs)[2:4] == [
        "fedavg, dirichlet, data.alpha 0.5, partition.alpha 0.1, seed 0",
        "fedavg, dirichlet, data.alpha 1, partition.alpha 0.1, seed 0",
    ]


def test_folds_are_told_where_they_differ_and_what_goes_around_a_strategy_always() -> None:
    runs = [told("fedavg", fold=f"{k}/5", chosen={"privacy": "dp"}) for k in (1, 2)]
    assert called(*runs) == ["fedavg, dp, seed 0, fold 1/5", "fedavg, dp, seed 0, fold 2/5"]


def test_a_run_on_its_own_is_told_by_its_strategy_and_partition() -> None:
    alone = told("fedprox", strategy__mu=0.1, partition__alpha=0.3)
    assert called(alone) == ["fedprox, mu 0.1, dirichlet alpha 0.3, seed 0"]
    assert partition(alone) == "dirichlet alpha 0.3"
    with language.use("zh"):
        assert called(alone) == ["fedprox，mu 0.1，dirichlet alpha 0.3，种子 0"]


def test_runs_with_nothing_in_common_have_names_of_bounded_length() -> None:
    runs = [told("fedavg", n, **dict[str, Any]({f"key{k}": n * (k <= n) for k in range(40)})) for n in range(40)]
    assert max(map(len, called(*runs))) < 80


@pytest.mark.parametrize("value", ["x\x1b[2J" * 50, [1] * 500, {"a": 1}])
def test_a_value_is_cut(value: Any) -> None:
    assert max(map(len, called(told("fedavg", key=value), told("fedavg", key=1)))) < 80
