"""What one address may hold of a served site: connections, their time, and the bytes of bodies that come in."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask, request

from fedsky.web import connections
from fedsky.web.connections import Bodies, Server
from fedsky.web.limits import BODY

LARGE = 1_000_000
HALF = b"GET /slow HTTP/1.1\r\nHost: x\r\nX-Never"
Served = tuple[Server, Callable[[str], socket.socket]]


def app() -> Flask:
    made = Flask(__name__)

    @made.post("/large")
    @made.post("/small")
    def take() -> str:
        made.config["seen"] = request.content_length
        return str(len(request.get_data()))

    @made.get("/big")
    def big() -> bytes:
        return b"x" * 5_000_000

    @made.get("/")
    def home() -> str:
        return "home"

    return made


def sockets(server: Server) -> Any:
    """waitress' map of what it looks after."""
    return server._map  # type: ignore[attr-defined]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Served]]:
    """Serves an application with bounds as told, from which connections of any 127.x.y.z are opened."""
    begun: list[tuple[Server, threading.Thread]] = []
    opened: list[socket.socket] = []
    stop = threading.Event()

    def make(
        most: int = 900,
        seconds: float = 20.0,
        rate: float = 50_000,
        of_one: int = LARGE,
        of_all: int = 2 * LARGE,
        of_address: int = 150,
    ) -> Served:
        monkeypatch.setattr(connections, "MOST", most)
        monkeypatch.setattr(connections, "SECONDS", seconds)
        monkeypatch.setattr(connections, "LEAST_RATE", rate)
        monkeypatch.setattr(connections, "CLEANUP_SECONDS", 0)
        listening = socket.create_server(("0.0.0.0", 0))
        server = Server(app(), listening, Bodies({"/large": LARGE}, of_all, of_one), of_address, threads=2)

        def loop() -> None:
            while not stop.is_set():
                server.asyncore.loop(timeout=0.05, map=sockets(server), use_poll=True, count=1)

        thread = threading.Thread(target=loop)
        thread.start()
        begun.append((server, thread))

        def connect(address: str = "127.0.0.1") -> socket.socket:
            found = socket.create_connection(listening.getsockname(), timeout=10, source_address=(address, 0))
            opened.append(found)
            return found

        return server, connect

    yield make
    stop.set()
    for each in opened:
        each.close()
    for server, thread in begun:
        thread.join()
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(sockets(server))


def ask(connection: socket.socket, head: bytes, body: bytes = b"") -> bytes:
    connection.sendall(head + b"Host: x\r\nConnection: close\r\n\r\n" + body)
    return answer(connection)


def answer(connection: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    parts = []
    try:
        while part := connection.recv(2**16):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_open(connection: socket.socket) -> bool:
    connection.settimeout(0.01)
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def test_nobody_is_locked_out_by_half_requests(serve: Any) -> None:
    """1,100 of them from one address made the site accept nobody."""
    server, connect = serve(most=20)
    quiet = connect("127.0.0.3")
    half = []
    for _ in range(60):
        half.append(connect("127.0.0.2"))
        half[-1].sendall(HALF)
        assert ask(connect("127.0.0.4"), b"GET / HTTP/1.1\r\n").endswith(b"home")
    assert len(server.active_channels) <= 21
    assert not is_open(half[0]) and is_open(half[-1]), "the oldest of the address that has the most went"
    assert ask(quiet, b"GET / HTTP/1.1\r\n").endswith(b"home"), "and nobody else's"


def test_one_address_has_a_part_of_the_connections(serve: Any) -> None:
    """Its oldest go for its newest; nobody else's."""
    server, connect = serve(of_address=5)
    others = [connect(f"127.0.1.{number + 1}") for number in range(10)]
    mine = [connect("127.0.0.2") for _ in range(10)]
    wait(lambda: len(server.active_channels) == 15)
    assert [is_open(each) for each in mine] == [False] * 5 + [True] * 5 and all(map(is_open, others))
    assert ask(mine[-1], b"GET / HTTP/1.1\r\n").endswith(b"home")
    for each in (*others, *mine):
        each.close()
    wait(lambda: not server.active_channels and not server.networks)


def test_a_storm_of_newcomers_ends_nobody_elses_connection(serve: Any) -> None:
    """A number of a connection that was closed is the next one's, and events of the old are not the new one's."""
    server, connect = serve(of_address=3)
    for number in range(40):
        storm = [connect("127.0.0.2") for _ in range(10)]
        assert ask(connect(f"127.0.1.{number + 1}"), b"GET / HTTP/1.1\r\n").endswith(b"home")
        assert storm and len(server.active_channels) < 80


def test_half_requests_from_everywhere_lock_nobody_out_either(serve: Any) -> None:
    server, connect = serve(most=20)
    for number in range(60):
        connect(f"127.0.1.{number + 1}").sendall(HALF)
    assert ask(connect(), b"GET / HTTP/1.1\r\n").endswith(b"home")
    assert len(server.active_channels) <= 21


def test_a_request_that_dribbles_in_is_given_up(serve: Any) -> None:
    _, connect = serve(seconds=0.5)
    slow = connect()

    def is_given_up() -> bool:
        with suppress(ConnectionError):
            slow.sendall(b"X")
        return not is_open(slow)

    wait(is_given_up)


def test_a_body_has_time_by_its_bytes(serve: Any) -> None:
    """300 seconds, and 2 for its 200 kB."""
    server, connect = serve(seconds=300, rate=100_000)
    slow, steady = connect(), connect("127.0.0.2")
    for connection in (slow, steady):
        connection.sendall(b"POST /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n")
    wait(lambda: len([each for each in server.active_channels.values() if each.request]) == 2)

    for each in server.active_channels.values():
        assert [each.is_late(each.began + after) for after in (301.9, 302.1)] == [False, True]
    steady.sendall(b"x" * 200_000)
    assert answer(steady).endswith(b"200000")
    wait(lambda: len(server.active_channels) == 1)
    [left] = server.active_channels.values()
    left.began -= 302.1
    wait(lambda: not is_open(slow))


def test_who_takes_no_answer_is_not_waited_for(serve: Any) -> None:
    server, connect = serve(seconds=0.3, rate=10_000_000)
    idle = connect()
    idle.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    wait(lambda: any(channel.total_outbufs_len for channel in server.active_channels.values()))
    wait(lambda: not server.active_channels)
    assert len(answer(idle)) < 5_000_000


@pytest.mark.parametrize("how", [b"Content-Length: %d\r\n" % (BODY + 1), b"Content-Length: 999999999999\r\n"])
def test_only_the_route_for_photographs_receives_a_large_body(serve: Any, how: bytes) -> None:
    """The application is asked at once, and refuses it by its length; nothing of the body is kept."""
    _, connect = serve()
    told = ask(connect(), b"POST /small HTTP/1.1\r\n" + how)
    assert told.startswith(b"HTTP/1.1 200") and told.endswith(b"\r\n0"), "this one reads nothing of it"
    chunks = b"POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"8000\r\n%s\r\n" % (
        b"x" * 0x8000
    )
    connection = connect()
    connection.sendall(chunks + b"8000\r\n%s\r\n" % (b"x" * 0x8000) + b"8000\r\n%s\r\n" % (b"x" * 0x8000))
    assert b"413" in answer(connection).split(b"\r\n")[0]


def test_what_follows_a_refused_body_is_no_request(serve: Any) -> None:
    _, connect = serve()
    hidden = b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
    body = hidden + b"x" * (BODY + 1 - len(hidden))
    told = ask(connect(), b"POST /small HTTP/1.1\r\nContent-Length: %d\r\n" % len(body), body)
    assert told.count(b"HTTP/1.1") == 1


def test_the_bytes_of_bodies_are_bounded_for_one_and_for_all(serve: Any) -> None:
    """100 slow posts of 8 MB took a gigabyte."""
    server, connect = serve(of_one=LARGE, of_all=2 * LARGE)
    head = b"POST /large HTTP/1.1\r\nContent-Length: 600000\r\n"

    def begin(address: str) -> socket.socket:
        connection: socket.socket = connect(address)
        connection.sendall(head + b"Host: x\r\nConnection: close\r\n\r\n" + b"x" * 100_000)
        return connection

    def holds(number: int) -> bool:
        with suppress(RuntimeError):  # one comes just now
            return bool(sum(each.held for each in server._large) == number * 600_000)
        return False

    held = []
    for number in (2, 3, 4):
        held.append(begin(f"127.0.0.{number}"))
        wait(lambda: holds(len(held)))
    refused = answer(begin("127.0.0.2"))
    assert b"503" in refused.split(b"\r\n")[0] and b"Retry-After" in refused and b"try again" in refused
    assert b"503" in answer(begin("127.0.0.5")).split(b"\r\n")[0], "all together have as much as may be"
    assert ask(connect("127.0.0.5"), b"POST /large HTTP/1.1\r\nContent-Length: 1000\r\n", b"x" * 1000).endswith(b"1000")
    held[0].sendall(b"x" * 500_000)
    assert answer(held[0]).endswith(b"600000")
    held[1].close()
    wait(lambda: holds(1))
    again = begin("127.0.0.5")
    again.sendall(b"x" * 500_000)
    assert answer(again).endswith(b"600000")


def test_behind_a_proxy_one_address_is_everybody() -> None:
    bodies = Bodies.of({"/large": LARGE}, behind_proxy=True)
    assert bodies.of_one == bodies.most == connections.UPLOADS * LARGE
    assert Bodies.of({"/large": LARGE}, behind_proxy=False).of_one == connections.UPLOADS_OF_ONE * LARGE
