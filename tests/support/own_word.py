"""The word of a user who trusts a run folder, as one types it after ``fedsky.resume FOLDER``."""

import json
from pathlib import Path

from fedsky.config.permitted import Word


def word_for(folder: Path) -> Word:
    """All that the folder's run calls, typed anew."""
    config = json.loads((folder / "run.json").read_text())["config"]
    groups = {group: settings for group, settings in config.items() if isinstance(settings, dict)}
    return Word(settings={f"{group}._target_": str(settings.get("_target_")) for group, settings in groups.items()})
