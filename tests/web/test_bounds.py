"""Every route has a bound on what it reads, sends and logs, and a rate, whatever its view declares."""

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, Response
from site_browser import Browser, routes

from fedsky.web import Settings, create_app, limits
from fedsky.web.access import anyone
from fedsky.web.limits import BODY, Bounds, Limits, bounds_of
from fedsky.web.loglines import Bounded
from fedsky.web.problems import Problem
from fedsky.web.runs import files
from fedsky.web.share import BusyError, Share

LARGEST_ANSWER = files.MOST


def test_every_route_has_bounds(app: Flask, settings: Settings) -> None:
    """Also one that declares nothing: it is bounded as all are."""

    @app.get("/api/new")
    @anyone
    def new() -> str:
        return ""

    from limits import parse

    seen = 0
    for route in app.url_map.iter_rules():
        bounds = bounds_of(app, route.endpoint)
        rate = parse(bounds.rate)
        per_minute = rate.amount * 60 / rate.get_expiry()
        most = LARGEST_ANSWER if "file" in route.endpoint or "report" in route.endpoint else 32 * 2**20
        assert 0 < per_minute <= 1200, route
        assert 0 < bounds.answer <= most, route
        assert bounds.body(settings) == (settings.max_upload_bytes + BODY if bounds.photograph else BODY), route
        seen += 1
    assert seen > 60 and bounds_of(app, "new") == Bounds()
    assert limits.large_bodies(app) == {"/api/predict": settings.max_upload_bytes + BODY}


@pytest.fixture
def bare(settings: Settings) -> Iterator[Flask]:
    """A site whose views answer with as many bytes as ``app.answer`` says; its guards stand as they are."""
    app = create_app(replace(settings, max_upload_bytes=100_000))
    app.extensions["answer"] = 0
    for endpoint, view in list(app.view_functions.items()):
        app.view_functions[endpoint] = _stand_in(app, view)
    yield app
    app.extensions["database"].close()


def _stand_in(app: Flask, view: Callable[..., Any]) -> Callable[..., Any]:
    def stand_in(**values: Any) -> Response:
        return Response(b"x" * app.extensions["answer"])

    stand_in.__dict__.update(view.__dict__)
    return stand_in


def test_every_route_counts_before_it_refuses(bare: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor without an account or token is counted by every route, under the route's name and rate."""
    counted: list[tuple[str, ...]] = []
    monkeypatch.setattr(bare.extensions["limits"], "count", lambda *key: counted.append(key))
    client, refused = bare.test_client(), 0
    for method, path, _ in routes(bare):
        counted.clear()
        answer = client.open(path, method=method, headers={"Origin": "https://elsewhere.example"})
        refused += answer.status_code in (400, 401, 403)
        assert counted[0] == (limits.OF_A_NETWORK, "network", "127.0.0.1"), path
    assert refused >= 30
    for method, path, _ in routes(bare):
        counted.clear()
        client.open(path, method=method)
        [(rate, endpoint, who)] = [key for key in counted if key[1] not in ("network", "note")]
        assert (rate, who) == (bounds_of(bare, endpoint).rate, "127.0.0.1"), path


def test_every_route_refuses_a_body_or_an_answer_that_is_too_large(
    bare: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bare.extensions["limits"], "count", lambda *_: None)
    monkeypatch.setattr("fedsky.web.access.allows", lambda *_: True)
    monkeypatch.setattr("fedsky.web.security.validate_csrf", lambda *_: None)
    client, settings = bare.test_client(), bare.extensions["settings"]
    for method, path, _ in routes(bare):
        bounds = bounds_of(bare, bare.url_map.bind("localhost").match(path, method)[0])
        most = bounds.body(settings)
        statuses = [client.open(path, method=method, data=b"x" * size).status_code for size in (most, most + 1)]
        assert statuses == [200, 413], (method, path)
        if bounds.answer > 10**8:  # a file
            continue
        for size, status in ((bounds.answer, 200), (bounds.answer + 1, 503)):
            bare.extensions["answer"] = size
            answer = client.open(path, method=method)
            assert answer.status_code == status and answer.headers["X-Content-Type-Options"] == "nosniff"
        bare.extensions["answer"] = 0


def test_a_network_asks_so_often_and_so_many_at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OF_A_NETWORK", "3 per minute")
    client = app.test_client()
    statuses = [client.get(f"/{page}").status_code for page in ("home", "no/such/page", "api/session", "home")]
    assert statuses == [200, 404, 200, 429]
    assert client.get("/home", environ_base={"REMOTE_ADDR": "10.0.0.2"}).status_code == 200
    app.extensions["limits"] = Limits(at_once=1)
    with app.extensions["limits"].at_once.of("127.0.0.1"):
        assert client.get("/home").status_code == 429
        assert client.get("/home", environ_base={"REMOTE_ADDR": "10.0.0.2"}).status_code == 200
    assert [client.get("/home").status_code for _ in range(2)] == [200, 200], "an answer gives its place back"


def test_one_has_a_share_and_no_more() -> None:
    share = Share(3, 2)
    with share.of("a"), share.of("a"):
        with pytest.raises(BusyError), share.of("a"):
            pass
        with share.of("b"), pytest.raises(BusyError), share.of("c"):
            pass
    with share.of("c"), share.of("c"), share.of("a"):
        pass


def test_large_counts_and_small_ones_hold_and_are_forgotten() -> None:
    counters = Limits()
    for rate, most in (("5 per minute", 5), ("1000 per minute", 1000)):
        for _ in range(most):
            counters.count(rate, "x", "a")
        with pytest.raises(Problem) as refused:
            counters.count(rate, "x", "a")
        assert refused.value.status == 429 and 1 <= (refused.value.retry_after or 0) <= 60
        counters.count(rate, "x", "b")
        counters.forget(rate, "x", "a")
        counters.count(rate, "x", "a")


def test_a_flood_of_refusals_writes_little(visitor: Browser, caplog: pytest.LogCaptureFixture) -> None:
    """A refused origin of 20,000 characters wrote six times as many, each time."""
    caplog.set_level(logging.INFO)
    for _ in range(200):
        answer = visitor.client.post("/api/login", json={}, headers={"Origin": "https://" + "é" * 20_000})
        assert answer.status_code == 403
    written = [record.getMessage() for record in caplog.records if "refused-origin" in record.getMessage()]
    assert len(written) == 30 and max(map(len, written)) < 2000
    assert json.loads(written[0])["detail"]["origin"].startswith("https://")


def test_the_log_is_bounded_in_lines_and_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.addFilter(Bounded(most=3, longest=50))
    logger = logging.Logger("flood")
    logger.addHandler(handler)
    for number in range(10):
        logger.info("line %d %s", number, "x" * 1000)
    try:
        raise ValueError("y" * 1000)
    except ValueError:
        logger.exception("it failed")
    lines = out.getvalue().splitlines()
    assert [line[:11] for line in lines[:3]] == ["INFO line 0", "INFO line 1", "INFO line 2"]
    assert "characters left out" in lines[0] and max(map(len, lines)) < 120
    assert lines[3] == "ERROR it failed" and lines[4].endswith("y" * 50), "a flood hides no error"
    now = time.monotonic()
    monkeypatch.setattr("fedsky.web.loglines.time.monotonic", lambda: now + 61)
    logger.info("later")
    assert "(7 lines before this one were left out: more than 3 a minute) later" in out.getvalue()


def test_a_long_log_is_sent_by_its_end(visitor: Browser, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_TOLD", 1000)
    folder = settings.outputs[0] / "long"
    folder.mkdir()
    (folder / "run.json").write_text("{}")
    lines = [f"line {number:04} in {settings.outputs[0]}\n" for number in range(1000)]
    (folder / "run.log").write_text("".join(lines))
    [run] = visitor.get("/api/runs").get_json()["runs"]
    text = visitor.get(f"/api/runs/{run['id']}/files/run.log").text
    first, *rest = text.splitlines(keepends=True)
    size = (folder / "run.log").stat().st_size
    left = int(first.split()[2])
    assert first == f"(the first {left} bytes are left out)\n" and size - left <= 1000
    fitting = 1000 // len(lines[-1])  # the folder's name is as long as the machine has it
    assert fitting - 1 <= len(rest) <= fitting
    assert [line[:9] for line in rest] == [line[:9] for line in lines[-len(rest) :]]
    assert str(settings.outputs[0]) not in text
    sizes = {each["name"]: each["bytes"] for each in visitor.get(f"/api/runs/{run['id']}").get_json()["files"]}
    assert sizes == {"run.json": 2, "run.log": 1000}
    (folder / "run.json").write_text(json.dumps({"x": "y" * 2000}))
    visitor.client.application.extensions["runs"].index.refresh(0)
    assert visitor.get(f"/api/runs/{run['id']}/files/run.json").status_code == 404
