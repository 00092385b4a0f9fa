"""The runs of a trial: one for each fold and seed, in folders of their own, several at a time where cores allow.

A run that is done is read, one that was stopped goes on, any other begins: so a search that was killed goes on by the
same command.
"""

import json
import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from fedsky.config import composed, resolve
from fedsky.config.known import refuse_unread
from fedsky.config.refusals import explain
from fedsky.engine.grid import ClientError
from fedsky.history import DONE, FAILED, Run, read_run
from fedsky.machine import interrupt
from fedsky.model.divergence import DIVERGED
from fedsky.resume import resume
from fedsky.run import run
from fedsky.tune.search import Trial
from fedsky.tune.space import Settings

NOTED = "settings.json"  # of a trial, in its folder


class Runner:
    """Carries out runs: in this process, or with more than one job in as many others."""

    def __init__(self, jobs: int) -> None:
        self.pool: ProcessPoolExecutor | None = None
        if jobs > 1:
            with interrupt.held():
                context = multiprocessing.get_context("spawn")
                self.pool = ProcessPoolExecutor(jobs, context, initializer=_begin_process)

    def begin(self, words: list[str], folder: Path) -> Callable[[], str | None]:
        """Begins a run, or queues it; what is returned waits for its end and says why it failed, if it did."""
        if self.pool is None:
            return lambda: once(words, folder)
        future: Future[str | None] = self.pool.submit(once, words, folder)
        return future.result

    def close(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)


def _begin_process() -> None:
    """What a process for runs does first. It ends when the search does, also by SIGKILL."""
    interrupt.by_exception()
    logging.getLogger("fedsky").setLevel(logging.WARNING)
    threading.Thread(target=_end_with, args=[multiprocessing.parent_process()], daemon=True).start()


def _end_with(parent: BaseProcess | None) -> None:
    if parent is not None:
        parent.join()
        os._exit(1)


def once(words: list[str], folder: Path) -> str | None:
    """Runs a command line's configuration in a folder, or what is left of it; why it failed, if it did."""
    status = read_run(folder).status if (folder / "run.json").is_file() else None
    if status == DONE or (status == FAILED and _diverged(read_run(folder))):
        return read_run(folder).info.get("reason")
    try:
        if status is not None:
            resume(folder)
        else:
            cfg, choices = composed(words)
            refuse_unread(words, cfg)
            run(resolve(cfg), folder, choices)
    except (ValueError, OSError, ClientError) as error:
        return explain(error)
    return None


def _diverged(run: Run) -> bool:
    return DIVERGED in str(run.info.get("reason"))


def begin(
    runner: Runner, words: Sequence[str], settings: Settings, repetitions: Sequence[Sequence[str]], folder: Path
) -> list[Callable[[], str | None]]:
    """Begins all runs of a trial, or queues them."""
    folder.mkdir(parents=True, exist_ok=True)
    tried = [f"{key}={value!r}" for key, value in settings.items()]
    return [runner.begin([*words, *tried, *each], folder / str(number)) for number, each in enumerate(repetitions)]


def read(settings: Settings, folder: Path, repetitions: int) -> Trial:
    """A trial as its runs tell it; ValueError where one is neither done nor has diverged."""
    runs = [read_run(folder / str(number)) for number in range(repetitions)]
    accuracies, losses, photos = [], [], {}
    for each in runs:
        if each.status == DONE and each.rounds:
            last = each.rounds[-1]
            accuracies.append(last["validation_accuracy"])
            losses.append(float("inf") if last["validation_loss"] is None else last["validation_loss"])
            photos[each.config["data"].get("fold")] = _validation_photos(each)
        elif each.status == FAILED and _diverged(each):
            accuracies.append(0.0)
            losses.append(float("inf"))
        else:
            raise ValueError(f"{each.folder}: {each.info.get('reason') or 'the run did not end'}")
    if any(accuracy is None for accuracy in accuracies) or 0 in photos.values():
        raise ValueError(f"{folder}: without validation images nothing can be chosen: give each owner more images")
    return Trial(settings, tuple(accuracies), sum(losses) / len(losses), sum(photos.values()) or 1)


def _validation_photos(run: Run) -> int:
    return sum(sum(client["validation"]) for client in run.partition["clients"])


def noted(folder: Path) -> Settings | None:
    """The settings that a trial began with; None where it has not begun."""
    try:
        found: Any = json.loads((folder / NOTED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return {str(key): value for key, value in found.items()}
