"""The drawn photographs to try: they are there, small, and what is told of them is what the reference models say."""

from typing import Any

from fedsky.web.api.predict_shapes import Example
from fedsky.web.prediction import examples, upload


def test_each_is_there_and_small_and_no_other_file_is_sent(visitor: Any) -> None:
    assert {path.name for path in examples.FOLDER.glob("*.jpg")} == {each["name"] for each in examples.shown()}
    assert {each["label"] for each in examples.shown()} == {"sunny", "cloudy"}
    for each in examples.shown():
        Example.model_validate(each)
        answer = visitor.get(f"/api/examples/{each['name']}")
        assert answer.status_code == 200 and answer.mimetype == "image/jpeg" and len(answer.data) < 20_000
        assert upload.read(answer.data).size == (examples.SIZE, examples.SIZE)
    for name in ("judged.json", "..%2fexamples.py", "none.jpg"):
        assert visitor.get(f"/api/examples/{name}").status_code == 404


def test_the_reference_models_say_of_them_what_is_told() -> None:
    models = examples.reference_models()
    assert {model.strategy for model in models} == {"fedavg", "centralized", "local"}
    shown = examples.shown()
    photographs = [((examples.FOLDER / each["name"]).read_bytes(), each["label"]) for each in shown]
    assert examples.judged(photographs, models) == [each["judged"] for each in shown]
