"""The server's connections: waitress, with bounds on what strangers may hold of it.

waitress ends a connection that is silent for a while. That leaves three ways to keep others out, which end here:

- Many connections. Where there are as many as there may be, of one address or of all, a newcomer is let in, and one
  that waits goes for it: the oldest of its address, or of that which has the most. Newcomers are let in many at a time,
  as looking after all connections once takes milliseconds.
- Slow ones, which send or take a byte now and then: a request, and the taking of an answer, have a time that grows with
  their bytes.
- Large bodies, which are received in memory before the application sees a request: only the route for photographs may
  have one, and the bytes of all of them together, and of one address, are bounded.
"""

import json
import os
import socket
import time
import weakref
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error, RequestEntityTooLarge

from fedsky.web.limits import BODY, network

MOST, MOST_OF_ONE = 900, 150  # connections, of all and of one address; beyond that, one goes for every one that comes
AT_ONCE = 64  # newcomers between two looks at the others
SECONDS = 20.0  # for a request without a body to come in, or for an answer to begin to be taken
LEAST_RATE = 50_000  # bytes a second, besides
CLEANUP_SECONDS = 5
HEAD = 32 * 1024  # bytes of a request's first lines: an address that names 500 runs to compare has 11 kB
UPLOADS, UPLOADS_OF_ONE = 6, 2  # of the largest photographs, held at a time: of all, and of one address


class BusyError(Error):
    """A refusal to receive a body now, in the form of the site's others."""

    code, reason = 503, "Service Unavailable"

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:  # type: ignore[override]
        """Status, headers and body."""
        content = {"type": "about:blank", "status": 503, "title": self.reason, "detail": self.body, "request_id": ""}
        headers = [
            ("Content-Type", "application/problem+json"),
            ("Retry-After", "5"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return f"{self.code} {self.reason}", headers, json.dumps(content).encode()


@dataclass(frozen=True)
class Bodies:
    """What bodies may have. large: bytes by path, where more than ``BODY`` may come; of_one: of one address."""

    large: dict[str, int]
    most: int
    of_one: int

    @classmethod
    def of(cls, large: dict[str, int], behind_proxy: bool) -> "Bodies":
        """The bounds of a site's routes. Behind a proxy all come from one address, which keeps others out itself."""
        largest = max(large.values(), default=BODY)
        return cls(large, UPLOADS * largest, (UPLOADS if behind_proxy else UPLOADS_OF_ONE) * largest)

    def allowed(self, path: str) -> int:
        """The bytes that a body may have on its way to a path."""
        return self.large.get(path, BODY)


class Request(HTTPRequestParser):
    """A request as it comes in."""

    held = 0  # bytes that are kept for its body, if that is large
    allowed = BODY

    def __init__(self, adj: Adjustments, server: "Server", address: str) -> None:
        super().__init__(adj)
        self.server, self.address = server, address

    def parse_header(self, header_plus: bytes) -> None:
        """Reads the first lines, and decides from them whether the body may come."""
        super().parse_header(header_plus)
        self.allowed = self.server.bodies.allowed(self.path)  # type: ignore[attr-defined]
        if self.content_length > self.allowed:
            # The application refuses it by its length; what comes after is not read, and the connection ends.
            self.body_rcv, self.content_length, self.expect_continue = None, 0, False
            self.headers["CONNECTION"], self.connection_close = "close", True  # type: ignore[index]
        elif self.allowed > BODY and (self.chunked or self.content_length > BODY):
            self.held = self.allowed if self.chunked else self.content_length
            if not self.server.may_hold(self):
                self.held = 0
                self.error = BusyError("Many photographs are coming in just now: try again in a moment.")
                self.completed = True

    def received(self, data: bytes) -> int:
        """Takes bytes in; ends the request where a body in chunks, whose length nobody says, is too large."""
        consumed = int(super().received(data))
        if self.body_bytes_received > self.allowed and self.error is None:
            self.error, self.completed = RequestEntityTooLarge(f"exceeds {self.allowed} bytes"), True
        return consumed

    def close(self) -> None:
        """Gives up the body."""
        self.held = 0
        super().close()


class Channel(HTTPChannel):
    """A connection. began: when the request that it is receiving began to come; sends: since when, and how much."""

    server: "Server"
    sends: tuple[float, int] | None = None

    def __init__(self, server: "Server", sock: socket.socket, addr: Any, adj: Adjustments, map: Any = None) -> None:
        self.network = network(str(addr[0]))
        super().__init__(server, sock, addr, adj, map=map)
        self.began = self.creation_time
        server.make_room(self)

    def parser_class(self, adj: Adjustments) -> Request:  # type: ignore[override]
        """A request of this connection."""
        return Request(adj, self.server, self.network)

    def writable(self) -> bool:
        """Whether there is something to send; never once closed, or the next look would be for its number's events.

        A newcomer may have that number by the time that the events are seen to.
        """
        return bool(self.connected and super().writable())

    def received(self, data: bytes) -> bool:
        """Takes bytes in."""
        if self.request is None:
            self.began, self.sends = time.time(), None
        return bool(super().received(data))

    def del_channel(self, map: Any = None) -> None:
        """Has done with the connection, and with what was coming in."""
        super().del_channel(map)
        self.server.networks[self.network].pop(self, None)
        if not self.server.networks[self.network]:
            del self.server.networks[self.network]
        if self.request is not None:
            self.request.close()
            self.request = None

    def is_late(self, now: float) -> bool:
        """Whether a request has been coming in, or an answer been taken, for too long."""
        if self.requests:  # being answered
            return False
        if self.total_outbufs_len:
            self.sends = self.sends or (now, self.total_outbufs_len)
            return now - self.sends[0] > SECONDS + self.sends[1] / LEAST_RATE
        self.sends = None
        if self.request is None:  # between two requests: waitress' channel_timeout
            return False
        length = self.request.content_length or self.request.body_bytes_received
        return now - self.began > SECONDS + length / LEAST_RATE


class Server(TcpWSGIServer):
    """waitress' server with these connections."""

    channel_class = Channel
    active_channels: dict[int, Channel]  # type: ignore[assignment]

    def __init__(
        self, app: Any, sock: socket.socket, bodies: Bodies, most_of_one: int = MOST_OF_ONE, **settings: Any
    ) -> None:
        adj = Adjustments(
            sockets=[sock],
            ident=None,
            asyncore_use_poll=True,
            connection_limit=MOST + 100,
            channel_timeout=60,
            cleanup_interval=CLEANUP_SECONDS,
            max_request_header_size=HEAD,
            log_socket_errors=False,
            max_request_body_size=max((BODY, *bodies.large.values())) + 2,  # larger ones: Request
            inbuf_overflow=2 * max((BODY, *bodies.large.values())),  # no upload is written to a temporary file
            **settings,
        )
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(adj.threads)
        self.bodies, self.most_of_one = bodies, most_of_one
        self.networks: defaultdict[str, dict[Channel, None]] = defaultdict(dict)
        self._large: weakref.WeakSet[Request] = weakref.WeakSet()
        self._ending: list[Channel] = []
        place = (sock.family, sock.type, sock.proto, sock.getsockname())
        super().__init__(app, {}, True, sock, dispatcher=dispatcher, adj=adj, bind_socket=False, sockinfo=place)

    def may_hold(self, request: Request) -> bool:
        """Whether there is room for the body of a request, which is kept for it then."""
        held = [(each.address, each.held) for each in self._large]
        mine = sum(size for address, size in held if address == request.address)
        if sum(size for _, size in held) + request.held > self.bodies.most:
            return False
        if mine + request.held > self.bodies.of_one:
            return False
        self._large.add(request)
        return True

    def handle_accept(self) -> None:
        """Lets newcomers in."""
        for _ in range(AT_ONCE):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                return

    def make_room(self, newcomer: Channel) -> None:
        """Ends a connection that waits, where there are more than may be."""
        self.networks[newcomer.network][newcomer] = None
        if len(self.networks[newcomer.network]) > self.most_of_one:
            some = list(self.networks[newcomer.network])
        elif len(self.active_channels) - len(self._ending) > MOST:
            some = list(self.active_channels.values())
        else:
            return
        waiting = [channel for channel in some if not (channel.requests or channel.will_close or channel is newcomer)]
        if waiting:
            self.end(max(waiting, key=lambda channel: (len(self.networks[channel.network]), -channel.began)))

    def end(self, channel: Channel) -> None:
        """Has a connection closed before the next events are looked for.

        Not at once: its number may belong to another by the next of the events that are being seen to. And not by
        ``will_close`` alone, which waits until the client takes what there is to send.
        """
        channel.will_close = True
        self._ending.append(channel)

    def readable(self) -> bool:
        """Whether newcomers are let in; asked before every look for events."""
        may_come = bool(super().readable())
        while self._ending:
            channel = self._ending.pop()
            if channel in self.active_channels.values():
                channel.handle_close()
        return may_come

    def maintenance(self, now: float) -> None:
        """Ends the connections that are silent or late."""
        super().maintenance(now)  # type: ignore[arg-type]  # a time in seconds, as waitress calls it
        for channel in self.active_channels.values():
            if not channel.will_close and channel.is_late(now):
                self.end(channel)


def raise_file_limit(wanted: int = 4 * MOST) -> None:
    """Lets this process have a file for every connection, where the system's limit can be raised so far."""
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
