"""The word of a user who trusts a run folder, as one types it after ``fedsky.resume FOLDER``."""

from pathlib import Path

from run_files import info_of

from fedsky.config.permitted import Word


def word_for(folder: Path) -> Word:
    """All that the folder's run calls, typed anew."""
    config = info_of(folder)["config"]
    groups = {group: settings for group, settings in config.items() if isinstance(settings, dict)}
    return Word(settings={f"{group}._target_": str(settings.get("_target_")) for group, settings in groups.items()})
