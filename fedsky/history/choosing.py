"""The one in the middle of several, by what each reached on validation images.

Of an experiment's repetitions the best would be the luckiest, and the best on test images chosen by them.
"""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from fedsky.history.columns import COLUMNS
from fedsky.history.writing import Row
from fedsky.untrusted import number

T = TypeVar("T")


def validation(row: Row) -> tuple[float, float]:
    """Accuracy and then loss on validation images, of a round or a client: higher is better, unknown is lowest."""
    accuracy, loss = (
        number(row.get(name), *COLUMNS[name].range) for name in ("validation_accuracy", "validation_loss")
    )
    return (accuracy if accuracy == accuracy else -1.0), (-loss if loss == loss else float("-inf"))


def middle(found: Collection[T], score: Callable[[T], Any]) -> T:
    """The one of median score; of an even number the lower one, of equals the first."""
    return sorted(found, key=score)[(len(found) - 1) // 2]
