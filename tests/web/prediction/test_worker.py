import json
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import encode
from PIL import Image

from fedsky.web.isolated import IsolatedProcess
from fedsky.web.prediction import worker
from fedsky.web.prediction.registry import Registry, digest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory so")
def test_a_photograph_that_needs_more_memory_than_there_is_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(encode(Image.new("RGBA", (6000, 4000)), "PNG"))
    code = """
import json, sys
from fedsky.web.isolated import confine
from fedsky.web.prediction import worker
confine(int(sys.argv[2]))
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


def test_what_is_no_photograph_is_refused_in_the_language_of_whoever_asked(process: IsolatedProcess) -> None:
    for content, status in ((b"<svg/>", 415), (b"", 422), (b"\xff\xd8\xff\n\n{}", 422)):
        english, chinese = (process.ask({"language": language}, content) for language in ("en", "zh"))
        assert english["status"] == chinese["status"] == status
        assert english["refused"].isascii() and not chinese["refused"].isascii()


def test_a_model_whose_file_has_changed_is_not_asked(
    process: IsolatedProcess, registry: Registry, photo: bytes
) -> None:
    model = registry.models()[0]
    asked = {"model": {"id": model.id, "path": str(model.path), "sha256": "0" * 64}, "others": [], "language": "en"}
    told = {"refused": "The model's file has changed: load the page again.", "status": 409}
    assert process.ask(asked, photo) == told


def test_it_says_what_fedsky_predict_says(
    process: IsolatedProcess, registry: Registry, photo: bytes, tmp_path: Path
) -> None:
    from fedsky.predict import predict

    (tmp_path / "sky.jpg").write_bytes(photo)
    for model in registry.models()[:3]:
        asked = {
            "model": {"id": model.id, "path": str(model.path), "sha256": model.sha256},
            "others": [],
            "language": "en",
        }
        answer = process.ask(asked, photo)
        (expected,) = predict(model.path, [tmp_path / "sky.jpg"])
        assert answer["prediction"]["probabilities"] == pytest.approx(expected, abs=1e-6)
        assert answer["prediction"]["label"] == max(expected, key=expected.__getitem__)
