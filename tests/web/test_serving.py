"""``python -m fedsky.web``: what it refuses, in one line; and a site served for real, from a fresh folder."""

import json
import logging
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from ports import free_port
from typer.testing import CliRunner

from fedsky.web.__main__ import cli
from fedsky.web.serve import is_loopback

PASSWORD = "seven blue kites over harbour"
ROOT = Path(__file__).resolve().parents[2]


def ask(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command line."""
    done = CliRunner().invoke(cli, list(arguments))
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--host", "0.0.0.0"], "--https"),
        (["--host", "192.168.0.7"], "--insecure-http"),
        (["--host", "0.0.0.0", "--insecure-http"], "--name"),
        (["--https"], "--name"),
        (["--host", "0.0.0.0", "--insecure-http", "--name", "lab.example.org"], "create-admin"),
        (["--registration", "maybe"], "approve, open or closed"),
        (["--database", "nonsense", "upgrade"], "sqlite:////folder/file"),
        (["create-admin", "a b"], "letters, digits"),
        (["reset-password", "nobody"], "no account nobody"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, arguments: list[str], told: str) -> None:
    code, _, errors = ask("--data", str(tmp_path / "data"), *arguments)
    assert code == 1 and told in errors
    assert errors.startswith("fedsky.web: ") and errors.count("\n") == 1


def test_addresses_of_this_machine() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.8.8.8", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.7", "example.org", "127.0.0.1.example.org")))


def test_a_one_time_password_is_printed_and_kept_nowhere(tmp_path: Path) -> None:
    code, told, errors = ask("--data", str(tmp_path / "data"), "create-admin", "anna")
    found = re.search(r"^Password: +(\S+)$", told, re.MULTILINE)
    assert code == 0 and found is not None
    assert found[1] not in errors
    for path in (tmp_path / "data").iterdir():
        assert found[1].encode() not in path.read_bytes()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0, "nobody else may look into the site's folder"
    again = ask("--data", str(tmp_path / "data"), "reset-password", "ANNA")[1]
    assert "Password:" in again and found[1] not in again


def test_what_there_is_to_know_of_the_database_and_the_api(tmp_path: Path) -> None:
    assert ask("--data", str(tmp_path / "data"), "upgrade")[1] == "The database is at version claims_and_launches.\n"
    document = json.loads(ask("--data", str(tmp_path / "data"), "openapi")[1])
    assert document["openapi"] == "3.1.0" and "/api/login" in document["paths"]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def site(tmp_path: Path, port: int) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """A site on a free port with its data and runs in a fresh folder, as a new user starts it."""
    (tmp_path / "outputs").mkdir()
    command = [sys.executable, "-m", "fedsky.web", "--port", str(port), "--no-worker", "--data", str(tmp_path / "data"),
               "--outputs", str(tmp_path / "outputs")]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"fedsky's site: http://127.0.0.1:{port}/home (Ctrl-C ends it)\n"
        assert "create-admin" in process.stdout.readline()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            yield client, process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_from_a_fresh_folder_to_an_administrator(
    site: tuple[httpx.Client, subprocess.Popen[str]], tmp_path: Path, port: int
) -> None:
    client, process = site
    assert client.get("/home").status_code == 200
    assert "server" not in client.get("/home").headers
    told = ask("--data", str(tmp_path / "data"), "create-admin", "anna")[1]  # while the site runs
    password = told.split("Password:")[1].split()[0]
    client.headers["X-CSRF-Token"] = client.get("/api/session").json()["csrf"]
    user = client.post("/api/login", json={"name": "anna", "password": password})
    assert user.json()["user"]["must_change_password"] is True
    client.headers["X-CSRF-Token"] = user.json()["csrf"]
    change = {"current_password": password, "new_password": PASSWORD}
    client.headers["X-CSRF-Token"] = client.patch("/api/profile", json=change).json()["csrf"]
    assert [user["name"] for user in client.get("/api/admin/users").json()["users"]] == ["anna"]
    assert client.post("/api/logout", json={}).status_code == 200
    assert client.get("/api/admin/users").status_code == 401

    code, _, errors = ask("--data", str(tmp_path / "data"), "--port", str(port), "--no-worker")
    assert code == 1 and "choose another with --port or --host" in errors
    assert not any(each.filters for each in logging.getLogger().handlers), "whose handlers it did not make, it leaves"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_a_body_too_large_and_a_head_too_large_end_cleanly(site: tuple[httpx.Client, subprocess.Popen[str]]) -> None:
    client, process = site
    assert client.post("/api/login", content=b"x" * 9_000_000).status_code == 413
    assert client.get("/api/session", headers={"X": "x" * 300_000}).status_code == 431
    assert client.get("/api/session").status_code == 200
    assert process.poll() is None


def test_making_the_application_loads_nothing_that_learns(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fedsky.web import Settings, create_app;"
        "app = create_app(Settings(data=Path(sys.argv[1]) / 'data', outputs=(Path(sys.argv[1]),)));"
        "assert app.test_client().get('/api/runs').status_code == 200;"
        "found = {'torch', 'flwr', 'ray'} & set(sys.modules); assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
