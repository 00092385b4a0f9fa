"""Runs a federation's server: the SuperLink on this machine alone, and the gate that owners reach."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn

from fedsky.config import from_here
from fedsky.deploy.federation import Home, register
from fedsky.deploy.gate import Gate

LOG = logging.getLogger("fedsky")
START_SECONDS = 60.0  # that a SuperLink may take to answer
KEPT_SECONDS = 30  # for which a connection of a node's is kept: longer than a node keeps it
LEAVE_SECONDS = 5  # that nodes' requests have as the server ends
AGAIN_SECONDS = 1.0  # after which one that ended is started again


class Server:
    """The SuperLink's process, started again whenever it ends, and the gate in this one."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.ended = threading.Event()
        self.process = self._start()
        self.thread = threading.Thread(target=self._watch, name="superlink", daemon=True)

    def _start(self) -> subprocess.Popen[bytes]:
        folder = self.home.folder
        options = {
            "host": "127.0.0.1",
            "port": self.home.inner,
            "isolation": "process",
            "database": folder / "superlink.db",
            "ssl-ca-certfile": folder / "ca.crt",
            "ssl-certfile": folder / "server.crt",
            "ssl-keyfile": folder / "server.key",
        }
        command = [str(Path(sys.executable).with_name("flower-superlink")), "--enable-supernode-auth"]
        command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        environment = os.environ | {"FLWR_TELEMETRY_ENABLED": "0"}
        log = os.open(folder / "superlink.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        except FileNotFoundError as error:
            raise ValueError(f"{command[0]} is missing: install flwr anew") from error
        finally:
            os.close(log)

    def _watch(self) -> None:
        while not self.ended.is_set():
            code = self.process.wait()
            if not self.ended.wait(AGAIN_SECONDS):
                LOG.warning("the SuperLink ended with %d: another one starts, see superlink.log", code)
                self.process = self._start()

    def ready(self) -> list[str]:
        """Returns when the SuperLink answers and knows all owners; the names of those that it did not know."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                new = register(self.home)
                break
            except ValueError as error:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise ValueError(f"{error}; see {self.home.folder / 'superlink.log'}") from error
                time.sleep(0.3)
        self.thread.start()
        return new

    def close(self) -> None:
        """Ends the SuperLink."""
        self.ended.set()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def serve(home: Home, bind: str, gate_of: type[Gate] = Gate) -> None:
    """Serves until it is interrupted; bind: the address at which the gate listens."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # first, or the SuperLink would be left
    server = Server(home)
    try:
        new = server.ready()
        LOG.info(
            "the SuperLink is at %s for this machine alone%s", home.superlink, f"; new: {', '.join(new)}" if new else ""
        )
        LOG.info("owners reach %s:%d", home.host, home.port)
        LOG.info(
            "a run: python -m fedsky engine=deployment engine.superlink=%s engine.certificate=%s",
            home.superlink,
            from_here(home.folder / "ca.crt"),
        )
        gate: Any = gate_of(home.superlink, home.folder / "ca.crt")
        uvicorn.run(
            gate,
            host=bind,
            port=home.port,
            log_level="warning",
            lifespan="on",
            ws="none",
            loop="asyncio",
            timeout_keep_alive=KEPT_SECONDS,
            timeout_graceful_shutdown=LEAVE_SECONDS,
            ssl_certfile=str(home.folder / "server.crt"),
            ssl_keyfile=str(home.folder / "server.key"),
        )
    finally:
        server.close()
