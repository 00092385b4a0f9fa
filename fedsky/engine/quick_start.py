"""How a Ray node of a run's own starts: without the processes that it does without, and seen as soon as it is there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SEEN_SECONDS = 10.0  # after which Ray itself looks for a node that starts, and says what is wrong with it
LOOK_SECONDS = 0.02


@contextmanager
def quick_start() -> Iterator[None]:
    """Within it a node starts without autoscaler, dashboard and reader of logs: about a second of a core each.

    Ray itself looks for its node when that cannot be there yet, and again a second later; here it is waited for.
    """
    from ray._private.node import Node
    from ray._private.state import GlobalState

    get_node = GlobalState.get_node

    def nothing(node: Any, **options: Any) -> None:
        node._webui_url = None

    def seen(state: Any, node_id: str) -> Any:
        end = time.monotonic() + SEEN_SECONDS
        while time.monotonic() < end and all(each["NodeID"] != node_id for each in state.node_table()):
            time.sleep(LOOK_SECONDS)
        return get_node(state, node_id)

    others: list[tuple[Any, str, Any]] = [(GlobalState, "get_node", seen)]
    others += [(Node, name, nothing) for name in ("start_monitor", "start_log_monitor", "start_api_server")]
    before = [(place, name, getattr(place, name)) for place, name, _ in others]
    for place, name, method in others:
        setattr(place, name, method)
    try:
        yield
    finally:
        for place, name, method in before:
            setattr(place, name, method)
