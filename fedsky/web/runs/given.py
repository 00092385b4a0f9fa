"""What each owner of a real federation gave in a round: a view of the run that trains with it."""

from collections.abc import Iterable
from typing import Any

from fedsky.history import RUNNING, Run
from fedsky.history.columns import CLIENTS, COLUMNS, STATUSES, TABLES
from fedsky.history.reasons import told
from fedsky.untrusted import printable, section

from .rows import Row, moment, whole
from .views import MOST_CLIENTS, measured, owner_names

ENGINE = "deployment"
MOVED = [name for name in TABLES[CLIENTS] if COLUMNS[name].unit == "bytes"]


def latest(rows: Iterable[Row]) -> Row | None:
    """The run that trains with a real federation, else the last that did."""
    found = [row for row in rows if row.chosen.get("engine") == ENGINE]
    return max(found, key=lambda row: (row.status == RUNNING, row.started or "", row.folder), default=None)


def joined(run: Run) -> list[dict[str, Any]]:
    """The owners in the order of the clients' numbers, as run.json names them."""
    listed = section(run.info, "joined").get("owners")
    return [owner if isinstance(owner, dict) else {} for owner in listed] if isinstance(listed, list) else []


def given(run: Run) -> dict[str, Any]:
    """The last round that is complete, and what each owner gave in it; round is None before the first.

    seconds: of training, on the owner's machine.
    """
    owners, names = joined(run)[:MOST_CLIENTS], owner_names(run)
    last = max((row["round"] for row in run.clients if row["round"] > 0), default=None)
    rows = {row.get("client"): row for row in run.clients if row["round"] == last}
    times = {row.get("client"): row for row in run.timing if row["round"] == last}
    return {
        "round": last,
        "owners": [
            {
                "name": printable(owner.get("name") or names.get(client, client), 40),
                "version": printable(owner["version"], 40) if isinstance(owner.get("version"), str) else None,
                "since": moment(owner.get("since")),
                **_row(rows.get(client, {})),
                "seconds": measured(times.get(client, {}), "train_seconds"),
            }
            for client, owner in enumerate(owners)
        ],
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    status = row.get("status")
    return {
        "status": status if status in STATUSES else None,
        "reason": told(row.get("reason")),
        "num_examples": whole(row.get("num_examples")),
        **{name: measured(row, name) for name in MOVED},
    }
