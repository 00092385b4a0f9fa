"""The built front end: one shell for all pages, and its files, whose names change with their content."""

import re
from pathlib import Path

from flask import Blueprint, Response, redirect, request, send_from_directory, url_for
from werkzeug.wrappers import Response as Answer

from fedsky.web.access import anyone

STATIC = Path(__file__).resolve().parent / "static"
PAGES = (
    "/home", "/runs", "/runs/<id>", "/compare", "/predict", "/launch", "/jobs", "/jobs/<id>", "/login", "/register",
    "/profile", "/about", "/admin/users", "/admin/queue", "/admin/datasets", "/admin/offers", "/admin/audit",
)  # fmt: skip
HASHED = re.compile(r"-[A-Za-z0-9_-]{8,}\.\w+$")
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
    blueprint.add_url_rule(path, "page_" + re.sub(r"\W+", "_", path).strip("_"), page, methods=["GET"])


@blueprint.get("/assets/<path:name>")
@anyone
def asset(name: str) -> Response:
    """A file of the front end, which may be kept for ever where its name is of its content."""
    response = send_from_directory(STATIC / "assets", name, max_age=31536000 if HASHED.search(name) else 0)
    response.cache_control.public = True
    if HASHED.search(name):
        response.cache_control.immutable = True
    return response


@blueprint.get("/<any('favicon.ico', 'favicon.svg', 'robots.txt'):name>")
@anyone
def known_file(name: str) -> Response:
    """A file that browsers ask for by a fixed name."""
    return send_from_directory(STATIC, name, max_age=3600)


def is_page() -> bool:
    """Whether the request is for a page rather than for data or a file."""
    return not request.path.startswith(("/api/", "/assets/"))
