"""Runs on a Ray cluster, one after the other in one process: a JSON list of words, settings and folders comes on stdin.

What run.json says of each, or why it was refused, goes to a file, as JSON.
"""

import json
import logging
import sys
from pathlib import Path

from fedsky.config import compose, resolve
from fedsky.run import run

if __name__ == "__main__":
    logging.getLogger("fedsky").addHandler(logging.StreamHandler())  # on stderr
    logging.getLogger("fedsky").setLevel(logging.INFO)
    answers = []
    for words, settings, folder in json.load(sys.stdin):
        try:
            answers.append(run(resolve(compose(words)) | settings, Path(folder)))
        except (ValueError, RuntimeError) as error:
            answers.append({"refused": str(error)})
    Path(sys.argv[1]).write_text(json.dumps(answers))  # as Ray has words of its own on stdout for a node that is lost
