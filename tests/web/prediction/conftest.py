"""What the prediction's tests share: a site with the reference models, a worker, and a photograph of a rendered sky."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from prediction_site import FEDAVG, LOCAL, POOLED, REFERENCE

from fedsky.data.sky import render
from fedsky.web import Settings
from fedsky.web.api.predict import predicting_process
from fedsky.web.isolated import IsolatedProcess
from fedsky.web.prediction.registry import Registry
from fedsky.web.runs.index import Index

RUNS = (FEDAVG, POOLED, LOCAL, "fedavg-1")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reference runs on photographs: three with models, one without."""
    folder = tmp_path_factory.mktemp("runs")
    for name in RUNS:
        shutil.copytree(REFERENCE / name, folder / name)
    return folder


@pytest.fixture
def registry(runs: Path) -> Registry:
    return Registry(Index([runs], runs))


@pytest.fixture(scope="session")
def process() -> Iterator[IsolatedProcess]:
    """The real prediction worker, begun once for all tests."""
    process = predicting_process()
    yield process
    process.close()


@pytest.fixture
def settings(settings: Settings, runs: Path) -> Settings:
    return replace(settings, outputs=(*settings.outputs, runs), reference=runs)


@pytest.fixture
def site(app: Flask, process: IsolatedProcess) -> Flask:
    """The site with the shared worker."""
    app.extensions["predicting"] = process
    return app


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A rendered sky as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(render(0, 1, 160)[0]).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
