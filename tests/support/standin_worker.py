"""A site's worker whose jobs are stand-ins: ``python standin_worker.py DATA OUTPUTS``."""

import os
import sys
from pathlib import Path

from fedsky.web.jobs.worker import work
from fedsky.web.options import DATABASE_VARIABLE
from fedsky.web.settings import Settings
from fedsky.web.tables import Job

STANDIN = Path(__file__).with_name("standin_job.py")


def standin(job: Job, begun: Path | None = None) -> list[str]:
    """The stand-in's command line for a job."""
    return [sys.executable, str(STANDIN), *job.overrides, *([f"resume={begun}"] if begun else [])]


if __name__ == "__main__":
    url = os.environ.get(DATABASE_VARIABLE, "")
    work(Settings(data=Path(sys.argv[1]), outputs=(Path(sys.argv[2]),), database_url=url), standin)
