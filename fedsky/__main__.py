"""``python -m fedsky``: the Hydra shell around ``run``."""

from fedsky import interrupt

if __name__ == "__main__":  # before what takes long to import
    interrupt.at_once("fedsky")

import logging
import os
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from fedsky.config import CONF, explain, from_here, resolve

LOG = logging.getLogger("fedsky")
jobs: list[str] = []  # the overrides of every job of this command line
failures: list[str] = []  # one line for each that failed


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def job(cfg: DictConfig) -> None:
    """One job of a command line, alone or in a sweep; what goes wrong costs this job alone."""
    settings = HydraConfig.get()
    folder = from_here(settings.runtime.output_dir)
    jobs.append(" ".join(settings.overrides.task) or "the defaults")
    try:
        config = resolve(cfg)
    except (ValueError, OmegaConfBaseException) as error:
        _failed(explain(error), error)
        return
    # These take seconds to import, which a wrong value need not wait for.
    from fedsky.engine.grid import ClientError
    from fedsky.run import run
    from fedsky.run.dry_run import dry_run

    interrupt.by_exception()
    try:
        if config["dry_run"]:
            dry_run(config, folder)
            return
        choices = {
            group: str(choice)
            for group, choice in settings.runtime.choices.items()
            if "/" not in group and choice is not None
        }
        tell(folder, run(config, folder, choices))
    except ClientError as error:
        failures.append(f"{jobs[-1]}: {error}")
        LOG.error("%s\n%s", error, error.report if not error.reason else f"log: {folder / 'run.log'}")
    except (ValueError, OSError) as error:
        _failed(str(error), error)
    except Exception as error:
        failures.append(f"{jobs[-1]}: {type(error).__name__}: {error}")
        LOG.exception("%s: %s", type(error).__name__, error)


def tell(folder: Path, info: dict[str, Any]) -> None:
    """Says in one line how a run ended."""
    result = info["result"]
    LOG.info(
        "%s: accuracy %.4f, balanced %.4f on %d test images after round %d",
        folder, result["accuracy"], result["balanced_accuracy"], result["num_test"], result["round"],
    )  # fmt: skip


def _failed(message: str, error: Exception) -> None:
    """Tells in one line what a person can mend; how it came about stands in the run's log."""
    line = " ".join(message.split())
    failures.append(f"{jobs[-1]}: {line}")
    LOG.error("fedsky: %s", line)
    LOG.debug("", exc_info=error)


def main() -> None:
    """The command line; exits with 0 if all went well, 1 if a job failed, 2 for a wrong option, 130 on Ctrl-C."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra hands its errors over rather than printing them at length
    interrupt.at_once("fedsky")
    try:
        job()
    except KeyboardInterrupt:
        interrupt.leave("fedsky")
    except (HydraException, OmegaConfBaseException, ValueError) as error:  # of composing: a job keeps its own
        _end(explain(error), 2)
    finally:
        _close()
    if failures and len(jobs) == 1:
        sys.exit(1)
    if failures:
        _end("\n".join([f"{len(failures)} job(s) failed:", *failures]), 1)


def _close() -> None:
    logging.getLogger("flwr").propagate = False  # what it says from here on belongs to no run
    if "fedsky.engine" in sys.modules:
        sys.modules["fedsky.engine"].close()


def _end(message: str, code: int) -> None:
    sys.stderr.write(f"fedsky: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
