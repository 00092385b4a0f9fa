"""What makes a group, what it is called, and what is not comparable."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from run_files import info_of

from fedsky import language
from fedsky.history import find_runs, read_run
from fedsky.report.groups import ComparableGroups, settings_of
from fedsky.report.kinds import make_kinds
from fedsky.report.results import Result, read_result
from fedsky.untrusted import flatten

WriteRun = Callable[..., Path]


def kinds_of(folder: Path) -> tuple[list[ComparableGroups], list[str]]:
    results: list[Result] = []
    for path in find_runs([folder]):
        result = read_result(read_run(path), path.name)
        assert isinstance(result, Result)
        results.append(result)
    return make_kinds(results)


def labels(kinds: Sequence[ComparableGroups]) -> list[list[tuple[str, int]]]:
    return [[(group.label, len(group.results)) for group in kind.groups] for kind in kinds]


def test_flatten_keeps_lists_and_whole_numbers() -> None:
    assert flatten({"a": {"b": 1.0, "c": [1]}, "d": None}) == {"a.b": 1, "a.c": [1], "d": None}


def test_seed_fold_data_seed_engine_and_folder_never_distinguish(tmp_path: Path, write_run: WriteRun) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"data_seed": 1},
        {"data.fold": "2/5"},
        {"seed": 2, "engine.kind": "inline", "data.folder": "/elsewhere", "lr": 0.05},
    ]
    for number, change in enumerate(changes):
        write_run(tmp_path / str(number), config=change)
    kinds, notes = kinds_of(tmp_path)
    assert labels(kinds) == [[("fedavg", 5)]]
    assert notes == []


def test_groups_are_named_by_what_differs(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", config={"num_clients": 5})
    write_run(tmp_path / "c", "fedprox", config={"strategy.mu": 0.1})
    assert labels(kinds_of(tmp_path)[0]) == [
        [("fedavg, num_clients=2", 1), ("fedavg, num_clients=5", 1), ("fedprox, num_clients=2", 1)]
    ]


def test_a_strategys_own_settings_tell_only_its_groups_apart(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", "fedprox", config={"strategy.mu": 0.1})
    write_run(tmp_path / "c", "fedprox", config={"strategy.mu": 1.0})
    assert labels(kinds_of(tmp_path)[0]) == [[("fedavg", 1), ("fedprox, mu=0.1", 1), ("fedprox, mu=1", 1)]]


def test_of_many_settings_those_are_told_that_it_takes(tmp_path: Path, write_run: WriteRun) -> None:
    """Two settings tell these three apart; the others differ in just the same way."""
    others = {"batch_size": 8, "local_epochs": 2, "weight_decay": 0.1, "lr": 0.5}
    changes: list[dict[str, Any]] = [{}, others, others | {"momentum": 0.5}]
    for number, change in enumerate(changes):
        write_run(tmp_path / str(number), config=change)
    assert {label for kind in labels(kinds_of(tmp_path)[0]) for label, _ in kind} == {
        "fedavg, batch_size=16",
        "fedavg, batch_size=8",
        "fedavg, batch_size=8, momentum=0.5",
    }


def test_another_partition_is_told_by_its_choice(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a")
    dirichlet = {"partition._target_": "fedsky.partition.dirichlet", "partition.alpha": 0.3}
    write_run(tmp_path / "b", config=dirichlet, choices={"partition": "dirichlet"})
    assert labels(kinds_of(tmp_path)[0]) == [[("fedavg, partition=dirichlet", 1), ("fedavg, partition=iid", 1)]]


def test_pooling_only_some_owners_is_said_and_is_not_pooled(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", "centralized", config={"strategy.owners": None})
    write_run(tmp_path / "b", "centralized", config={"strategy.owners": [0]})
    groups = kinds_of(tmp_path)[0][0].groups
    assert [(group.label, group.is_pooled) for group in groups] == [
        ("centralized, owners=[0]", False),
        ("centralized", True),
    ]
    assert labels(kinds_of(tmp_path / "b")[0]) == [[("centralized, owners=[0]", 1)]]


@pytest.mark.parametrize(
    "change", [{"data.fingerprint": "f2"}, {"data.image_size": 64}, {"data.classes": ["sunny", "cloudy", "fog"]}]
)
def test_other_data_are_another_kind(tmp_path: Path, write_run: WriteRun, change: dict[str, Any]) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", "fedprox", info=change)
    kinds, notes = kinds_of(tmp_path)
    assert sorted(labels(kinds)) == [[("fedavg", 1)], [("fedprox", 1)]]
    assert notes[0].startswith("Not comparable: 2 kinds of data")


def test_a_new_draw_for_each_data_seed_is_a_repetition(tmp_path: Path, write_run: WriteRun) -> None:
    for seed in range(2):
        write_run(tmp_path / str(seed), config={"data_seed": seed}, info={"data.fingerprint": f"f{seed}"})
    kinds, notes = kinds_of(tmp_path)
    assert labels(kinds) == [[("fedavg", 2)]]
    assert "2 draws of the data" in notes[0]


def test_other_test_images_are_another_kind(
    tmp_path: Path, write_run: WriteRun, judge: Callable[..., list[tuple[str, str, str]]]
) -> None:
    rows = judge(*range(8))
    write_run(tmp_path / "a", predictions=rows)
    write_run(tmp_path / "b", "fedprox", predictions=[(f"other {image}", *rest) for image, *rest in rows])
    kinds, notes = kinds_of(tmp_path)
    assert labels(kinds) == [[("fedavg", 1)], [("fedprox", 1)]]
    assert any("tested on different images" in note for note in notes)


def test_the_same_run_twice_counts_once(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "old", curve=(0.5, 0.6, 0.7), info={"started": "2026-01-01"})
    write_run(tmp_path / "new", curve=(0.5, 0.8, 0.9), info={"started": "2026-02-01"})
    kinds, notes = kinds_of(tmp_path)
    assert labels(kinds) == [[("fedavg", 1)]]
    assert list(kinds[0].groups[0].finals("accuracy").values()) == [0.9]
    assert "new, counts" in notes[0]


def test_what_goes_around_a_strategy_is_its_own(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", "centralized", config={"compression._target_": None}, choices={"compression": "none"})
    write_run(tmp_path / "b", config={"compression._target_": None}, choices={"compression": "none"})
    for fraction in (0.1, 0.01):
        topk = {"compression._target_": "strategies.wrappers.topk.TopK", "compression.fraction": fraction}
        write_run(tmp_path / str(fraction), config=topk, choices={"compression": "topk"})
    [kind], _ = kinds_of(tmp_path)
    assert [group.label for group in kind.groups] == [
        "fedavg",
        "fedavg, compression=topk, fraction=0.01",
        "fedavg, compression=topk, fraction=0.1",
        "centralized",
    ]
    assert list(kind.contexts) == [""]


def test_a_tuned_step_size_is_the_strategys_own(tmp_path: Path, write_run: WriteRun) -> None:
    tuned = {"tuned.strategies.fedavg.FedAvg": 0.05, "tuned.baselines.local.Local": 0.2}
    write_run(tmp_path / "a", "local", config={"lr": 0.2, **tuned})
    write_run(tmp_path / "b", config={"lr": 0.05, **tuned})
    [kind], _ = kinds_of(tmp_path)
    assert [group.label for group in kind.groups] == ["local", "fedavg"]
    assert list(kind.contexts) == [""]


def test_a_model_to_start_from_is_told_by_its_content_not_its_place() -> None:
    first = settings_of({"model": {"init": "/a/skies.safetensors", "init_sha256": "0123456789abcdef"}})
    assert first == {"model.init": "skies.safetensors 01234567"}
    assert settings_of({"model": {"init": "/b/skies.safetensors", "init_sha256": "0123456789abcdef"}}) == first
    assert settings_of({"model": {"init": "/a/skies.safetensors", "init_sha256": "ff23456789abcdef"}}) != first


def test_the_skys_classes_are_told_in_the_readers_language(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a")
    assert ": cloudy and sunny, " in kinds_of(tmp_path)[0][0].title
    with language.use("zh"):
        assert "多云与晴" in kinds_of(tmp_path)[0][0].title


def test_runs_of_before_a_setting_are_one_with_those_that_have_it() -> None:
    """The committed runs on photographs are of two versions, the older ones without data.split and model.freeze."""
    root = Path(__file__).resolve().parents[2] / "outputs" / "reference" / "sky"
    old, new = (info_of(root / name)["config"] for name in ("fedavg-0", "fedavg-0-data1"))
    assert "split" not in old["data"] and "freeze" not in old["model"] and new["data"]["split"] == "folds"
    assert settings_of(old) == settings_of(new)
    assert settings_of(old) != settings_of({**new, "data": {**new["data"], "split": "time"}})
    rendered = {"data": {"_target_": "fedsky.data.rendered.load"}}
    assert "data.split" not in settings_of(rendered), "photographs that are drawn have no such setting"
