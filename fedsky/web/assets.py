"""The built front end: one shell for all pages, and its files, whose names change with their content."""

import gzip
import json
import os
import re
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as Answer

from fedsky.web.access import anyone

PLACE = Path(__file__).resolve().parent
STATIC = PLACE / "static"
PAGES = [page["path"] for page in json.loads((PLACE / "pages.json").read_text(encoding="utf-8"))]  # the front end's too
HASHED = re.compile(r"-[A-Za-z0-9_-]{8,}\.\w+$")
YEAR = 365 * 24 * 3600  # seconds
# The kinds of file there are; the system's own table is not asked, which may say anything.
KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".wasm": "application/wasm",
}
MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>fedsky</title>
<h1>The pages have not been built</h1><p>The site runs, and answers under /api. To build its pages:
cd fedsky/web/frontend; npm ci; npm run build</p></html>"""

blueprint = Blueprint("pages", __name__)


def shell(status: int = 200) -> Response:
    """The page in which the front end lives, whatever the address."""
    index = STATIC / "index.html"
    text = index.read_text(encoding="utf-8") if index.is_file() else MISSING
    return Response(text, status if index.is_file() else max(status, 503), mimetype="text/html")


@blueprint.get("/")
@anyone
def home() -> Answer:
    """To the home page."""
    return redirect(url_for("pages.page_home"))


@anyone
def page(id: str = "") -> Response:
    """One of the front end's pages; what it shows it asks of /api, which decides who may see it."""
    return shell()


for path in PAGES:
    rule = re.sub(r":(\w+)", r"<\1>", path)
    blueprint.add_url_rule(rule, "page_" + re.sub(r"\W+", "_", path).strip("_"), page, methods=["GET"])


@blueprint.get("/assets/<path:name>")
@anyone
def asset(name: str) -> Response:
    """A file of the front end, which may be kept for ever where its name is of its content."""
    return _file(f"assets/{name}", f"public, max-age={YEAR}, immutable" if HASHED.search(name) else "public, no-cache")


@blueprint.get("/<any('favicon.ico', 'favicon.svg', 'robots.txt'):name>")
@anyone
def known_file(name: str) -> Response:
    """A file that browsers ask for by a fixed name."""
    return _file(name, "public, max-age=3600")


def _file(name: str, keeping: str) -> Response:
    """A file under static/, compressed for a browser that takes it so; 404 for any other."""
    path = safe_join(str(STATIC), name)
    kind = KINDS.get(Path(name).suffix)
    if path is None or kind is None:
        raise NotFound
    try:
        content, packed = _read(path, os.stat(path).st_mtime_ns)
    except (OSError, ValueError):
        raise NotFound from None
    takes = packed is not None and request.accept_encodings.quality("gzip") > 0
    response = Response(packed if takes else content, content_type=kind)
    response.headers["Cache-Control"] = keeping
    response.headers["Vary"] = "Accept-Encoding"
    if takes:
        response.headers["Content-Encoding"] = "gzip"
    response.add_etag()
    response.make_conditional(request)
    return response


@lru_cache(maxsize=256)
def _read(path: str, changed: int) -> tuple[bytes, bytes | None]:
    """A file's bytes, and the same compressed where that is shorter by a tenth."""
    content = Path(path).read_bytes()
    packed = gzip.compress(content, 9, mtime=0)
    return content, packed if len(packed) < 0.9 * len(content) else None
