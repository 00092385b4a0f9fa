"""Why a run failed, as its room says it, is read in the reader's language."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord

from fedsky import checks, language
from fedsky.client.state import Saved, State
from fedsky.client.task import load_task, specification
from fedsky.config import compose, make_strategy, resolve
from fedsky.data.rendered import check
from fedsky.engine import open_grid
from fedsky.history import GONE, reasons
from fedsky.machine.interrupt import STOPPED
from fedsky.model.cnn import SimpleCNN
from fedsky.model.divergence import diverged
from fedsky.partition import cut, dirichlet_label, iid, natural
from fedsky.run.dispatch import behaviour_of
from fedsky.run.trial import try_out

LABELS = np.array([0, 1] * 30)


def refused(say: Callable[[], object]) -> str:
    with pytest.raises(ValueError) as told:
        say()
    return str(told.value)


def few(labels: np.ndarray, num_clients: int, rng: np.random.Generator) -> list[np.ndarray]:
    return [np.arange(3), np.arange(3, 60)]


def of_config(*overrides: str) -> None:
    """What a dry run of a configuration of three owners does before it counts steps."""
    few = ("num_clients=3", "data.count=60", "data.size=16", "engine=inline")
    config = resolve(compose([*few, *overrides]))
    task = load_task(specification(config, Path("nowhere")))
    strategy = make_strategy(config)
    strategy.begin(task.model, config)
    strategy.know(behaviour_of(config, task, Path.cwd()))
    try_out(task, strategy, config)
    grid = open_grid({"kind": "inline"}, 3)
    settings = {key: config[key] for key in ("local_epochs", "participation", "stragglers", "seed")}
    list(strategy.configure_train(1, ArrayRecord(task.initial), ConfigRecord(settings), grid))


def load_state(content: bytes | None) -> None:
    """A client's state that is to be there with other content, or that is not there."""
    with TemporaryDirectory() as folder:
        if content is not None:
            (Path(folder) / "3@2.safetensors").write_bytes(content)
        State(Path(folder), 3, 4, Saved(2, "0" * 64)).load()


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
    (refused(lambda: checks.number("lr", "a")), "lr=a：需要一个数"),
    (refused(lambda: checks.number("lr", -1, at_least=0)), "lr=-1：需要不小于 0 的数"),
    (refused(lambda: checks.number("lr", -1, at_least=0, at_most=1)), "lr=-1：需要 0 至 1 之间的数"),
    (refused(lambda: checks.number("lr", -1, at_least=0, below=1)), "lr=-1：需要不小于 0 且小于 1 的数"),
    (refused(lambda: checks.number("lr", 0, above=0)), "lr=0：需要大于 0 的数"),
    (refused(lambda: checks.number("lr", 0, above=0, at_most=1)), "lr=0：需要大于 0 且不大于 1 的数"),
    (refused(lambda: checks.number("lr", 0, above=0, below=1)), "lr=0：需要大于 0 且小于 1 的数"),
    (refused(lambda: checks.number("lr", 0, above=0, hint=", or null")), "lr=0：需要大于 0 的数，或 null"),
    (refused(lambda: checks.whole("n", 0, 1)), "n=0：需要不小于 1 的整数"),
    (refused(lambda: checks.whole("n", 0, 1, 3)), "n=0：需要 1 至 3 之间的整数"),
    (refused(lambda: checks.whole("n", 0, 1, of="rounds")), "n=0：需要不小于 1 的整数（轮数）"),
    (refused(lambda: checks.whole("n", 0, 16, 512, of="pixels a side")),
     "n=0：需要 16 至 512 之间的整数（边长的像素数）"),
    (refused(lambda: checks.flag("dry_run", 1)), "dry_run=1：需要 true 或 false"),
    (refused(lambda: checks.choice("engine.kind", "x", ["ray"])), "engine.kind=x：请选择 ray"),
    (refused(lambda: check(61, 64, 0, None, 0.0)), "data.count=61：渲染的照片数须为偶数，且不少于 4"),
    (refused(lambda: SimpleCNN(2, 8)), "model=simple_cnn：8 像素的图像太小：请将 data.size 设为 16 或更大"),
]  # fmt: skip
LAUNCHED = [  # what the site's form can ask for
    (["num_clients=20", "partition=iid", "partition.min_examples=3"],
     "客户端 0 有 3 张图像，不够分成 5 折（data.fold=1/5）：请设 partition.min_examples=5，或减少客户端"),
    (["clients.overselect=0.2"],
     "clients.overselect=0.2：participation=1 已请求所有客户端：请降低 participation"),
    (["strategy=fedbuff", "strategy.buffer=9"],
     "strategy.buffer=9：同时训练的客户端只有 3 个：请降低它，或提高 participation 或 num_clients"),
    (["strategy=krum", "strategy.num_malicious=2"],
     "strategy.num_malicious=2：每轮需要 7 个客户端（2 * num_malicious + 3），而不是 3 个："
     "请降低它，或提高 num_clients 或 participation"),
    (["strategy=fedtrimmedavg", "strategy.beta=0.4"],
     "strategy.beta=0.4：两端各剪去 2 个后，每轮 3 个客户端一个不剩：请降低它，或提高 num_clients 或 participation"),
    (["model=resnet18", "data.size=16", "batch_size=1"],
     "model=resnet18 data.size=16 batch_size=1：BatchNorm 无法在只剩一个像素的单张图像的批上训练；"
     "请提高 batch_size 或 data.size，或设 model.norm=group"),
]  # fmt: skip


@pytest.mark.parametrize(("english", "chinese"), SAID)
def test_a_reason_is_told_in_the_readers_language(english: str, chinese: str) -> None:
    assert reasons.told(english) == english
    with language.use("zh"):
        assert reasons.told(english) == chinese


@pytest.mark.parametrize(("overrides", "chinese"), LAUNCHED)
def test_why_a_launched_run_cannot_be_is_told_in_the_readers_language(overrides: list[str], chinese: str) -> None:
    english = refused(lambda: of_config(*overrides))
    with language.use("zh"):
        assert reasons.told(english) == chinese


@pytest.mark.parametrize(("content", "said"), [(b"x", "保存的内容不是 "), (None, "：缺少 ")])
def test_what_is_wrong_with_a_clients_state_is_told(content: bytes | None, said: str) -> None:
    english = refused(lambda: load_state(content))
    with language.use("zh"):
        chinese = reasons.told(f"client 3: {english}")
    assert chinese.startswith("客户端 3：") and said in chinese and "3@2.safetensors" in chinese


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
