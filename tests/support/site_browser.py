"""A browser of the site for its tests: a client with its cookies, which sends the token as the pages do."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

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
