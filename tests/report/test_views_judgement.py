"""What the final models take for what, how sure they are, and the photographs that they misjudge."""

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from only_kind import only_kind
from PIL import Image

from fedsky.data import sky
from fedsky.report.groups import Group
from fedsky.report.photographs import MOST, PIXELS, mistakes
from fedsky.report.views.judgement import calibration_error, judged, reliability

WriteRun = Callable[..., Path]
Row = tuple[str, str, float]  # image, label, probability of sunny


def judged_run(write_run: WriteRun, folder: Path, rows: Sequence[Row], **run: Any) -> None:
    """A run whose predictions are these: cloudy unless sunny has more than half."""
    predicted = ["sunny" if sunny > 0.5 else "cloudy" for _image, _label, sunny in rows]
    right = [label == name for (_image, label, _sunny), name in zip(rows, predicted, strict=True)]
    counts = [sum(label == name for _image, label, _sunny in rows) for name in ("cloudy", "sunny")]
    accuracy = sum(right) / len(right)
    write_run(folder, curve=(0.5, 0.5, accuracy), owners=(accuracy,), counts=(([9, 9], counts),), **run)
    lines = ["image,client,label,predicted,probability_cloudy,probability_sunny"]
    lines += [
        f"{image},0,{label},{name},{1 - sunny:.6f},{sunny:.6f}"
        for (image, label, sunny), name in zip(rows, predicted, strict=True)
    ]
    (folder / "predictions.csv").write_text("\n".join(lines) + "\n")


def only_group(folder: Path) -> Group:
    [group] = only_kind(folder).groups
    return group


ROWS: list[Row] = [
    ("a", "cloudy", 0.1),
    ("b", "cloudy", 0.2),
    ("c", "cloudy", 0.8),
    ("d", "sunny", 0.9),
    ("e", "sunny", 0.6),
    ("f", "sunny", 0.4),
    ("g", "sunny", 0.05),
]


def test_confusion_precision_and_recall(tmp_path: Path, write_run: WriteRun) -> None:
    judged_run(write_run, tmp_path / "a", ROWS)
    found = judged(only_group(tmp_path))
    assert found is not None
    assert found.confusion.tolist() == [[2, 1], [2, 2]]
    values = {name: (found.precision[name], found.recall[name]) for name in found.classes}
    assert values["cloudy"][0].value == pytest.approx(2 / 4)  # type: ignore[union-attr]
    assert values["cloudy"][1].value == pytest.approx(2 / 3)  # type: ignore[union-attr]
    assert values["sunny"][0].value == pytest.approx(2 / 3)  # type: ignore[union-attr]
    assert values["sunny"][1].value == pytest.approx(2 / 4)  # type: ignore[union-attr]


def test_the_area_under_the_curve_is_the_mean_over_runs(tmp_path: Path, write_run: WriteRun) -> None:
    from sklearn.metrics import roc_auc_score

    better = [("a", "cloudy", 0.1), *ROWS[1:]]
    better[2] = ("c", "cloudy", 0.3)
    judged_run(write_run, tmp_path / "a", ROWS)
    judged_run(write_run, tmp_path / "b", better, seed=1)
    found = judged(only_group(tmp_path))
    assert found is not None and found.area is not None and found.true_rate is not None
    areas = [
        roc_auc_score([label == "sunny" for _i, label, _p in rows], [p for _i, _l, p in rows])
        for rows in (ROWS, better)
    ]
    assert areas[0] != areas[1]
    assert found.area.value == pytest.approx(np.mean(areas))
    assert found.area.n == 2
    assert (np.diff(found.true_rate) >= 0).all()
    assert found.true_rate[-1] == 1


def test_calibration_error_by_hand() -> None:
    table = pd.DataFrame({"confidence": [0.95, 0.91, 0.62, 0.68, 1.0], "right": [1.0, 0.0, 1.0, 1.0, 1.0]})
    bins = reliability(table)
    assert list(bins["n"]) == [0, 0, 0, 0, 0, 0, 2, 0, 0, 3]
    # |0.65 - 1| in 2 of 5 and |2.86 / 3 - 2 / 3| in 3 of 5
    assert calibration_error(bins) == pytest.approx(0.4 * 0.35 + 0.6 * (2.86 - 2) / 3)


def test_a_model_that_is_as_right_as_it_is_sure_has_no_calibration_error() -> None:
    table = pd.DataFrame({"confidence": [0.75] * 4, "right": [1.0, 1.0, 1.0, 0.0]})
    assert calibration_error(reliability(table)) == pytest.approx(0)


def test_the_calibration_error_is_of_all_folds_images_together(tmp_path: Path, write_run: WriteRun) -> None:
    """Sure to 0.75 and right in three of four, in no fold exactly so: no error, where each fold alone has 0.25."""
    for fold, names in enumerate((("sunny",) * 4, ("sunny", "sunny", "cloudy", "cloudy")), start=1):
        rows = [(f"{fold}{number}", name, 0.75) for number, name in enumerate(names)]
        judged_run(write_run, tmp_path / f"{fold}", rows, config={"data.fold": f"{fold}/2"})
    found = judged(only_group(tmp_path))
    assert found is not None and found.runs == 2 and found.error is not None
    assert found.error.value == pytest.approx(0.0)


def test_without_predictions_there_is_no_judgement(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a")
    assert judged(only_group(tmp_path)) is None
    assert mistakes(only_group(tmp_path)) == []


def test_three_classes_are_judged_one_against_the_rest(tmp_path: Path, write_run: WriteRun) -> None:
    folder = write_run(tmp_path / "a", curve=(0.3, 0.3, 2 / 3), counts=(([9, 9], [3, 0]),), owners=(2 / 3,))
    (folder / "partition.json").unlink()
    (folder / "predictions.csv").write_text(
        "image,client,label,predicted,probability_a,probability_b,probability_c\n"
        "1,0,a,a,0.8,0.1,0.1\n2,0,b,b,0.1,0.8,0.1\n3,0,c,a,0.5,0.3,0.2\n"
    )
    found = judged(only_group(tmp_path))
    assert found is not None and found.area is not None
    assert found.classes == ["a", "b", "c"]
    assert found.area.value == pytest.approx(1)  # each class's own image has the most of it: areas 1, 1, 1
    assert found.confusion[2].tolist() == [1, 0, 0]


def rendered(number: int) -> str:
    return f"rendered-0-{number:05d}"


def test_mistakes_come_with_the_surest_first_and_are_drawn_anew(tmp_path: Path, write_run: WriteRun) -> None:
    rows = [(rendered(number), sky.CLASSES[number % 2], 0.5) for number in range(40)]
    rows = [
        (image, label, {1: 0.1, 3: 0.3}.get(number, 0.9 if label == "sunny" else 0.2))
        for number, (image, label, _p) in enumerate(rows)
    ]
    config = {"data._target_": "fedsky.data.rendered.load", "data.size": 32}
    judged_run(write_run, tmp_path / "a", rows, config=config)
    found = mistakes(only_group(tmp_path))
    assert [(each.image, each.label, each.predicted) for each in found] == [
        (rendered(1), "sunny", "cloudy"),
        (rendered(3), "sunny", "cloudy"),
    ]
    assert found[0].probability == pytest.approx(0.9)
    content = base64.b64decode(found[0].picture.removeprefix("data:image/jpeg;base64,"))
    shown = np.asarray(Image.open(io.BytesIO(content)).resize((32, 32)), dtype=float)
    truth = sky.render(0, 1, 32)[0].astype(float)
    assert shown.shape == (32, 32, 3)
    assert np.abs(shown - truth).mean() < np.abs(shown - sky.render(0, 3, 32)[0]).mean()


def test_a_drawing_with_another_label_is_not_shown(tmp_path: Path, write_run: WriteRun) -> None:
    rows = [(rendered(number), sky.CLASSES[1 - number % 2], 0.2) for number in range(20)]
    config = {"data._target_": "fedsky.data.rendered.load", "data.size": 32}
    judged_run(write_run, tmp_path / "a", rows, config=config)
    found = mistakes(only_group(tmp_path))
    assert found and all(not each.picture and each.why == "drawn anew it is another" for each in found)


def test_photographs_are_found_by_their_names_and_never_outside_their_folder(
    tmp_path: Path, write_run: WriteRun
) -> None:
    root = tmp_path / "photos"
    (root / "sunny").mkdir(parents=True)
    picture = Image.new("RGB", (300, 200), (10, 120, 240))
    picture.save(root / "sunny" / "there.png")
    picture.save(tmp_path / "secret.png")
    (root / "sunny" / "broken.png").write_text("no picture")
    names = ["sunny/there.png", "sunny/gone.png", "../secret.png", str(tmp_path / "secret.png"), "sunny/broken.png"]
    rows = [(name, "sunny", 0.1) for name in names] + [(f"sunny/{n}.png", "cloudy", 0.6) for n in range(20)]
    config = {"data._target_": "fedsky.data.folder.load", "data.root": str(root)}
    judged_run(write_run, tmp_path / "runs" / "a", rows, config=config)
    found = {each.image: each for each in mistakes(only_group(tmp_path / "runs"))}
    assert len(found) == MOST
    assert found["sunny/there.png"].picture
    assert {found[name].picture for name in names[1:]} == {""}
    assert found["sunny/gone.png"].why == "not found where the run had it"
    assert found["../secret.png"].why == "not found where the run had it"
    assert found["sunny/broken.png"].why == "cannot be read"
    content = base64.b64decode(found["sunny/there.png"].picture.partition(",")[2])
    assert Image.open(io.BytesIO(content)).size == (PIXELS, PIXELS)
