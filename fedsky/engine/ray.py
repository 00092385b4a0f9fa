"""Flower's simulation engine on Ray: the only file that starts Flower."""

import os
import threading
import time
from queue import Empty, Queue
from typing import Any

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of a change to come

from flwr.app import Context
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from fedsky.engine import cluster


class Simulation:
    """Flower's simulation engine on Ray, kept open for all jobs of a sweep.

    ``run_simulation`` runs in a thread of its own; its ServerApp hands the grid over and stays until ``close``.
    """

    def __init__(self, client_app: ClientApp, settings: dict[str, Any], num_nodes: int, num_actors: int) -> None:
        self.settings, self.num_nodes, self.num_actors = settings, num_nodes, num_actors
        self.stop = threading.Event()
        self.backends: list[Any] = []
        self.failure: BaseException | None = None
        cluster.start(settings.get("address"), num_actors)
        grids: Queue[Grid] = Queue()
        server = ServerApp()

        @server.main()  # type: ignore[untyped-decorator, unused-ignore]
        def main(grid: Grid, context: Context) -> None:
            grids.put(grid)
            self.stop.wait()

        self.thread = threading.Thread(target=self._run, args=(server, client_app), name="simulation", daemon=True)
        self.thread.start()
        self.grid = self._wait_for(grids)

    def _run(self, server: ServerApp, client_app: ClientApp) -> None:
        from flwr.server.superlink.fleet.vce.backend import raybackend
        from flwr.simulation import run_simulation

        simulation = self

        class Backend(raybackend.RayBackend):
            """flwr's backend, which tells the simulation where it is, so that its actors can be ended."""

            def build(self, app_fn: Any) -> None:
                simulation.backends.append(self)
                try:
                    super().build(app_fn)
                except BaseException as error:
                    simulation.failure = error  # which flwr only logs
                    raise

        original = raybackend.RayBackend
        raybackend.RayBackend = Backend  # type: ignore[misc]
        try:
            backend: Any = {"client_resources": {"num_cpus": 1, "num_gpus": float(self.settings.get("num_gpus", 0))}}
            run_simulation(server, client_app, self.num_nodes, backend_config=backend)
        except BaseException as error:
            self.failure = error
        finally:
            raybackend.RayBackend = original  # type: ignore[misc]

    def _wait_for(self, grids: "Queue[Grid]") -> Grid:
        grid: Grid | None = None
        while grid is None or len(list(grid.get_node_ids())) < self.num_nodes:
            if not self.thread.is_alive():
                reason = " ".join(f"{self.failure or 'see run.log'}".split())[:300]
                raise ValueError(f"Flower's simulation engine did not start ({reason}): try engine=inline")
            try:
                grid = grid or grids.get(timeout=0.05)
            except Empty:
                continue
            time.sleep(0.01)
        return grid

    def close(self, at_once: bool = False) -> None:
        """Ends the actors and Ray; ``at_once`` does not wait for clients that are still training."""
        import ray

        self.stop.set()
        if at_once:
            for backend in self.backends:
                pool = backend.pool
                for actor in [*pool.pool, *pool._future_to_actor.values()] if pool else []:
                    ray.kill(actor)
        self.thread.join(timeout=5 if at_once else 60)
        cluster.stop()
