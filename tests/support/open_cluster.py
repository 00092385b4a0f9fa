"""A process with a cluster of its own: tells its address, its token and its folder, and stays until a line comes."""

import json
import os
import sys

import ray

from fedsky.engine import close, cluster, open_grid

if __name__ == "__main__":
    open_grid({"kind": "ray", "num_actors": 64, "num_gpus": 0.0, "address": None}, 1)
    told = {
        "address": ray.get_runtime_context().gcs_address,
        "token": os.environ[cluster.TOKEN],
        "folder": cluster._folder[0],
        "pid": os.getpid(),
        "cores": ray.cluster_resources()["CPU"],  # type: ignore[no-untyped-call]
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()
    close()
