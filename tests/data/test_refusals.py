"""Settings of the drawn data and of the augmentation that are not allowed are refused by name."""

from typing import Any

import pytest

from fedsky.checks import shown
from fedsky.data import rendered
from fedsky.data.augment import Augment

BELOW_1 = "of 0 or more and below 1"


@pytest.mark.parametrize(
    ("key", "value", "needed"),
    [
        *(("count", value, "an even number of photographs, 4 or more") for value in (2, 41, -4, 40.0, "abc", None)),
        *(("size", value, "pixels a side, 16 to 512") for value in (15, 513, 32.5, "abc", None)),
        *(("cameras", value, "choose good or any") for value in ("bad", True, None)),
        *(("render_seed", value, "a whole number of 0 or more") for value in (-1, 0.5, "abc", None)),
    ],
)
def test_a_drawing_that_cannot_be_made(key: str, value: object, needed: str) -> None:
    asked: dict[str, Any] = {"count": 40, "size": 32, "render_seed": 0} | {key: value}
    with pytest.raises(ValueError, match=f"^data.{key}={shown(value)}: .*{needed}"):
        rendered.load(**asked)


@pytest.mark.parametrize(
    ("key", "value", "needed"),
    [
        *(
            (key, value, BELOW_1)
            for key in ("zoom", "shift", "light", "contrast", "saturation", "cast")
            for value in (1, -0.1, "x")
        ),
        ("zoom", float("nan"), BELOW_1),
        *(("rotate", value, "of 0 or more and at most 180") for value in (181, -1, float("nan"), "x")),
        *(("flip", value, "true or false") for value in ("x", 1, None)),
    ],
)
def test_an_augmentation_that_is_none(key: str, value: object, needed: str) -> None:
    asked: dict[str, Any] = {key: value}
    with pytest.raises(ValueError, match=f"^data.augment.{key}={shown(value)}: .*{needed}"):
        Augment(**asked)
