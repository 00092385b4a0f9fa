"""What ``python -m benchmarks.simulation`` measured last, kept in docs/speed.json: a table, a slope and a picture."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from fedsky.report import style

Result = dict[str, Any]

COLUMNS = {
    "round_seconds": "s a round",
    "ratio": "ratio",
    "cpu_seconds": "processor s a round",
    "cpu_ratio": "ratio",
    "wait_seconds": "waiting",
    "combine_seconds": "combining",
    "evaluate_seconds": "judging",
    "start_seconds": "s to the first step",
    "whole_seconds": "s whole",
    "driver_mb": "server MB",
    "client_mb": "actor MB",
    "moved_mb": "moved MB",
}


def read(path: Path) -> Result:
    """What was measured: the machine's ``machine``, and ``results``, one a program and case."""
    found: Result = json.loads(path.read_text(encoding="utf-8"))
    return found


def table(measured: Result) -> str:
    """What it was measured on, a Markdown table of all programs, and how a round's seconds grow with the clients."""
    lines = [measured["machine"], "", f"| Case | Program | {' | '.join(COLUMNS.values())} |"]
    lines.append("|---" * (len(COLUMNS) + 2) + "|")
    for result in measured["results"]:
        cells = (_shown(result.get(name)) for name in COLUMNS)
        lines.append(f"| {result['case']} | `{result['what']}` | {' | '.join(cells)} |")
    if (found := slope(by_clients(measured))) is not None:
        lines += ["", f"From 100 clients on a round's seconds grow with the clients to the power of {found:.2f}."]
    return "\n".join(lines)


def _shown(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:.3g}" if number < 100 else f"{number:.0f}"


def by_clients(measured: Result) -> list[Result]:
    """The results of engine=ray for more and more clients of some five images."""
    found = [each for each in measured["results"] if each["what"] == "engine=ray" and each["case"].endswith("x5")]
    return sorted(found, key=lambda each: int(each["clients"]))


def slope(results: list[Result]) -> float | None:
    """The slope of a round's seconds over clients, both in logarithms, from 100 clients on; None for less than two."""
    points = [(each["clients"], each["round_seconds"]) for each in results if each["clients"] >= 100]
    if len(points) < 2:
        return None
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])


def picture(measured: Result) -> str:
    """Seconds a round and peak memory over clients, and the server's memory over rounds, as SVG."""
    grown = by_clients(measured)
    clients = [each["clients"] for each in grown]
    with style.drawing():
        figure = Figure(figsize=(9, 3), layout="constrained")
        seconds, memory, rounds = figure.subplots(1, 3)
        seconds.loglog(clients, [each["round_seconds"] for each in grown], "o-", label="engine=ray")
        seconds.loglog(clients, [each["own_seconds"] for each in grown], "s--", label="clients' own work")
        seconds.set(xlabel="clients", ylabel="seconds a round")
        for key, mark, label in (("driver_mb", "o-", "server"), ("client_mb", "s--", "actor")):
            memory.semilogx(clients, [each[key] for each in grown], mark, label=label)
        memory.set(xlabel="clients", ylabel="peak memory, MB")
        for each in measured["results"]:
            if each.get("memory_mb"):
                rounds.plot(range(len(each["memory_mb"])), each["memory_mb"], label=f"server, {each['what']}")
        rounds.set(xlabel="round", ylabel="peak memory so far, MB")
        for axes in (memory, rounds):
            axes.set_ylim(0, 1.1 * axes.dataLim.y1)
        for axes in (seconds.xaxis, seconds.yaxis, memory.xaxis):
            axes.set_major_formatter("{x:g}")  # in place of powers, which would be formulas
            axes.set_minor_formatter(NullFormatter())
        for place in (seconds, memory, rounds):
            place.legend(loc="upper left" if place is seconds else "lower right")
        return style.as_svg(figure)
