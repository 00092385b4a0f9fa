"""``python -m benchmarks.published [fcube] [synthetic]``: published numbers of other data than photographs, made anew.

FCUBE of NIID-Bench and FedProx's Synthetic, by their recipes. Runs what outputs/published/ lacks, one run after the
other in this process, and prints the tables as Markdown, each number beside the published one.
"""

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.reference import is_done
from fedsky.config import compose, resolve
from fedsky.history import Row, read_lines
from fedsky.run import run

PUBLISHED = Path("outputs") / "published"

# FCUBE, table 3 of Li et al. (2022), in percent, and an independent re-run of NIID-Bench's code, 3 seeds, which is the
# same for FedAvg, FedProx and SCAFFOLD to a tenth.
FCUBE = {"fedavg": "99.8 ± 0.2", "fedprox": "99.8 ± 0.0", "scaffold": "99.7 ± 0.3", "fednova": "99.7 ± 0.1"}
FCUBE_ROUNDS = (1, 10, 50)
FCUBE_AGAIN = {0.0: ("80.3 ± 3.3", "99.2 ± 0.4", "99.7 ± 0.1"), 0.9: ("96.7 ± 0.7", "99.7", "99.8 ± 0.1")}

SETTINGS = {
    "iid": ["data.iid=true"],
    "0-0": ["data.alpha=0", "data.beta=0"],
    "0.5-0.5": ["data.alpha=0.5", "data.beta=0.5"],
    "1-1": ["data.alpha=1", "data.beta=1"],
}
ARMS = {
    "fedavg": ["strategy=fedavg"],
    "fedprox-0": ["strategy=fedprox", "strategy.mu=0"],
    "fedprox-1": ["strategy=fedprox", "strategy.mu=1"],
}
DRAWS = range(5)
# Synthetic: training loss at 50 and 199 rounds and test accuracy at 200. An independent re-run of the protocol on 8
# draws of the data, median [least, most], and the log of the paper's code on its own draw.
SYNTHETIC = {
    ("iid", 0.0, "fedavg"): ((".415 [.240, .642]", ".233 [.144, .375]", ".925 [.890, .957]"), (".483", ".267", ".894")),
    ("iid", 0.0, "fedprox-1"): (
        ("1.111 [.826, 1.356]", ".795 [.608, .975]", ".721 [.682, .817]"), ("1.075", ".783", ".711")),
    ("0-0", 0.0, "fedavg"): (
        ("1.320 [.443, 2.676]", "1.493 [.292, 2.406]", ".735 [.610, .875]"), ("1.034", ".895", ".696")),
    ("0-0", 0.0, "fedprox-1"): (
        (".743 [.397, 1.077]", ".530 [.225, .792]", ".816 [.708, .925]"), (".731", ".519", ".813")),
    ("0.5-0.5", 0.0, "fedavg"): (
        ("1.141 [.793, 2.424]", ".999 [.457, 1.888]", ".787 [.702, .865]"), ("1.629", "1.527", ".680")),
    ("0.5-0.5", 0.0, "fedprox-1"): (
        (".639 [.434, .727]", ".433 [.244, .511]", ".840 [.796, .920]"), (".830", ".577", ".775")),
    ("1-1", 0.0, "fedavg"): (
        ("1.000 [.524, 1.383]", ".948 [.357, 1.462]", ".825 [.760, .911]"), ("1.500", ".888", ".673")),
    ("1-1", 0.0, "fedprox-1"): (
        (".603 [.383, .755]", ".360 [.217, .492]", ".877 [.781, .923]"), (".836", ".685", ".661")),
    ("1-1", 0.5, "fedavg"): (
        (".770 [.399, 1.124]", ".639 [.277, 1.295]", ".843 [.725, .920]"), ("1.819", "4.141", ".541")),
    ("1-1", 0.5, "fedprox-0"): (
        (".900 [.481, 1.227]", ".824 [.333, 1.267]", ".833 [.767, .909]"), ("1.607", ".835", ".694")),
    ("1-1", 0.5, "fedprox-1"): (
        (".603 [.383, .724]", ".358 [.214, .474]", ".876 [.795, .923]"), ("1.092", ".567", ".722")),
    ("1-1", 0.9, "fedavg"): (
        ("2.463 [.759, 5.460]", ".704 [.249, 1.890]", ".805 [.659, .927]"), ("3.111", "3.467", ".582")),
    ("1-1", 0.9, "fedprox-0"): (
        (".796 [.460, 1.147]", ".712 [.292, 1.063]", ".855 [.782, .907]"), ("1.461", ".796", ".696")),
    ("1-1", 0.9, "fedprox-1"): (
        (".601 [.381, .724]", ".357 [.215, .468]", ".882 [.831, .923]"), (".834", ".567", ".700")),
}  # fmt: skip


def rounds_of(home: Path, name: str, overrides: Sequence[str]) -> list[Row]:
    """The rounds of one run, made now unless it is there and done."""
    folder = home / name
    if not is_done(folder):
        shutil.rmtree(folder, ignore_errors=True)
        config = resolve(compose([*overrides, "engine=inline", "checkpoint=false"]))
        choices = {group: value for group, _, value in (item.partition("=") for item in overrides) if "." not in group}
        start = time.perf_counter()
        info = run(config, folder, {"strategy": choices["strategy"], "data": choices["experiment"]})
        result, seconds = info["result"], time.perf_counter() - start
        print(f"{folder}: accuracy {result['accuracy']:.4f}, {seconds:.0f} s", file=sys.stderr, flush=True)
    rows, problems = read_lines(folder / "rounds.jsonl")
    if problems:
        raise ValueError(f"{folder}: {'; '.join(problems)}: remove it")
    return rows


def fcube(seeds: Sequence[int] = (0, 1, 2), home: Path = PUBLISHED, *more: str) -> str:
    """The table of FCUBE: every strategy without and with momentum, over seeds of the data and the run at once."""
    lines = [
        "| strategy | momentum | round 1 | round 10 | round 50 | NIID-Bench | re-run: 1, 10, 50 |",
        "|---|---|---|---|---|---|---|",
    ]
    for momentum, again in FCUBE_AGAIN.items():
        for strategy, paper in FCUBE.items():
            asked = ["experiment=fcube", f"strategy={strategy}", f"momentum={momentum}", *more]
            runs = [
                rounds_of(
                    home / "fcube", f"{strategy}-{momentum}-{seed}", [*asked, f"seed={seed}", f"data_seed={seed}"]
                )
                for seed in seeds
            ]
            cells = []
            for number in FCUBE_ROUNDS:
                scores = [100 * rows[min(number, len(rows) - 1)]["accuracy"] for rows in runs]
                cells.append(f"{statistics.mean(scores):.1f} ± {statistics.stdev(scores):.1f}")
            lines.append(f"| {strategy} | {momentum} | {' | '.join(cells)} | {paper} | {', '.join(again)} |")
    return "\n".join(lines)


def synthetic(draws: Sequence[int] = DRAWS, home: Path = PUBLISHED, *more: str) -> str:
    """The table of Synthetic and, below it, FedProx (mu = 1) against FedAvg on the same draws of the data."""
    figures: dict[tuple[str, float, str], list[tuple[float, ...]]] = {}
    for draw in draws:
        for setting, stragglers, arm in SYNTHETIC:
            asked = ["experiment=synthetic", *ARMS[arm], *SETTINGS[setting], f"stragglers={stragglers}"]
            rows = rounds_of(
                home / "synthetic" / f"{setting}-{stragglers}", f"{arm}-{draw}", [*asked, f"data_seed={draw}", *more]
            )
            figures.setdefault((setting, stragglers, arm), []).append(_figures(rows))
    lines = [
        "| data | stragglers | strategy | loss at 50 | at 199 | accuracy at 200 | re-run | original draw |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (setting, stragglers, arm), values in figures.items():
        again, original = SYNTHETIC[setting, stragglers, arm]
        cells = [_spread(column) for column in list(zip(*values, strict=True))[:3]]
        lines.append(
            f"| {setting} | {stragglers:.0%} | {arm} | {' | '.join(cells)} | {'; '.join(again)} | "
            f"{', '.join(original)} |"
        )
    lines += [
        "",
        "| data | stragglers | FedProx's loss below FedAvg's at 199 | median gap | mean of 191-200 below | "
        "accuracy above at 200 |",
        "|---|---|---|---|---|---|",
    ]
    for setting, stragglers in dict.fromkeys(key[:2] for key in SYNTHETIC):
        pairs = list(zip(*(figures[setting, stragglers, arm] for arm in ("fedavg", "fedprox-1")), strict=True))
        gap = statistics.median(fedavg[1] - fedprox[1] for fedavg, fedprox in pairs)
        below, steady = (sum(fedprox[at] < fedavg[at] for fedavg, fedprox in pairs) for at in (1, 3))
        above = sum(fedprox[2] > fedavg[2] for fedavg, fedprox in pairs)
        lines.append(
            f"| {setting} | {stragglers:.0%} | {below} of {len(pairs)} draws | {gap:+.3f} | "
            f"{steady} of {len(pairs)} | {above} of {len(pairs)} |"
        )
    return "\n".join(lines)


def _figures(rows: list[Row]) -> tuple[float, float, float, float]:
    """Training loss at 50 and 199 rounds, test accuracy at 200, mean training loss of the last 10 rounds.

    Of a shorter run its last round counts. One device a round, as 90 % of stragglers leave to FedAvg, makes the loss
    jump from round to round.
    """
    losses, last = [float(row["global_train_loss"]) for row in rows], len(rows) - 1
    return losses[min(50, last)], losses[min(199, last)], float(rows[last]["accuracy"]), statistics.mean(losses[-10:])


def _spread(values: Sequence[float]) -> str:
    """Median [least, most]."""
    return f"{statistics.median(values):.3f} [{min(values):.3f}, {max(values):.3f}]"


def main() -> None:
    """Prints the tables that are asked for, or both."""
    parser = argparse.ArgumentParser(description=__doc__)
    tables = {"fcube": fcube, "synthetic": synthetic}
    parser.add_argument("tables", nargs="*", choices=[*tables, []], help="fcube, synthetic; both if not given")
    for name in parser.parse_args().tables or tables:
        print(f"{tables[name]()}\n", flush=True)


if __name__ == "__main__":
    main()
