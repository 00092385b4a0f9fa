"""What the engines are measured by, and how the documentation tells it."""

from typing import Any

import pytest

from benchmarks.simulation import CASES, told
from docs import speed


def grown(power: float) -> dict[str, Any]:
    """As if a round's seconds grew with the clients to a power from 100 on; fewer have a start that costs."""
    results: list[dict[str, Any]] = [
        {"what": "engine=ray", "case": f"{n}x5", "clients": n, "round_seconds": max(n, 100) ** power, "ratio": 1.25,
         "own_seconds": n**power / 2, "driver_mb": 1000.0, "client_mb": 700.0}
        for n in (1000, 300, 100, 30, 10)
    ]  # fmt: skip
    rounds = {"what": "engine=ray", "case": "rounds", "clients": 5, "round_seconds": 0.1, "memory_mb": [900.0, 950.0]}
    return {"machine": "Measured on paper.", "results": [*results, rounds, {"what": "bare", "case": "10x100"}]}


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_the_slope_is_the_power_by_which_seconds_grow(power: float) -> None:
    measured = grown(power)
    assert [each["clients"] for each in speed.by_clients(measured)] == [10, 30, 100, 300, 1000]
    assert speed.slope(speed.by_clients(measured)) == pytest.approx(power)
    assert speed.slope(speed.by_clients(measured)[:3]) is None
    lines = speed.table(measured).splitlines()
    assert lines[0] == "Measured on paper." and lines[-1].endswith(f"to the power of {power:.2f}.")
    assert "| 1000x5 | `engine=ray` | 1000 | 1.25 |" in lines[4] or power != 1.0
    assert {line.count("|") for line in lines[2:-2]} == {len(speed.COLUMNS) + 3}


def test_the_picture_has_its_three_plots_and_the_same_bytes_each_time() -> None:
    drawn = speed.picture(grown(1.0))
    assert drawn == speed.picture(grown(1.0)) and drawn.count('<g id="axes_') == 3


def test_a_case_is_measured_by_its_own_rows() -> None:
    found = told(["benchmarks.simulation", "--cases=10x5", "--engine=inline"])
    assert found["what"] == "engine=inline" and found["clients"] == CASES["10x5"][0]
    assert found["moved_mb"] == pytest.approx(10 * 2 * 1.26, rel=0.01)  # the model to ten clients and back
    parts = sum(found[f"{part}_seconds"] for part in ("wait", "combine", "evaluate"))
    assert 0 < parts <= found["round_seconds"] * (1 + 1e-9), "parts of the same two rounds"
    assert 0 < found["own_seconds"] <= found["round_seconds"] and found["cpu_seconds"] > 0
    assert found["start_seconds"] < found["whole_seconds"]
