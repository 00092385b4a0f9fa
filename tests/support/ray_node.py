"""One node of a Ray cluster, in the place of ``ray start``: tells the cluster's address, and ends with its stdin.

Its arguments: the node's own address, its folder, and, but for the first node, the cluster's address.
"""

import sys
from typing import Any

from ray._private.node import Node
from ray._private.parameter import RayParams

from fedsky.engine.quick_start import quick_start

if __name__ == "__main__":
    own, folder, *others = sys.argv[1:]
    params: Any = RayParams(
        node_ip_address=own,
        num_cpus=1,
        num_gpus=0,
        object_store_memory=100 * 2**20,
        temp_dir=folder,
        min_worker_port=0,
        max_worker_port=0,
        include_dashboard=False,
    )
    if others:
        params.update_if_absent(gcs_address=others[0], redis_address=others[0], node_manager_port=0)
    with quick_start():
        node = Node(params, head=not others, shutdown_at_exit=True, spawn_reaper=False)
    sys.stdout.write(f"{node.gcs_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
