"""A stand-in for ``python -m fedsky`` where a test needs many jobs: run folders as its own, without any training.

    python standin_job.py name=site/ID [-m] seconds=1.5|until=FILE [stubborn] [fails] [loud] [resume=FOLDER]

It writes run.json, then a line of rounds.jsonl every 0.05 s, for so long or until there is such a file, and ends as
fedsky does: 0, 1, or 130 on Ctrl-C. With resume it goes on with the first run in FOLDER that is not done, much as
fedsky.resume does.
"""

import json
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from fedsky.history import write_json


def main(arguments: list[str]) -> int:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # as fedsky.machine.interrupt does
    settings = dict(each.split("=", 1) for each in arguments if "=" in each)
    folder = Path("outputs") / settings["name"] / datetime.now(UTC).strftime("%H-%M-%S-%f")
    if "stubborn" in arguments:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "resume" in settings:
        folder = to_go_on_with(Path(settings["resume"]))
    info: dict[str, object] = {
        "name": folder.name,
        "status": "running",
        "reason": None,
        "started": now(),
        "ended": None,
        "config": {},
    }
    write_json(folder / "run.json", info)
    try:
        end = time.monotonic() + float(settings.get("seconds", 60 if "until" in settings else 0.3))
        with (folder / "rounds.jsonl").open("a") as file:
            number = 0
            while time.monotonic() < end and not ("until" in settings and Path(settings["until"]).exists()):
                print(f"round {number}" + " loud" * 200_000 * ("loud" in arguments), flush=True)
                file.write(json.dumps({"round": number, "accuracy": 0.5}) + "\n")
                file.flush()
                number += 1
                time.sleep(0.05)
        if "fails" in arguments:
            raise ValueError("lr=-1: a number above 0 is needed")
    except KeyboardInterrupt:
        write_json(
            folder / "run.json", info | {"status": "interrupted", "reason": "stopped by the user", "ended": now()}
        )
        return 130
    except ValueError as error:
        write_json(folder / "run.json", info | {"status": "failed", "reason": str(error), "ended": now()})
        print(f"fedsky: {error}", file=sys.stderr)
        return 1
    write_json(folder / "run.json", info | {"status": "done", "ended": now()})
    return 0


def to_go_on_with(place: Path) -> Path:
    """The first run that is not done."""
    runs = sorted(place.rglob("run.json"))
    return next(path.parent for path in runs if json.loads(path.read_text())["status"] != "done")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
