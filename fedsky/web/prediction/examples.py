"""Drawn photographs to try, with what each reference model makes of them.

    python -m fedsky.web.prediction.examples        draws them anew, has the reference models judge them

They are drawn by fedsky's renderer from a seed of which no model has learned. What the reference models say of each is
kept beside them, mistakes included: a model of photographs was never shown a drawn sky.
"""

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("examples")
TOLD = FOLDER / "judged.json"
SEED, SIZE = 2026, 320  # of the renderer; models learned from its seed 0
NUMBERS = (0, 1, 2, 4, 9, 11)  # of the renderer's photographs: unlike scenes, one of which models take for sunny
QUALITY = 85


@cache
def shown() -> list[dict[str, Any]]:
    """The photographs with their labels and judgements, as the API gives them."""
    found = json.loads(TOLD.read_text(encoding="utf-8"))
    assert isinstance(found, list)
    return found


def photograph(name: str) -> Path | None:
    """The file of a photograph of that name; None where there is none."""
    return FOLDER / name if name in {each["name"] for each in shown()} else None


def draw(number: int) -> tuple[bytes, str]:
    """A photograph as JPEG, and its label."""
    from PIL import Image

    from fedsky.data import rendered, sky

    drawn = rendered.draw(SEED, SIZE, None, 0.0, number)
    buffer = io.BytesIO()
    Image.fromarray(drawn.image).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue(), sky.CLASSES[drawn.label]


def judged(photographs: list[tuple[bytes, str]], models: list[Any]) -> list[list[dict[str, Any]]]:
    """How many of the models of each experiment take each photograph for its label."""
    from fedsky.web.prediction import upload, worker

    kept, pictures = worker.Models(), [(upload.read(content), label) for content, label in photographs]
    found: list[dict[str, dict[str, Any]]] = [{} for _ in pictures]
    for model in models:
        loaded = kept.get(str(model.path), model.sha256)
        about = {"name": model.strategy, "data": model.data, "right": 0, "num_models": 0}
        for (picture, label), groups in zip(pictures, found, strict=True):
            each = groups.setdefault(model.group, dict(about))
            each["right"] += worker.label(loaded, picture) == label
            each["num_models"] += 1
    return [list(groups.values()) for groups in found]


def reference_models() -> list[Any]:
    """The models of the repeated reference runs, each experiment's together."""
    from fedsky.web.prediction.registry import Registry
    from fedsky.web.runs.index import Index

    reference = Path(__file__).resolve().parents[3] / "outputs" / "reference"
    index = Index([reference.parent], reference)
    names = {row.id: row.chosen for row in index.rows()}
    models = [model for model in Registry(index).models() if Path(model.path).is_relative_to(reference)]
    return sorted(
        (model for model in models if "experiment" not in names[model.run_id]),
        key=lambda model: (model.data == "rendered", model.kind, model.strategy, model.id),
    )


def main() -> None:
    """Writes the photographs and what is told of them."""
    drawn, told = [draw(number) for number in NUMBERS], []
    for number, (content, label), each in zip(NUMBERS, drawn, judged(drawn, reference_models()), strict=True):
        name = f"{label}-{number}.jpg"
        (FOLDER / name).write_bytes(content)
        told.append({"name": name, "label": label, "judged": each})
    TOLD.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
