"""Sending a photograph to the site as its pages do, and the runs whose models come with the checkout."""

import io
from pathlib import Path
from typing import Any

from site_browser import Browser
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from benchmarks.reference import KEPT_MODELS, middle

REFERENCE = Path(__file__).resolve().parents[2] / "outputs" / "reference" / "sky"
FEDAVG, POOLED, LOCAL = (f"{strategy}{middle(REFERENCE)}" for strategy in KEPT_MODELS)


def upload(
    browser: Browser, content: bytes, name: str = "sky.jpg", type: str = "image/jpeg", **form: Any
) -> TestResponse:
    """Sends a photograph with the form's other parts."""
    photo = FileStorage(io.BytesIO(content), filename=name, content_type=type)
    boundary, body = encode_multipart({**form, "photo": photo})
    return browser.post("/api/predict", data=body, content_type=f"multipart/form-data; boundary={boundary}")
