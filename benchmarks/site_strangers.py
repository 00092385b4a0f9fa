"""Visitors who mean a site no good, each kind from an address of its own, beside those who read it."""

import asyncio
import contextlib
import multiprocessing
import random
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from multiprocessing.queues import Queue
from pathlib import Path
from urllib.parse import urlsplit

import httpx

HALF = 1_100  # requests that never end
SLOW, SLOW_BYTES = 100, 8_000_000  # uploads that come by the byte
FLOODS, PAUSE = 4, 0.02  # connections that ask on and on, and seconds between an answer and the next request
LOG_BYTES = 200_000_000  # of the log that is asked for


class Strangers:
    """The crowd. counts: what it was answered, by what it did."""

    def __init__(self, address: str, runs: list[str], long: str) -> None:
        self.host, self.port = urlsplit(address).hostname or "", urlsplit(address).port or 0
        self.runs, self.long = runs, long
        self.counts: Counter[str] = Counter()

    async def all(self, until: float) -> None:
        """All of them, until a time."""
        rng = random.Random(1)  # noqa: S311 - for a benchmark's order
        rounds = f"/api/runs/{rng.choice(self.runs)}/rounds?after="
        kinds: list[tuple[str, int, Callable[[int], bytes]]] = [
            ("refused origins", 2, lambda _: self.asks("POST", "/api/login", f"Origin: https://{'x' * 20_000}\r\n")),
            ("cursors", 3, lambda number: self.asks("GET", f"{rounds}{number % 1_000_000}")),
            ("a long log", 4, lambda _: self.asks("GET", f"/api/runs/{self.long}/files/run.log")),
            ("comparisons", 5, lambda number: self.asks("GET", f"/api/compare?q=day&x=steps&baseline=no{number}")),
            ("no such page", 6, lambda number: self.asks("GET", f"/{number}")),
        ]
        await asyncio.gather(
            *(self.again(until, "half requests", 7, self.half) for _ in range(HALF)),
            *(self.again(until, "slow uploads", 8, self.slow) for _ in range(SLOW)),
            *(self.flood(until, name, place, make) for name, place, make in kinds for _ in range(FLOODS)),
        )

    def asks(self, method: str, path: str, more: str = "") -> bytes:
        """A request that is whole."""
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}{more}\r\n".encode()

    async def opened(self, place: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection from an address of the kind's own."""
        return await asyncio.open_connection(self.host, self.port, local_addr=(f"127.0.9.{place}", 0))

    async def again(self, until: float, name: str, place: int, do: Callable[..., Awaitable[None]]) -> None:
        """Opens a connection and does something with it, again whenever it ends."""
        while time.monotonic() < until:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(until - time.monotonic() + 0.1):
                    reader, writer = await self.opened(place)
                    try:
                        await do(reader, writer)
                    finally:
                        writer.close()
                    self.counts[f"{name}: closed"] += 1
            await asyncio.sleep(1)

    async def half(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A request of which a byte comes every few seconds."""
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Never: ")
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 5)

    async def slow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """An upload of which all but the last bytes come at once, and then one now and then."""
        head = f"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SLOW_BYTES}\r\n"
        writer.write(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode())
        writer.write(b"x" * (SLOW_BYTES - 1000))
        await writer.drain()
        await self.half(reader, writer)

    async def flood(self, until: float, name: str, place: int, make: Callable[[int], bytes]) -> None:
        """Asks on and on."""
        number = 0
        while time.monotonic() < until:
            with contextlib.suppress(OSError, EOFError, TimeoutError, ValueError, asyncio.IncompleteReadError):
                async with asyncio.timeout(until - time.monotonic() + 0.1):
                    reader, writer = await self.opened(place)
                    try:
                        while time.monotonic() < until:
                            number += 1
                            writer.write(make(number))
                            self.counts[f"{name}: {await self.answer(reader)}"] += 1
                            await asyncio.sleep(PAUSE)
                    finally:
                        writer.close()
            await asyncio.sleep(0.05)

    async def answer(self, reader: asyncio.StreamReader) -> str:
        """The status of an answer, which is read to its end."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next((line.split(":")[1] for line in head.split("\r\n") if line.startswith("content-length:")), "0")
        left = int(length)
        while left > 0 and (part := await reader.read(min(left, 2**16))):
            left -= len(part)
        if "connection: close" in head:
            raise EOFError
        return head.split()[1]


def _run(address: str, runs: list[str], long: str, seconds: float, found: "Queue[Counter[str]]") -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    strangers = Strangers(address, runs, long)
    asyncio.run(strangers.all(time.monotonic() + seconds))
    found.put(strangers.counts)


@contextlib.contextmanager
def beside(address: str, runs: list[str], seconds: float) -> Iterator[Callable[[], Counter[str]]]:
    """Has them, in a process of their own, for so many seconds of what is done meanwhile; gives what they were told."""
    long = httpx.get(f"{address}/api/runs?q=long", timeout=60).json()["runs"][0]["id"]
    context = multiprocessing.get_context("spawn")
    found: Queue[Counter[str]] = context.Queue()
    process = context.Process(target=_run, args=(address, runs, long, seconds, found), daemon=True)
    process.start()
    try:
        yield lambda: found.get(timeout=120)
    finally:
        process.kill()
        process.join()


def write_long_log(outputs: Path) -> None:
    """A run with a log that is as long as one that was forgotten."""
    folder = outputs / "long"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"status": "done"}')
    line = b"round 1/2  loss 0.69 accuracy 0.5 /var/lib/somewhere/file.txt and more of the same\n"
    with (folder / "run.log").open("wb") as file:
        for _ in range(LOG_BYTES // (1000 * len(line))):
            file.write(1000 * line)
