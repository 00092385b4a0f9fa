"""A browser of the site for its tests: a client with its cookies, which sends the token as the pages do."""

from collections.abc import Iterator
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fedsky.web.access import Rule, rule_of

PASSWORD = "seven blue kites over harbour"


class Browser:
    """A client of the site with its cookies; sends the token with every change, as the pages do."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.csrf = ""

    def session(self) -> Any:
        answer = self.client.get("/api/session").get_json()
        self.csrf = answer["csrf"]
        return answer

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def change(self, method: str, path: str, **more: Any) -> TestResponse:
        if not self.csrf:
            self.session()
        headers = {"X-CSRF-Token": self.csrf} | more.pop("headers", {})
        return self.client.open(path, method=method, headers=headers, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> TestResponse:
        return self.change("POST", path, json={} if json is None and "data" not in more else json, **more)

    def patch(self, path: str, json: Any) -> TestResponse:
        return self.change("PATCH", path, json=json)

    def delete(self, path: str, json: Any = None) -> TestResponse:
        return self.change("DELETE", path, json={} if json is None else json)

    def log_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        self.session()
        answer = self.post("/api/login", {"name": name, "password": password})
        if answer.status_code == 200:
            self.csrf = answer.get_json()["csrf"]
        return answer


def routes(app: Flask) -> Iterator[tuple[str, str, Rule]]:
    """Every method and path of an app with its rule; a path's variables are filled with a word that is nobody's id."""
    for route in app.url_map.iter_rules():
        rule = rule_of(app, route.endpoint)
        assert rule is not None, f"{route.endpoint} ({route.rule}) declares no access rule"
        values = dict.fromkeys(route.arguments, "favicon.svg" if route.endpoint == "pages.known_file" else "nobodys")
        built = app.url_map.bind("localhost").build(route.endpoint, values)
        for method in sorted((route.methods or set()) - {"OPTIONS", "HEAD"}):
            yield method, built, rule
