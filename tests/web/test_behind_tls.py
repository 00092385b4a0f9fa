"""The site behind nginx with TLS, both for real, in the configuration that docs/serving.md gives."""

import io
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import tls_front
from PIL import Image
from ports import free_port
from site_browser import PASSWORD
from typer.testing import CliRunner

from benchmarks.reference import REFERENCE, middle
from fedsky.web.__main__ import cli
from fedsky.web.prediction.upload import MAX_BYTES

ROOT = Path(__file__).resolve().parents[2]
FROM = "127.0.0.2"  # the browser's address, so that it is not the proxy's


@dataclass(frozen=True)
class Front:
    """A site, and nginx in front of it."""

    folder: Path
    plain: str
    secure: str

    def browser(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=self.folder / "certificate.pem")
        transport = httpx.HTTPTransport(verify=context, local_address=FROM)
        return httpx.Client(base_url=self.secure, transport=transport, timeout=120)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    program = tls_front.nginx()
    if program is None:
        pytest.skip("nginx is missing: the site was not tried behind TLS")
    folder = tmp_path_factory.mktemp("tls")
    runs = folder / "outputs" / "reference" / "sky"
    reference = ROOT / REFERENCE / "sky"
    shutil.copytree(reference / f"fedavg{middle(reference)}", runs / "fedavg")
    plain, secure, own = (free_port() for _ in range(3))
    options = ["--https", "--name", tls_front.NAME, "--no-worker"]
    folders = ["--data", str(folder / "data"), "--outputs", str(folder / "outputs")]
    command = [sys.executable, "-m", "fedsky.web", "--port", str(own), *options, *folders]
    site = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert site.stdout is not None and "fedsky's site" in site.stdout.readline()
        nginx = tls_front.start(program, plain, secure, own, folder)
        try:
            yield Front(folder, f"http://localhost:{plain}", f"https://localhost:{secure}")
        finally:
            nginx.terminate()
            nginx.wait(20)
    finally:
        site.terminate()
        site.wait(30)
        assert site.stdout is not None
        site.stdout.close()


@pytest.fixture(scope="module")
def admin(front: Front) -> Iterator[httpx.Client]:
    """A browser of the site's administrator, who has logged in and chosen a password."""
    told = CliRunner().invoke(cli, ["--data", str(front.folder / "data"), "create-admin", "anna"]).stdout
    password = told.split("Password:")[1].split()[0]
    with front.browser() as browser:
        browser.headers["Origin"] = front.secure
        browser.headers["X-CSRF-Token"] = browser.get("/api/session").json()["csrf"]
        answer = browser.post("/api/login", json={"name": "anna", "password": password})
        browser.headers["X-CSRF-Token"] = answer.json()["csrf"]
        change = {"current_password": password, "new_password": PASSWORD}
        answer = browser.patch("/api/profile", json=change)
        browser.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield browser


def test_pages_lead_to_https_and_the_api_does_not(front: Front) -> None:
    answer = httpx.get(f"{front.plain}/runs?tag=a%20b")
    assert answer.status_code == 301 and answer.headers["Location"] == f"{front.secure}/runs?tag=a%20b"
    for answer in (httpx.get(f"{front.plain}/api/session"), httpx.post(f"{front.plain}/api/login", json={})):
        assert answer.status_code == 403 and "Location" not in answer.headers
    assert answer.headers["Server"] == "nginx", "without its version"


def test_what_the_browser_is_told(front: Front) -> None:
    with front.browser() as browser:
        page, session = browser.get("/home"), browser.get("/api/session")
        assert browser.get("/").headers["Location"] in ("/home", f"{front.secure}/home")
        assert browser.get("/home", headers={"Host": tls_front.NAME}).status_code == 200
        assert browser.get("/home", headers={"Host": "evil.example"}).status_code == 400
    assert page.status_code == session.status_code == 200
    for answer in (page, session):
        assert answer.headers.get_list("Strict-Transport-Security") == ["max-age=31536000"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    [cookie] = session.headers.get_list("Set-Cookie")
    parts = {part.strip() for part in cookie.split(";")}
    assert cookie.startswith("__Host-fedsky=") and {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} < parts
    assert "domain" not in cookie.lower()


def test_the_clients_address_is_the_one_that_the_proxy_saw(front: Front, admin: httpx.Client) -> None:
    answer = admin.get("/api/profile/sessions", headers={"X-Forwarded-For": "1.2.3.4"})
    assert [session["address"] for session in answer.json()["sessions"]] == [FROM]
    admin.get("/api/session", headers={"X-Forwarded-For": "1.2.3.4"})
    entries = admin.get("/api/admin/audit").json()["entries"]
    assert {entry["address"] for entry in entries if entry["action"] == "login"} == {FROM}


def test_another_sites_page_changes_nothing(admin: httpx.Client, front: Front) -> None:
    for origin in ("https://evil.example", front.secure.replace("localhost", tls_front.NAME)):
        assert admin.post("/api/logout", json={}, headers={"Origin": origin}).status_code == 403
    assert admin.get("/api/profile").status_code == 200


def test_a_launch_and_a_photograph_of_16_mib(front: Front, admin: httpx.Client) -> None:
    launched = admin.post("/api/jobs", json={"recipe": "f5"})
    assert launched.status_code == 201 and launched.json()["job"]["position"] == 1
    buffer = io.BytesIO()
    noise = np.random.default_rng(7).integers(0, 256, (2360, 2360, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG", compress_level=0)
    photo = buffer.getvalue()
    assert 16_700_000 < len(photo) <= MAX_BYTES
    kept = admin.post("/api/predict", files={"photo": ("sky.png", photo, "image/png")}, data={"keep": "true"})
    assert kept.status_code == 200, kept.text
    assert kept.json()["prediction"]["label"] in ("sunny", "cloudy") and kept.json()["saved"]
    assert admin.get(f"/api/predictions/{kept.json()['saved']}/photo").headers["Content-Type"] == "image/jpeg"
    photo += bytes(MAX_BYTES + 1 - len(photo))
    large = admin.post("/api/predict", files={"photo": ("sky.png", photo, "image/png")})
    assert large.status_code == 413 and large.headers["Content-Type"].startswith("application/problem+json")
    said = (front.folder / "error.log").read_text()
    assert not re.search(r"\[(warn|error|crit|emerg)\]|temporary file", said), said
