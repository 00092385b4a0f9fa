"""What a local Openverse offers, and what is kept of it."""

import csv
import hashlib
from pathlib import Path
from typing import Any

from local_web import LocalWeb, says

from fedsky.photographs.collect import Openverse

BY = "https://creativecommons.org/licenses/by/4.0/"


def item(site: LocalWeb, number: int, path: str = "", **more: Any) -> dict[str, Any]:
    return {"id": f"id-{number}", "title": "sky", "url": site.base + (path or f"/{number}.jpg"), "license": "by",
            "license_version": "4.0", "license_url": BY, "creator": "Ada", "foreign_landing_url": "https://a.example/",
            **more}  # fmt: skip


def offer(site: LocalWeb, *items: dict[str, Any]) -> Openverse:
    site.put("/v1/images/", says({"page_count": 1, "results": list(items)}))
    return Openverse("sky", base=site.base)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_whole(out: Path) -> None:
    """Every row has its file, every file its row or its whole bytes, nothing is there twice."""
    table = rows(out) if (out / "manifest.csv").exists() else []
    assert len({row["sha256"] for row in table}) == len({row["id"] for row in table}) == len(table)
    for row in table:
        content = (out / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
    for path in out.glob("*/[!.]*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest()[:16] == path.stem
