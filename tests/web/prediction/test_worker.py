import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.hostile import encode
from fedsky.web.prediction import worker
from fedsky.web.prediction.registry import Registry, digest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory so")
def test_a_photograph_that_needs_more_memory_than_there_is_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(encode(Image.new("RGBA", (6000, 4000)), "PNG"))
    code = """
import json, sys
from fedsky.web.prediction import worker
worker.ROOM_BYTES = int(sys.argv[2])
worker.confine()
try:
    print(json.dumps(worker.answer({}, open(sys.argv[1], "rb").read(), worker.Models())))
except KeyError as error:  # the photograph was read: the next thing would be the model, which was not named
    print(json.dumps({"read": str(error)}))
"""
    said = []
    for room in (60_000_000, 600_000_000):  # the pixels alone are 96 MB
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "large.png"), str(room)],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout))
    assert said[0]["status"] == 413 and "too much memory" in said[0]["refused"]
    assert said[1] == {"read": "'model'"}


def test_models_stay_loaded_up_to_a_number_of_bytes(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = ((str(model.path), digest(model.path)) for model in registry.models()[:3])
    monkeypatch.setattr(worker, "MODELS_BYTES", 2_600_000)  # two of them
    models = worker.Models()
    network, classes, size = models.get(*first)
    assert classes == ["cloudy", "sunny"] and size == 64 and not network.training
    assert models.get(*first)[0] is network
    models.get(*second)
    assert models.get(*first)[0] is network  # now the second is the one asked for longest ago
    models.get(*third)
    assert models.get(*first)[0] is network and len(models._kept) == 2
    monkeypatch.setattr(worker, "MODELS_BYTES", 1)
    models.get(*second)
    assert len(models._kept) == 1  # the one that is asked stays, whatever its size


def test_it_ends_with_its_input_and_answers_in_lines() -> None:
    outgoing = io.BytesIO()
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as incoming:
        with os.fdopen(writing, "wb") as sent:
            for content in (b"<svg/>", b"", b"\xff\xd8\xff\n\n{}"):
                sent.write(json.dumps({"language": "en", "num_bytes": len(content)}).encode() + b"\n" + content)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(worker, "confine", lambda: None)  # this is the tests' own process
            worker.serve(incoming, outgoing)
    ready, *answers = map(json.loads, outgoing.getvalue().splitlines())
    assert ready == {"ready": True} and [answer["status"] for answer in answers] == [415, 422, 422]
