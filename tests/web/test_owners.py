"""The data page by owner: counted from names at once, the rest as the exploration measures it, and only once."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from owned_photographs import owner_folders, photograph
from site_browser import Browser

from fedsky.photographs.explore.owners import measured
from fedsky.web import Settings
from fedsky.web.owners import Owners

COUNTS = {"Ada": {"cloudy": 6, "sunny": 6}, "Bö & Co": {"sunny": 8}}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, photographs=owner_folders(tmp_path / "skies", COUNTS))


def ready(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer once nothing is being measured any more."""
    end = time.monotonic() + 300
    while (told := ask())["state"] == "measuring":
        assert time.monotonic() < end
        time.sleep(0.2)
    return told


def test_the_page_tells_of_owners_what_the_exploration_does(
    as_role: Callable[[str], Browser], visitor: Browser, settings: Settings
) -> None:
    admin, place = as_role("admin"), "/api/admin/datasets/skies/owners"
    (_, skies) = admin.get("/api/admin/datasets").get_json()["datasets"]
    assert skies["owners"] == {"Ada": 12, "Bö & Co": 8} and skies["classes"] == {"cloudy": 6, "sunny": 14}
    told = ready(lambda: admin.get(place).get_json())
    assert settings.photographs is not None
    assert (told["state"], told["problem"], told["tables"]) == ("done", None, measured(settings.photographs))
    each, pairs = told["tables"]
    assert each["columns"][:4] == ["owner", "photographs", "cloudy", "sunny"]
    assert [row[:4] for row in each["rows"]] == [["Ada", "12", "6", "6"], ["Bö & Co", "8", "0", "8"]]
    assert pairs["rows"][0][:3] == ["Ada", "Bö & Co", "0.558"] and pairs["rows"][0][-1] == "0"
    assert visitor.get(place).status_code == 401 and as_role("operator").get(place).status_code == 403
    for name in ("rendered", "nothing", "..%2Fskies"):
        assert admin.get(f"/api/admin/datasets/{name}/owners").status_code == 404
    for path in settings.photographs.rglob("*.png"):
        path.unlink()
    answer = admin.get(place)
    assert answer.status_code == 404 and "no owner named" in answer.get_json()["detail"]


def test_photographs_are_measured_once_and_anew_when_one_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = owner_folders(tmp_path / "skies", COUNTS)
    owners, asked = Owners(), list[Path]()

    def ask(question: dict[str, str]) -> Any:
        folder = Path(question["root"])
        asked.append(folder)
        if (folder / "broken").exists():
            raise ValueError(f"{folder} holds no readable photograph")
        return {"tables": [{"caption": str(len(asked)), "columns": [], "rows": []}]}

    monkeypatch.setattr(owners._process, "ask", ask)

    def tell() -> dict[str, Any]:
        return owners.of(root, sorted(root.rglob("*.png")))

    assert tell()["state"] == "measuring"
    assert ready(tell)["tables"][0]["caption"] == ready(tell)["tables"][0]["caption"] == "1"
    photograph(root / "Ada" / "cloudy" / "more.png", 77)
    assert tell()["state"] == "measuring" and ready(tell)["tables"][0]["caption"] == "2"
    (root / "broken").touch()
    photograph(root / "Ada" / "cloudy" / "again.png", 78)
    assert ready(tell) == {"state": "failed", "tables": [], "problem": "skies holds no readable photograph"}
    (root / "broken").unlink()
    assert tell()["state"] == "measuring" and ready(tell)["tables"][0]["caption"] == "4"
    assert asked == [root] * 4
