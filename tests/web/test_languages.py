"""The site refuses in the reader's language: every sentence has a translation, and the request chooses."""

import ast
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from site_browser import Browser

from fedsky import language

WEB = Path(language.__file__).resolve().parent / "web"
TOLD = ("Problem", "QuotaError", "RefusedError")


def test_no_refusal_is_told_past_the_catalogue() -> None:
    """The text of each is _(...), a name, or put together of what was translated already; never a literal."""
    counted = 0
    for path in sorted(path for path in WEB.rglob("*.py") if "frontend" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TOLD:
                texts = [each for each in node.args if not isinstance(getattr(each, "value", None), int)][:1]
                assert not any(isinstance(each, ast.Constant) for each in texts), f"{path.name}:{node.lineno}"
                for each in texts:  # a sentence in an f-string could not be looked up
                    words = [part.value for part in ast.walk(each) if isinstance(part, ast.Constant)]
                    joined = isinstance(each, ast.JoinedStr) and any(any(c.isalpha() for c in str(w)) for w in words)
                    assert not joined, f"{path.name}:{node.lineno}"
                counted += 1
    assert counted > 60


@pytest.mark.parametrize(
    ("asked", "told", "said"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.5", "zh", "没有这个运行。"),
        ("zh", "zh", "没有这个运行。"),
        ("fr", "en", "There is no such run."),
        ("en, zh;q=0.1", "en", "There is no such run."),
        ("", "en", "There is no such run."),
        (";;q=x,\u00e9", "en", "There is no such run."),
    ],
)
def test_a_request_chooses_the_language(visitor: Browser, asked: str, told: str, said: str) -> None:
    answer = visitor.get("/api/runs/none", headers={"Accept-Language": asked})
    assert answer.status_code == 404
    assert (answer.get_json()["detail"], answer.headers["Content-Language"]) == (said, told)


def test_one_requests_language_is_not_the_next_ones(visitor: Browser, app: Flask) -> None:
    for told, said in (("zh", "没有这个运行。"), ("en", "There is no such run."), ("zh", "没有这个运行。")):
        assert visitor.get("/api/runs/x", headers={"Accept-Language": told}).get_json()["detail"] == said
    assert language.current() == "en"
    with app.test_request_context():
        assert language.current() == "en"


def test_refusals_of_every_layer_are_translated(visitor: Browser, as_role: Callable[[str], Browser]) -> None:
    """Of the router, the guard, the token, the body, the limits of a form, an upload that the worker would read."""
    chinese = {"Accept-Language": "zh-CN"}
    operator = as_role("operator")
    preview = operator.post("/api/jobs/preview", {"fields": {"num_rounds": 5000}}, headers=chinese).get_json()
    assert preview["problems"] == ["num_rounds=5000：须在 1 至 200 之间"]
    told = [
        visitor.get("/api/nowhere", headers=chinese),
        visitor.get("/api/profile", headers=chinese),
        visitor.client.post("/api/logout", headers=chinese),
        visitor.post("/api/login", {"name": "nobody", "password": "wrong words here"}, headers=chinese),
        operator.get("/api/admin/users", headers=chinese),
        operator.post("/api/predict", data={"photo": (io.BytesIO(b""), "x.jpg")}, headers=chinese),
    ]
    for answer in told:
        assert answer.status_code >= 400 and answer.headers["Content-Language"] == "zh", answer.text
        assert any("\u4e00" <= c <= "\u9fff" for c in answer.get_json()["detail"]), answer.get_json()
