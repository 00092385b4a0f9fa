"""The gate before a SuperLink: it passes what nodes ask for, and refuses all by which runs are started or keys given.

In Flower's open distribution whoever reaches a SuperLink's port may register keys and start runs. So the SuperLink
listens on this machine alone, and owners reach the gate.
"""

import re
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

# Of the Fleet API all but giving oneself a key.
PASSED = re.compile(
    rb"/v1/fleet/(?:activate-node|deactivate-node|send-node-heartbeat|pull-messages|push-messages|get-run|get-fab"
    rb"|pull-object|push-object|confirm-message-received)"
)
DROPPED = {b"host", b"connection", b"content-length", b"transfer-encoding", b"keep-alive", b"te", b"upgrade"}
MOST_BYTES = 2**30  # of a request
WAIT_SECONDS = 120.0  # for the SuperLink's answer
KEPT_SECONDS = 3.0  # for which a connection is kept: a SuperLink closes it after five
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Gate:
    """An ASGI application that hands requests on to the SuperLink at HOST:PORT."""

    def __init__(self, superlink: str, certificate: Path) -> None:
        context = ssl.create_default_context(cafile=str(certificate))
        limits = httpx.Limits(keepalive_expiry=KEPT_SECONDS)
        self.client = httpx.AsyncClient(
            base_url=f"https://{superlink}", verify=context, timeout=WAIT_SECONDS, limits=limits
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["method"] != "POST" or not PASSED.fullmatch(scope["raw_path"]) or scope["query_string"]:
            await _answer(send, 403, b"the gate of owners passes nothing but what their nodes ask for")
            return
        body = bytearray()
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            body += event.get("body", b"")
            more = event.get("more_body", False)
            if len(body) > MOST_BYTES:
                await _answer(send, 413, b"too large")
                return
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in DROPPED]
        try:
            got = await self.client.post(scope["raw_path"].decode(), content=bytes(body), headers=headers)
        except httpx.TransportError:
            await _answer(send, 503, b"the SuperLink is not there")
            return
        kept = [(name, value) for name, value in got.headers.raw if name.lower() not in DROPPED | {b"content-encoding"}]
        await _answer(send, got.status_code, got.content, kept)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Told that it starts and that it ends."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.client.aclose()
        await send({"type": "lifespan.shutdown.complete"})


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*(headers or []), *length]})
    await send({"type": "http.response.body", "body": body})
