"""Serving the site: what must hold before it may be reached, and the server itself (waitress)."""

import ipaddress
import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from types import FrameType

from fedsky.web import audit, connections, create_app, limits
from fedsky.web.accounts import num_admins
from fedsky.web.options import DATABASE_VARIABLE
from fedsky.web.settings import LOOPBACK, Settings

LOG = logging.getLogger("fedsky.web")
RESTART_SECONDS = 5.0  # between the end of a worker and the start of the next


def check(settings: Settings, host: str, insecure_http: bool) -> None:
    """ValueError in one line for a site that would be reached from elsewhere without what protects it."""
    named = set(settings.hosts) > set(Settings().hosts)
    if settings.https and not named:
        raise ValueError("--https: add --name with the name under which browsers ask, such as --name lab.example.org")
    if is_loopback(host):
        return
    if not settings.https and not insecure_http:
        raise ValueError(
            f"--host {host} is reached from other machines, and passwords would cross the network readable: put a "
            "server with TLS in front and add --https, or add --insecure-http on a network that you trust"
        )
    if not named:
        raise ValueError(
            f"--host {host} is reached under a name or address of this machine: add --name with it, such as "
            "--name lab.example.org or --name 192.168.0.7"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host in LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def run(settings: Settings, host: str, port: int, worker: bool) -> None:
    """Serves until Ctrl-C or SIGTERM. Raises ValueError where the site may not or cannot be served."""
    app = create_app(settings)
    with app.extensions["database"].reading() as db:
        admins = num_admins(db)
    with app.extensions["database"].writing() as db:
        audit.forget_old(db)
    if not admins and not is_loopback(host):
        raise ValueError(f"the site has no administrator yet: {create_admin(settings)}")
    shown = f"[{host}]" if ":" in host else host
    connections.raise_file_limit()
    server = connections.Server(
        app,
        _socket(host, port),
        connections.Bodies.of(limits.large_bodies(app), settings.https),
        connections.MOST if settings.https else connections.MOST_OF_ONE,  # behind a proxy all come from one address
        threads=settings.threads,
        clear_untrusted_proxy_headers=not settings.https,  # else waitress takes X-Forwarded-For away
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, _stop)
    helper = threading.Thread(target=_keep_worker, args=(stop,), name="worker-keeper") if worker else None
    print(f"fedsky's site: http://{shown}:{port}/home (Ctrl-C ends it)", flush=True)
    if not admins:
        print(f"It has no administrator yet: {create_admin(settings)}", flush=True)
    try:
        if helper is not None:
            helper.start()
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        stop.set()
        server.close()
        if helper is not None:
            helper.join()
        app.extensions["database"].close()


def create_admin(settings: Settings) -> str:
    """The command that makes this site's first administrator."""
    data = [] if settings.data == Settings().data else ["--data", shlex.quote(str(settings.data))]
    given = settings.database_url and settings.database_url != os.environ.get(DATABASE_VARIABLE)
    database = ["--database", "..."] if given else []
    return " ".join(["python -m fedsky.web", *data, *database, "create-admin NAME"])


def _socket(host: str, port: int) -> socket.socket:
    """A bound socket; ValueError in one line where there is none."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        why = f"{host}:{port} cannot be had ({error.strerror})"
        raise ValueError(f"{why}: choose another with --port or --host") from None


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _keep_worker(stop: threading.Event) -> None:
    """Runs the worker as a process of its own, with this command line's options, and again whenever it ends."""
    command = [sys.executable, "-m", "fedsky.web", *sys.argv[1:], "worker"]
    while not stop.is_set():
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        while process.poll() is None and not stop.wait(0.5):
            pass
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        elif not stop.is_set():
            LOG.error("the worker ended with %s and is started again", process.returncode)
            stop.wait(RESTART_SECONDS)
