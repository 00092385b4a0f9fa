"""The embedded data: sky photographs drawn by fedsky's own renderer, nothing to download."""

import dataclasses
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fedsky import checks
from fedsky.data import sky
from fedsky.data.declared import Declared
from fedsky.data.photos import Photos, cache_folder, cached
from fedsky.machine import interrupt, num_cores

Made = TypeVar("Made")
CAMERAS = ("good", "any")


def load(
    count: int,
    size: int,
    render_seed: int = 0,
    cache: str | None = None,
    owners: int | None = None,
    label_noise: float = 0.0,
    cameras: str = "good",
) -> Photos:
    """``count`` rendered photographs of ``size`` pixels a side, half of them of each class.

    owners: so many owners with a camera and a climate of their own, for partition=natural; None: none in particular.
    label_noise: the share of photographs of 2 to 6 oktas, called cloudy the more often the more cloud there is.
    cameras: good, or any: each photograph, or owner, has one of the faults of fedsky.data.sky.owner, or none.
    """
    check(count, size, render_seed, owners, label_noise, cameras)

    def make() -> list[tuple[str, int, NDArray[np.uint8]]]:
        return list(drawn(partial(_row, render_seed, size, owners, label_noise, cameras), count))

    key = f"rendered-v{sky.VERSION}-{render_seed}-{count}-{size}"
    key += f"-owners{owners}" * (owners is not None) + f"-noise{label_noise:g}" * (label_noise > 0)
    key += f"-{cameras}" * (cameras != CAMERAS[0])
    photos = cached(cache_folder(cache), key, sky.CLASSES, make)
    if owners is None:
        return photos
    whose = np.array([owner_of(index, owners) for index in range(count)])
    return dataclasses.replace(photos, declared=Declared(("",) * owners, whose))


def check(
    count: int, size: int, render_seed: int, owners: int | None, label_noise: float, cameras: str = "good"
) -> None:
    """Raises ValueError for what cannot be drawn."""
    if not isinstance(count, int) or count < 4 or count % 2:
        raise ValueError(
            f"data.count={checks.shown(count)}: the renderer draws an even number of photographs, 4 or more"
        )
    checks.whole("data.size", size, 16, 512, of="pixels a side")
    checks.whole("data.render_seed", render_seed)
    if owners is not None:
        checks.whole("data.owners", owners, 1, count // 2, of="owners", hint=", or null")
    checks.number("data.label_noise", label_noise, at_least=0, at_most=1)
    checks.choice("data.cameras", cameras, CAMERAS)


def owner_of(index: int, owners: int) -> int:
    """Whose photograph number ``index`` is: owners take turns, with one photograph of each class."""
    return index // len(sky.CLASSES) % owners


def draw(
    render_seed: int, size: int, owners: int | None, label_noise: float, index: int, cameras: str = "good"
) -> sky.Drawn:
    """Photograph number ``index``, and what is true of it."""
    number = None if owners is None else owner_of(index, owners)
    owner = sky.ANYONE if number is None else sky.draw_owner(render_seed, number)
    if cameras != CAMERAS[0]:  # the fault is that of the photograph, or of its owner's camera
        owner = sky.with_fault(owner, (render_seed, index) if number is None else (render_seed, number, 0))
    return sky.draw(render_seed, index, size, owner, label_noise)


def drawn(make: Callable[[int], Made], count: int) -> Iterator[Made]:
    """What ``make`` says of the numbers 0 .. count - 1, in their order, by as many processes as there are cores.

    Every photograph depends on its own number alone, so that the number of processes changes nothing. They end with
    the iterator; where it is not used up, after the few photographs that they have begun.
    """
    workers = min(num_cores(), count // 50 + 1)
    with ExitStack() as end:
        with interrupt.held():
            pool = _processes(workers)
            end.callback(_end, pool)
            # A terminal's Ctrl-C reaches these processes too: the mask spares them a traceback each.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                found = pool.map(make, range(count), chunksize=10)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            yield from found
        except BrokenProcessPool as error:
            problem = "a process that draws photographs was ended, such as for want of memory: try again"
            raise ValueError(problem) from error


def _processes(workers: int) -> ProcessPoolExecutor:
    try:
        return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    except OSError as error:  # of the semaphores between the processes
        raise ValueError(f"processes cannot share /dev/shm ({error.strerror}): mount it writable") from error


def _end(pool: ProcessPoolExecutor) -> None:
    with interrupt.held():
        pool.shutdown(cancel_futures=True)


def _row(
    render_seed: int, size: int, owners: int | None, label_noise: float, cameras: str, index: int
) -> tuple[str, int, NDArray[np.uint8]]:
    made = draw(render_seed, size, owners, label_noise, index, cameras)
    # One number draws another picture with another camera or label noise, so its name is another too.
    name = f"rendered-{render_seed}-{index:05d}" + f"-noise{label_noise:g}" * (label_noise > 0)
    name += f"-{cameras}" * (cameras != CAMERAS[0])
    name += "" if owners is None else f"-owner{owner_of(index, owners)}"
    return name, made.label, np.ascontiguousarray(made.image.transpose(2, 0, 1))
