"""Why a run failed, as its room says it, is read in the reader's language."""

from collections.abc import Callable

import numpy as np
import pytest

from fedsky import language
from fedsky.history import GONE, reasons
from fedsky.machine.interrupt import STOPPED
from fedsky.model.divergence import diverged
from fedsky.partition import cut, dirichlet_label, iid, natural

LABELS = np.array([0, 1] * 30)


def refused(say: Callable[[], object]) -> str:
    with pytest.raises(ValueError) as told:
        say()
    return str(told.value)


def few(labels: np.ndarray, num_clients: int, rng: np.random.Generator) -> list[np.ndarray]:
    return [np.arange(3), np.arange(3, 60)]


SAID = [
    (GONE, "其进程无声无息地结束了"),
    (STOPPED, "被用户停止"),
    (refused(lambda: cut(LABELS, 40, iid, 0, 10)),
     "num_clients=40：60 张图像在 partition.min_examples=10 下允许 1 至 6 个客户端"),
    (refused(lambda: cut(LABELS, 2, few, 0, 10)),
     "有客户端只会得到 3 张图像，少于 partition.min_examples=10：请将其设为 3 或更小，或减少客户端"),
    (f"client 3: {diverged(2, 'lr=9', 'the loss is nan')}",
     "客户端 3：训练在第 2 轮发散：请降低 lr=9（the loss is nan）"),
    (refused(lambda: natural(LABELS, 2, np.random.default_rng(0))),
     "partition=natural：这些数据没有所有者，请选择其他划分"),
]  # fmt: skip


@pytest.mark.parametrize(("english", "chinese"), SAID)
def test_a_reason_is_told_in_the_readers_language(english: str, chinese: str) -> None:
    assert reasons.told(english) == english
    with language.use("zh"):
        assert reasons.told(english) == chinese


def test_a_draw_that_cannot_be_is_told_with_its_remedy() -> None:
    english = refused(lambda: dirichlet_label(LABELS, 5, np.random.default_rng(0), 0.001, 10))
    with language.use("zh"):
        chinese = reasons.told(english)
    assert chinese.startswith("partition.alpha=0.001 在 ") and "：可行的最小 alpha 约为 " in chinese


@pytest.mark.parametrize(
    "text", ["", "KeyError: 'x'", "cancelled by", "client : ", ": " * 200, "num_clients=" * 30, "{n} {reason}"]
)
def test_any_other_text_stays_as_it_is(text: str) -> None:
    with language.use("zh"):
        assert language.retold(text) == text
