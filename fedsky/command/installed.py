"""The installed command ``fedsky``: ``fedsky report FOLDER`` is ``python -m fedsky.report FOLDER``, and so on."""

import runpy
import sys

COMMANDS = ("data", "predict", "report", "resume", "tune", "web")


def main() -> None:
    """Runs the command that the first word names; where it names none, all words are a run's overrides."""
    module = "fedsky"
    if len(sys.argv) > 1 and sys.argv[1] in COMMANDS:  # no override: it has no =
        module += f".{sys.argv.pop(1)}"
    runpy.run_module(module, run_name="__main__", alter_sys=True)
