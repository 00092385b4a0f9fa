"""The course: numbers and figures are of the commands that its pages name, and what its answers say is true of them."""

import csv
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from fedsky.config import compose, resolve
from fedsky.web.__main__ import cli

COURSE = Path(__file__).resolve().parent.parent / "docs" / "course"
PAGES = sorted(COURSE.glob("[1-5]-*.md"))
Rows = list[dict[str, str]]


def table(page: int, name: str) -> Rows:
    """A table of the report that an exercise ends with."""
    with (COURSE / "numbers" / str(page) / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def commands(page: Path) -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def answers(page: Path) -> str:
    return " ".join(page.read_text(encoding="utf-8").split("## Answers")[1].split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_numbers_are_of_the_commands(page: Path) -> None:
    trained = [shlex.join(each) for each in commands(page) if each[2] == "fedsky"]
    made = {row["command"] for row in table(int(page.name[0]), "provenance")}
    assert made == set(trained)
    asked = commands(page)
    assert asked[-1][:3] == ["python", "-m", "fedsky.report"] and f"course-{page.name[0]}" in asked[-1][3]
    text = page.read_text(encoding="utf-8")
    assert f"]({page.name[0]}.png)" in text and (COURSE / f"{page.name[0]}.png").is_file()
    assert re.search(r"minutes?|seconds", text.split("## Questions")[0]), "how long it took"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_are_still_understood(page: Path) -> None:
    for words in commands(page):
        if words[2] == "fedsky":
            first = [
                re.sub(r"=range\((\d+),\d+\)|=([^,]*),.*", r"=\1\2", each) if "[" not in each else each
                for each in words[3:]
                if each != "-m"
            ]
            assert resolve(compose(first))


def test_what_teachers_are_told_is_there() -> None:
    text = (COURSE / "teachers.md").read_text(encoding="utf-8")
    group: Any = get_command(cli)
    options = {name for param in group.params for name in [*param.opts, *param.secondary_opts]}
    options |= {name for command in group.commands.values() for param in command.params for name in param.opts}
    options |= {"--days"}
    assert set(re.findall(r"--[a-z][a-z-]*", text)) <= options
    assert set(re.findall(r"(?:class|`)\s?(create-\w+|reset-\w+)", text)) <= set(group.commands)
    assert [page.name for page in PAGES] == re.findall(r"\]\((\d-\w+\.md)\)", text)


def number(row: dict[str, str], name: str, digits: int = 1, times: float = 100) -> str:
    return f"{times * float(row[name]):.{digits}f}"


def comparison(page: int, first: str, second: str) -> dict[str, str]:
    [row] = [row for row in table(page, "comparisons") if (row["first"], row["second"]) == (first, second)]
    return row


def test_1_a_quarter_of_the_bytes_for_the_same_steps() -> None:
    told = answers(COURSE / "1-rounds.md")
    many, few = "fedavg, local_epochs=1, num_rounds=12", "fedavg, local_epochs=4, num_rounds=3"
    spent = {(row["group"], int(row["round"])): row for row in table(1, "spent")}
    assert number(spent[many, 1], "megabytes", times=1) == number(spent[few, 1], "megabytes", times=1) == "12.6"
    assert float(spent[many, 1]["megabytes"]) * 1e6 / 10 == 4 * 311_458 + 13_572, "a model: 1.25 MB, and statistics"
    assert f"{number(spent[many, 12], 'megabytes', times=1)} MB in twelve rounds" in told
    assert f"{number(spent[few, 3], 'megabytes', times=1)} in three" in told
    assert float(spent[many, 12]["steps"]) == float(spent[few, 3]["steps"]) == 360 and "360 steps" in told
    row = comparison(1, few, many)
    assert f"{number(row, 'difference', times=-100)} points" in told and row["verdict"] == "open"
    loss = next(row for row in table(1, "loss") if row["round"] == "0")
    assert f"1. {float(loss['loss']):.3f}" in told and abs(float(loss["loss"]) - 0.693) < 0.01


def test_2_skew_costs_and_a_pull_back_is_not_shown_to_help() -> None:
    told = answers(COURSE / "2-skew.md")
    runs = {(row["group"], row["seed"]): number(row, "balanced_accuracy") for row in table(2, "runs")}
    for seed in "01":
        assert f"{runs['fedavg, alpha=0.1', seed]} %" in told
    cost = comparison(2, "fedavg, alpha=100", "fedavg, alpha=0.1")
    helps = comparison(2, "fedprox, alpha=0.1", "fedavg, alpha=0.1")
    assert f"{number(cost, 'difference')} points" in told and f"{number(helps, 'difference')} points better" in told
    assert cost["difference_low"] == helps["difference_low"] == "", "no interval"
    own = comparison(2, "fedprox, alpha=100", "fedprox, alpha=0.1")
    assert f"{number(own, 'difference')} points by skew (95 % interval {number(own, 'difference_low')} to" in told
    assert float(own["difference_low"]) > 0
    alike = comparison(2, "fedprox, alpha=100", "fedavg, alpha=100")
    low, high = number(alike, "difference_low"), number(alike, "difference_high")
    assert f"{number(alike, 'difference', times=-100)} points, not shown ({low} to {high})" in told
    owners = [
        (int(row["training, cloudy"]), int(row["training, sunny"]))
        for row in table(2, "partition")
        if "alpha=0.1," in row["groups"]
    ]
    assert sorted(owners) == [(0, 84), (3, 81), (39, 45), (84, 0), (84, 0)]


def test_3_the_fewer_photographs_the_more_is_gained_and_none_of_it_shown() -> None:
    told = answers(COURSE / "3-owners.md")
    reached = {row["group"]: number(row, "balanced_accuracy") for row in table(3, "runs")}
    for words in (
        "Alone {local, num_clients=2} % of two and {local, num_clients=10} % of ten",
        "together {fedavg, num_clients=2} % and {fedavg, num_clients=10} %",
    ):
        assert re.sub(r"\{(.*?)\}", lambda found: reached[found[1]], words) in told
    gains = []
    for owners, who in (("2", "two"), ("10", "ten")):
        row = comparison(3, f"fedavg, num_clients={owners}", f"local, num_clients={owners}")
        low, high = number(row, "difference_low"), number(row, "difference_high")
        assert f"{number(row, 'difference')} points of {who} ({low} to {high})" in told and float(low) < 0
        gains.append(float(row["difference"]))
    assert gains[0] < gains[1]
    alone = comparison(3, "local, num_clients=10", "local, num_clients=2")
    low, high = number(alone, "difference_high", times=-100), number(alone, "difference_low", times=-100)
    assert (
        f"{number(alone, 'difference', times=-100)} points (95 % interval {low} to {high})" in told and float(low) > 0
    )
    behind = comparison(3, "fedavg, num_clients=10", "fedavg, num_clients=2")
    low, high = number(behind, "difference_high", times=-100), number(behind, "difference_low", times=-100)
    assert f"{number(behind, 'difference', times=-100)} points behind" in told and f"({low} to {high})" in told
    train = {
        row["owner"]: int(row["training, cloudy"]) + int(row["training, sunny"])
        for row in table(3, "partition")
        if "num_clients=10" in row["groups"]
    }
    assert set(train.values()) == {42} and len(train) == 10
    spent = {(row["group"], row["round"]): row for row in table(3, "spent")}
    for owners, steps in (("2", 14), ("10", 3)):
        row = spent[f"fedavg, num_clients={owners}", "1"]
        assert f"{number(row, 'megabytes', times=1)} MB" in told and float(row["steps"]) == steps * int(owners)


def test_4_the_largest_owner_harms_and_the_values_are_those_of_the_coalitions() -> None:
    told = answers(COURSE / "4-joining.md")
    rows = table(4, "coalitions")
    value = {0: 0.5}
    for coalition in range(1, 8):
        own = [float(row["balanced_accuracy"]) for row in rows if int(row["owners"]) == coalition]
        assert len(own) == 2
        value[coalition] = sum(own) / 2
    order = [f"{100 * value[coalition]:.1f}" for coalition in (1, 2, 4, 3, 5, 6, 7)]
    assert f"| Balanced accuracy | {' | '.join(order)} |" in told
    assert max(value, key=lambda each: value[each]) == 5 and value[7] < 0.5
    assert f"{100 * (value[5] - value[7]):.1f} points on everybody's photographs" in told
    worth = {int(row["client"]): row for row in table(4, "worth")}
    for client in range(3):
        others = [other for other in range(3) if other != client]
        bit = 1 << client
        alone, last = value[bit] - value[0], value[7] - value[7 - bit]
        second = sum(value[bit | 1 << other] - value[1 << other] for other in others)
        assert float(worth[client]["shapley"]) == pytest.approx(alone / 3 + second / 6 + last / 3)
    assert f"= {number(worth[2], 'shapley')} points" in told
    assert float(worth[1]["shapley_high"]) < 0 and float(worth[1]["gain_low"]) > 0
    assert f"lose {number(worth[1], 'loss', times=-100)} points" in told


def test_5_models_of_ones_own_guess_where_an_owner_has_one_class() -> None:
    told = answers(COURSE / "5-state.md")
    rows = {row["strategy"]: row for row in table(5, "ends")}
    for strategy, keeps, models in (("fedavg", 0, 0), ("scaffold", 1, 0), ("fedper", 1, 1), ("local", 1, 1)):
        assert (int(rows[strategy]["clients"]), int(rows[strategy]["models"])) == (keeps, models)
    sent = {name: float(row["megabytes_of_a_round"]) for name, row in rows.items()}
    for words in (
        "FedAvg {fedavg:.2f} MB",
        "SCAFFOLD {scaffold:.2f}, nearly",
        "FedPer {fedper:.2f}:",
        "Alone {local:.0f}.",
    ):
        assert words.format(**sent) in told
    reached = {name: number(row, "balanced_accuracy") for name, row in rows.items()}
    assert reached["fedper"] == reached["local"]
    assert "alone reach {fedper} %".format(**reached) in told
    assert "FedAvg {fedavg} and SCAFFOLD {scaffold}".format(**reached) in told
    pooled = {
        name: [f"{100 * float(each):.1f}" for each in rows[name]["pooled_balanced_accuracy"].split()]
        for name in ("fedper", "local")
    }
    assert pooled["fedper"][1:] == ["50.0"] * 4 and pooled["local"][1:] == ["50.0"] * 3 + ["51.7"] and "51.7" in told
    assert f"{pooled['fedper'][0]} and {pooled['local'][0]} %" in told
    one_class = [min(map(int, each.split("/"))) for each in rows["fedavg"]["test"].split()]
    assert one_class == [10, 0, 0, 0, 1]
