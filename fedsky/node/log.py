"""What a node says: on its terminal and in node.log of the owner's home."""

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from fedsky.untrusted import Visible

LOG = logging.getLogger("fedsky")
MOST_BYTES = 5 * 10**6  # of node.log, of which the one before is kept


def speak(home: Path) -> None:
    """Has what is said told and kept."""
    home.mkdir(parents=True, exist_ok=True)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    for handler in (
        logging.StreamHandler(sys.stderr),
        RotatingFileHandler(home / "node.log", maxBytes=MOST_BYTES, backupCount=1, encoding="utf-8"),
    ):
        handler.setFormatter(Visible("%(asctime)s %(message)s"))
        LOG.addHandler(handler)
    logging.getLogger("flwr").handlers.clear()
    logging.getLogger("httpx").setLevel(logging.WARNING)
