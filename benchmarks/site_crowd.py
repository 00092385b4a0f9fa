"""People who use a site while it is killed, and who remember what it told them that it had done."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from fedsky.web import passwords
from fedsky.web.accounts import add
from fedsky.web.database import Database
from fedsky.web.tables import ACTIVE

PASSWORD = "seven blue kites over harbour"  # noqa: S105 - of accounts that live as long as the benchmark
NUM_OPERATORS = 8
# Small enough to end within seconds, real enough to have an engine, rounds and a model.
QUICK = {"engine": "inline", "num_rounds": 3, "data.count": 60, "data.size": 16, "num_clients": 2}


@dataclass
class Told:
    """What a client was told of, by an answer that says that it is done."""

    accounts: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    predictions: list[str] = field(default_factory=list)
    num_notes: int = 0

    def __str__(self) -> str:
        return (
            f"told of {len(self.accounts)} accounts, {len(self.logins)} log-ins, {len(self.jobs)} jobs, "
            f"{self.num_notes} notes, {len(self.predictions)} predictions"
        )


class Crowd:
    """The people; what they do most of depends on what is being killed."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.seed = database, seed
        self.address = ""
        self.told = Told()
        self.stop = threading.Event()
        self.number = 0
        self.lock = threading.Lock()
        self.cookies: dict[str, tuple[httpx.Cookies, str]] = {}
        self.photo = b""

    def prepare(self) -> None:
        """Makes the operators' accounts."""
        from .site import photograph

        self.photo = photograph()
        hashed = passwords.hasher.hash(PASSWORD)
        with self.database.writing() as db:
            for number in range(NUM_OPERATORS):
                add(db, f"operator{number}", hashed, role="operator", state=ACTIVE)
            db.commit()

    def come_in(self) -> None:
        """Logs all operators in; their sessions outlive the kills."""
        for number in range(NUM_OPERATORS):
            with self.client(self.next()) as client:
                if not self.logged_in(client, f"operator{number}"):
                    raise RuntimeError("an operator cannot log in")

    def next(self) -> int:
        """Another number each time."""
        with self.lock:
            self.number += 1
            return self.number

    def client(self, number: int) -> httpx.Client:
        """A browser with an address of its own, as the site counts by address."""
        transport = httpx.HTTPTransport(local_address=f"127.1.{number // 200 % 200}.{1 + number % 200}", verify=False)
        return httpx.Client(base_url=self.address, transport=transport, timeout=60)

    @contextlib.contextmanager
    def busy(self, kind: str) -> Iterator[None]:
        """A load of this kind most of all, while the context lasts."""
        mine: dict[str, Callable[[], None]] = {
            "log-in": self.join,
            "launch": self.launch,
            "notes": self.write_notes,
            "prediction": self.predict,
        }
        tasks = (
            [self.join, self.launch, self.write_notes, *[mine[kind]] * 3]
            if kind in mine
            else [self.join, self.launch, self.write_notes]
        )
        self.stop.clear()
        threads = [threading.Thread(target=self._again, args=(task,)) for task in tasks]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def _again(self, task: Callable[[], None]) -> None:
        while not self.stop.is_set():
            with contextlib.suppress(httpx.HTTPError):  # the site was killed
                task()
            time.sleep(0.05)

    def change(self, client: httpx.Client, csrf: str, method: str, path: str, **more: Any) -> httpx.Response:
        """A change, with the token that it needs."""
        return client.request(method, path, headers={"X-CSRF-Token": csrf}, **more)

    def logged_in(self, client: httpx.Client, name: str) -> str:
        """Logs in, or goes on with the session that it has had; gives the token."""
        csrf: str
        if name in self.cookies:
            cookies, csrf = self.cookies[name]
            client.cookies = cookies
            answer = client.get("/api/session")
            if answer.status_code == 200 and answer.json()["user"] is not None:
                return str(answer.json()["csrf"])
        csrf = client.get("/api/session").json()["csrf"]
        answer = self.change(client, csrf, "POST", "/api/login", json={"name": name, "password": PASSWORD})
        if answer.status_code != 200:
            return ""
        csrf = str(answer.json()["csrf"])
        self.cookies[name] = (client.cookies, csrf)
        return csrf

    def join(self) -> None:
        """Someone registers and logs in."""
        number = self.next()
        name = f"person{number}"
        with self.client(number) as client:
            csrf = client.get("/api/session").json()["csrf"]
            body = {"name": name, "password": PASSWORD}
            if self.change(client, csrf, "POST", "/api/register", json=body).status_code != 202:
                return
            self.told.accounts.append(name)
            if self.logged_in(client, name):
                self.told.logins.append(name)

    def operator(self) -> str:
        """One of the operators."""
        return f"operator{random.randrange(NUM_OPERATORS)}"  # noqa: S311

    def launch(self) -> None:
        """An operator launches a training."""
        with self.client(self.next()) as client:
            csrf = self.logged_in(client, self.operator())
            answer = self.change(client, csrf, "POST", "/api/jobs", json={"fields": QUICK})
            if answer.status_code == 201:
                self.told.jobs.append(answer.json()["job"]["id"])
        self.stop.wait(1)

    def write_notes(self) -> None:
        """An operator changes both halves of a note again and again, each run by one thread at a time."""
        with self.client(self.next()) as client:
            csrf = self.logged_in(client, self.operator())
            runs = client.get("/api/runs?limit=50").json()["runs"]
            run = random.choice(runs)["id"]  # noqa: S311
            for _ in range(10):
                number = self.next()  # numbers grow, so that a later note is a higher one
                body = {"title": f"t{number}", "note": f"n{number}"}
                with self.lock:
                    path = f"/api/runs/{run}/annotation"
                    if self.change(client, csrf, "PATCH", path, json=body).status_code != 200:
                        return
                    self.told.notes[run] = max(number, self.told.notes.get(run, 0))
                    self.told.num_notes += 1

    def predict(self) -> None:
        """Someone has a photograph judged and kept."""
        with self.client(self.next()) as client:
            csrf = self.logged_in(client, self.operator())
            answer = self.change(
                client,
                csrf,
                "POST",
                "/api/predict",
                data={"keep": "true"},
                files={"photo": ("sky.jpg", self.photo, "image/jpeg")},
            )
            if answer.status_code == 200 and answer.json()["saved"]:
                self.told.predictions.append(answer.json()["saved"])

    def cancel(self, ids: list[str]) -> None:
        """The operators cancel their jobs."""
        for number in range(NUM_OPERATORS):
            with self.client(self.next()) as client:
                csrf = self.logged_in(client, f"operator{number}")
                mine = {job["id"] for job in client.get("/api/jobs?mine=true").json()["jobs"]}
                for id in mine & set(ids):
                    self.change(client, csrf, "POST", f"/api/jobs/{id}/cancel", json={})
