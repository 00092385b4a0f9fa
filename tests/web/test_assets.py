"""The pages' shell and files: which addresses are pages, how long a browser may keep what it gets."""

import gzip
import re
from pathlib import Path

import pytest
from flask import Flask

from fedsky.web import assets

PAGE = '<!doctype html><title>fedsky</title><script type="module" src="/assets/index-AbCd1234.js"></script>'


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text(PAGE)
    (static / "favicon.svg").write_text("<svg/>")
    (static / "secret.txt").write_text("not to be served")
    for name in ("index-AbCd1234.js", "index-AbCd1234.css", "plain.js", "font-Xy_-9876.woff2"):
        (static / "assets" / name).write_text("x")
    monkeypatch.setattr(assets, "STATIC", static)
    return static


@pytest.mark.parametrize(
    "path",
    ["/home", "/runs", "/runs/abc", "/compare", "/predict", "/launch", "/jobs", "/jobs/1", "/login", "/register",
     "/profile", "/admin/users", "/admin/queue", "/admin/datasets", "/admin/offers", "/admin/audit", "/about"],
)  # fmt: skip
def test_pages_are_the_shell(app: Flask, built: Path, path: str) -> None:
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Set-Cookie" not in answer.headers


def test_the_root_leads_home(app: Flask, built: Path) -> None:
    answer = app.test_client().get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/home")


@pytest.mark.parametrize(
    "path", ["/nothing", "/home/more", "/admin", "/runs/a/b", "/index.html", "/secret.txt", "/%ff"]
)
def test_other_addresses_are_the_shell_with_404(app: Flask, built: Path, path: str) -> None:
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.text) == (404, PAGE)


def test_files_named_by_their_content_are_kept_for_ever(app: Flask, built: Path) -> None:
    client = app.test_client()
    for name in ("index-AbCd1234.js", "index-AbCd1234.css", "font-Xy_-9876.woff2"):
        kept = client.get(f"/assets/{name}")
        assert kept.status_code == 200
        assert {"immutable", "public", "max-age=31536000"} <= set(kept.headers["Cache-Control"].split(", "))
    fleeting = client.get("/assets/plain.js").headers["Cache-Control"]
    assert "immutable" not in fleeting and ("no-cache" in fleeting or "max-age=0" in fleeting)
    assert client.get("/assets/index-AbCd1234.js").mimetype == "text/javascript"
    assert client.get("/assets/index-AbCd1234.css").mimetype == "text/css"
    assert client.get("/favicon.svg").mimetype == "image/svg+xml"


def test_a_missing_file_is_no_page(app: Flask, built: Path) -> None:
    answer = app.test_client().get("/assets/gone-AbCd1234.js")
    assert answer.status_code == 404 and "immutable" not in answer.headers.get("Cache-Control", "")


def test_a_file_is_sent_once(app: Flask, built: Path) -> None:
    client = app.test_client()
    assert client.get("/secret.txt").status_code == 404
    etag = client.get("/assets/plain.js").headers["ETag"]
    assert client.get("/assets/plain.js", headers={"If-None-Match": etag}).status_code == 304


def test_a_site_without_built_pages_says_so(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    answer = app.test_client().get("/home")
    assert answer.status_code == 503 and "npm run build" in answer.text
    assert app.test_client().get("/api/session").status_code == 200


def test_the_shell_that_is_shipped_has_no_inline_script(app: Flask) -> None:
    text = app.test_client().get("/home").text
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.DOTALL)
    assert scripts and all("src=" in attributes and not body.strip() for attributes, body in scripts)
    assert not re.search(r"\son\w+=|\sstyle=|https?://(?!www\.w3\.org)", text)
    for name in re.findall(r'(?:src|href)="(/assets/[^"]+)"', text):
        assert app.test_client().get(name).status_code == 200


def test_script_is_compressed_for_those_who_take_it(app: Flask, built: Path) -> None:
    (built / "assets" / "big-AbCd1234.js").write_text("let x = 1;\n" * 500)
    client = app.test_client()
    packed = client.get("/assets/big-AbCd1234.js", headers={"Accept-Encoding": "gzip, br"})
    plain = client.get("/assets/big-AbCd1234.js")
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data) == plain.data and len(packed.data) < len(plain.data) / 10
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]
