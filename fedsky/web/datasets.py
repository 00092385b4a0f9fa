"""What the site has to learn from: counts of photographs by class. Reads names, never pictures."""

from collections import Counter
from pathlib import Path
from typing import Any

from fedsky.data import manifest
from fedsky.data.listing import list_files
from fedsky.language import _
from fedsky.web.settings import Settings


def all_sets(settings: Settings) -> list[dict[str, Any]]:
    """Every data set: its name, number of photographs, of each class, and what is wrong with it in one line."""
    sets: list[dict[str, Any]] = [
        {"name": "rendered", "count": None, "classes": {}, "kind": _("drawn by fedsky's renderer"), "problem": None}
    ]
    if settings.photographs is not None:
        sets.append(_folder(settings.photographs, settings.photographs.resolve().name, _("photographs of this site")))
    accepted = settings.accepted
    if accepted.is_dir():
        sets.append(_folder(accepted, "accepted", _("accepted from users")))
    return sets


def _folder(root: Path, name: str, kind: str) -> dict[str, Any]:
    problem = None
    classes: Counter[str] = Counter()
    try:
        table = manifest.find(root, None)
        if table is not None:
            classes.update(row.label for row in manifest.read(table, root)[0])
        else:
            classes.update({label: len(files) for label, files in list_files(root).files.items()})
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        problem = str(why).replace(f"data.root={root}", name).replace(str(root), name)
    return {"name": name, "count": sum(classes.values()), "classes": dict(classes), "kind": kind, "problem": problem}
