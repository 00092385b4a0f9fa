"""Sessions that nobody can foist, forge or bring back."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from site_browser import PASSWORD, Browser
from sqlalchemy import select

from fedsky.web import passwords
from fedsky.web.tables import Login

As = Callable[[str], Browser]


def cookie_of(browser: Browser) -> str:
    cookie = browser.client.get_cookie("fedsky")
    assert cookie is not None
    return cookie.value


def with_cookie(app: Flask, value: str) -> Browser:
    browser = Browser(app.test_client())
    browser.client.set_cookie("fedsky", value)
    return browser


def test_a_session_begun_before_the_log_in_is_worth_nothing_after(app: Flask, visitor: Browser) -> None:
    visitor.session()
    foisted, token = cookie_of(visitor), visitor.csrf
    assert visitor.log_in("user").status_code == 200
    assert cookie_of(visitor) != foisted and visitor.csrf != token
    attacker = with_cookie(app, foisted)
    assert attacker.get("/api/profile").status_code == 401
    assert visitor.client.post("/api/logout", headers={"X-CSRF-Token": token}).status_code == 400


def test_logging_in_again_ends_the_session_before(app: Flask, as_role: As) -> None:
    user = as_role("user")
    before = cookie_of(user)
    user.log_in("operator")
    assert with_cookie(app, before).get("/api/profile").status_code == 401
    assert user.get("/api/profile").get_json()["user"]["name"] == "operator"


def test_a_cookie_kept_after_logging_out_is_worth_nothing(app: Flask, as_role: As) -> None:
    user = as_role("user")
    kept = cookie_of(user)
    assert with_cookie(app, kept).get("/api/profile").status_code == 200
    user.post("/api/logout")
    assert with_cookie(app, kept).get("/api/profile").status_code == 401


def test_a_forged_cookie_is_worth_nothing(app: Flask, as_role: As) -> None:
    cookie = cookie_of(as_role("admin"))
    payload, stamp, signature = cookie.rsplit(".", 2)
    for forged in (
        f"{payload}.{stamp}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",  # never the true one, by chance
        f"{payload[:-4]}AAAA.{stamp}.{signature}",
        f"{payload}..{signature}",
        payload,
        "",
        "x" * 4000,
        "é",
    ):
        answer = with_cookie(app, forged).get("/api/admin/users")
        assert answer.status_code == 401, forged


def test_the_database_alone_gives_no_session(app: Flask, as_role: As) -> None:
    as_role("admin")
    with app.extensions["database"].reading() as db:
        kept = db.scalars(select(Login)).one()
    client = app.test_client()
    for token in (kept.token_hash, kept.id):
        with client.session_transaction() as session:
            session["sid"] = token
        assert client.get("/api/admin/users").status_code == 401


def test_tokens_are_long_and_all_different(app: Flask) -> None:
    tokens = set()
    for _ in range(20):
        browser = Browser(app.test_client())
        browser.log_in("user")
        with browser.client.session_transaction() as session:
            tokens.add(session["sid"])
    assert len(tokens) == 20 and all(len(token) >= 43 for token in tokens)  # 256 bits


def answer_to(browser: Browser, path: str, name: str, password: str) -> tuple[int, str, list[str]]:
    """Status, body but for the request's id, and the names of the headers."""
    answer = browser.post(path, {"name": name, "password": password})
    body = answer.get_json()
    body.pop("request_id", None)
    return answer.status_code, str(body), sorted(name for name, _ in answer.headers)


def test_answers_do_not_tell_who_has_an_account(app: Flask, add_user: Callable[..., object]) -> None:
    add_user("waits", state="waiting")
    add_user("gone", state="disabled")
    answers = []
    for name in ("user", "nobody", "waits", "gone", "NOBODY'S <name>"):
        answers.append(answer_to(Browser(app.test_client()), "/api/login", name, "wrong wrong wrong"))
    assert all(answer == answers[0] for answer in answers) and answers[0][0] == 401
    taken, free = (
        answer_to(Browser(app.test_client()), "/api/register", name, PASSWORD) for name in ("user", "nobody.yet")
    )
    assert taken == free and taken[0] == 202


def test_registering_over_an_account_leaves_it_as_it_is(visitor: Browser, as_role: As) -> None:
    assert visitor.post("/api/register", {"name": "Admin", "password": "nine green boats under"}).status_code == 202
    assert visitor.log_in("admin", "nine green boats under").status_code == 401
    assert as_role("admin").session()["user"]["role"] == "admin"


def test_time_does_not_tell_who_has_an_account(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes time is to hash, a fifth of a second: it is done once for everyone."""
    hashed: list[str] = []

    class Counted(PasswordHasher):
        def hash(self, password: Any, **more: Any) -> str:
            hashed.append("hash")
            return super().hash(password, **more)

        def verify(self, hash: Any, password: Any) -> Any:
            hashed.append("verify")
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "hasher", Counted(time_cost=1, memory_cost=64, parallelism=1))
    browser = Browser(app.test_client())
    for path, names in (("/api/login", ("user", "nobody")), ("/api/register", ("user", "new"))):
        for name in names:
            hashed.clear()
            password = "wrong wrong wrong" if path == "/api/login" else PASSWORD
            browser.post(path, {"name": name, "password": password})
            assert len(hashed) == 1, (path, name)


def test_guessing_is_slowed_down_without_locking_the_owner_out(app: Flask) -> None:
    attacker = Browser(app.test_client())
    attacker.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    statuses = [attacker.log_in("user", f"wrong wrong {i}").status_code for i in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    answer = attacker.log_in("user", PASSWORD)
    assert answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= 900
    assert attacker.log_in("nobody", "wrong wrong wrong").status_code == 401
    assert Browser(app.test_client()).log_in("user").status_code == 200


def test_unknown_names_are_slowed_down_like_known_ones(app: Flask) -> None:
    for name in ("user", "nobody"):
        browser = Browser(app.test_client())
        assert [browser.log_in(name, "wrong wrong wrong").status_code for _ in range(11)] == [401] * 10 + [429]


def test_the_owners_own_typing_errors_are_forgotten(app: Flask) -> None:
    browser = Browser(app.test_client())
    for _ in range(3):
        assert [browser.log_in("user", "typing error here").status_code for _ in range(9)] == [401] * 9
        assert browser.log_in("user").status_code == 200


def test_one_holder_of_an_ipv6_network_counts_once() -> None:
    from fedsky.web.limits import network

    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2:ffff::1") != network("2001:db8:1:3::4")
    assert network("192.0.2.1") != network("192.0.2.2")


def test_no_more_hashes_at_once_than_memory_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    running, most, lock = [0], [0], threading.Lock()

    class Slow:
        def hash(self, _: bytes) -> str:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            time.sleep(0.02)
            with lock:
                running[0] -= 1
            return ""

    monkeypatch.setattr(passwords, "hasher", Slow())
    threads = [threading.Thread(target=passwords.hash_new, args=("x",)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == passwords.AT_ONCE


def test_one_network_has_a_part_of_the_turns_to_hash_only(app: Flask) -> None:
    """Its log-ins at once took all turns and threads, and nobody else could log in meanwhile."""
    with ExitStack() as held:
        for _ in range(passwords.MOST_OF_ONE):
            held.enter_context(passwords._waiting.of("127.0.0.1"))
        answer = Browser(app.test_client()).log_in("user")
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
        elsewhere = Browser(app.test_client())
        elsewhere.client.environ_base["REMOTE_ADDR"] = "10.0.0.2"
        assert elsewhere.log_in("user").status_code == 200
    assert Browser(app.test_client()).log_in("user").status_code == 200
