"""Sending a photograph to the site as its pages do."""

import io
from typing import Any

from site_browser import Browser
from werkzeug.test import TestResponse


def upload(
    browser: Browser, content: bytes, name: str = "sky.jpg", type: str = "image/jpeg", **form: Any
) -> TestResponse:
    """Sends a photograph as the pages do."""
    data = {**form, "photo": (io.BytesIO(content), name, type)}
    return browser.post("/api/predict", data=data, content_type="multipart/form-data")
