"""What the site has to learn from: counts of photographs by class and owner. Reads names, never pictures."""

from collections import Counter
from pathlib import Path
from typing import Any

from fedsky.data import manifest
from fedsky.data.listing import list_files
from fedsky.language import _
from fedsky.web.settings import Settings

ACCEPTED = "accepted"


def all_sets(settings: Settings) -> list[dict[str, Any]]:
    """Every data set: its name, its photographs by class and owner, and what is wrong with it in one line."""
    drawn: dict[str, Any] = {"name": "rendered", "count": None, "classes": {}, "owners": {}, "problem": None}
    drawn["kind"] = _("drawn by fedsky's renderer")
    return [drawn, *(_told(root, name, kind) for name, (root, kind) in folders(settings).items())]


def folders(settings: Settings) -> dict[str, tuple[Path, str]]:
    """The site's folders of photographs, with their kind, by the name that a visitor is told."""
    found = {}
    if settings.photographs is not None:
        name = settings.photographs.resolve().name
        found[name if name != ACCEPTED else f"{name} (photographs)"] = (
            settings.photographs,
            _("photographs of this site"),
        )
    if settings.accepted.is_dir():
        found[ACCEPTED] = (settings.accepted, _("accepted from users"))
    return found


def photographs(root: Path) -> list[tuple[Path, str, str]]:
    """Path, class and owner (empty where none is named) of a folder's photographs; ValueError or OSError."""
    table = manifest.find(root, None)
    if table is not None:
        return [(row.path, row.label, row.owner) for row in manifest.read(table, root)[0]]
    listing = list_files(root)
    return [
        (path, label, listing.owners.get(name, "")) for label, files in listing.files.items() for name, path in files
    ]


def _told(root: Path, name: str, kind: str) -> dict[str, Any]:
    problem = None
    found: list[tuple[Path, str, str]] = []
    try:
        found = photographs(root)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        problem = str(why).replace(f"data.root={root}", name).replace(str(root), name)
    classes, owners = Counter(each[1] for each in found), Counter(each[2] for each in found if each[2])
    return {
        "name": name,
        "count": len(found),
        "classes": dict(classes),
        "owners": dict(sorted(owners.items())),
        "kind": kind,
        "problem": problem,
    }
