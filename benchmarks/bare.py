"""The local steps and the evaluation of a round with nothing in the way: worker processes, images in memory.

The bound that ``benchmarks.simulation`` compares with: torchvision's ResNet-18, or fedsky's ResNet-8, batch 16, SGD
0.01, momentum 0.9. glibc keeps what is freed, as in the suite's own processes.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import time
from typing import Any

import torch
from torch.nn import functional as F

from benchmarks.simulation import processor_seconds
from fedsky.model import resnet8


def work(name: str, clients: int, images: int, judged: int, size: int, go: Any, done: Any) -> None:
    """Trains and judges ``clients`` clients each time that ``go`` says so, on one thread."""
    from torchvision.models import resnet18  # with torch's compiler: seconds, which an engine does not spend

    torch.set_num_threads(1)
    model: Any = resnet18(num_classes=2)
    if name == "resnet8":
        model = resnet8(num_classes=2, width=0.5).to(memory_format=torch.channels_last)
    x, y = torch.randn(images, 3, size, size), torch.randint(0, 2, (images,))
    test = torch.randn(judged, 3, size, size)
    done.put(True)
    while go.get():
        for _ in range(clients):
            model.train()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
            for batch in range(0, images, 16):
                optimizer.zero_grad()
                F.cross_entropy(model(x[batch : batch + 16]), y[batch : batch + 16]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            model.eval()
            with torch.no_grad():
                for batch in range(0, judged, 64):
                    model(test[batch : batch + 64])
        done.put(True)


def main() -> None:
    """Prints one JSON line: seconds per round, the median without the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("clients", 10),
        ("images", 100),
        ("judged", 20),
        ("rounds", 4),
        ("size", 64),
        ("workers", 2),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--model", choices=["resnet18", "resnet8"], default="resnet18")
    asked = parser.parse_args()
    os.environ |= {"MALLOC_TRIM_THRESHOLD_": str(2**31 - 1), "MALLOC_MMAP_MAX_": "0"}
    context = multiprocessing.get_context("spawn")
    done, gates, processes = context.Queue(), [], []
    for worker in range(asked.workers):
        share = asked.clients // asked.workers + (worker < asked.clients % asked.workers)
        gates.append(context.Queue())
        arguments = (asked.model, share, asked.images, asked.judged, asked.size, gates[-1], done)
        processes.append(context.Process(target=work, args=arguments))
        processes[-1].start()
    for _ in processes:
        done.get()
    seconds, processor = [], []
    for _ in range(asked.rounds):
        start, before = time.perf_counter(), processor_seconds()
        for gate in gates:
            gate.put(True)
        for _ in processes:
            done.get()
        seconds.append(time.perf_counter() - start)
        processor.append(processor_seconds() - before)
    for gate, process in zip(gates, processes, strict=True):
        gate.put(False)
        process.join()
    figures = {"round_seconds": seconds, "cpu_seconds": processor}
    print(json.dumps({"what": "bare"} | {key: statistics.median(all[1:] or all) for key, all in figures.items()}))


if __name__ == "__main__":
    main()
