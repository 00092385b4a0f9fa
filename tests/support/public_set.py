"""Runs on a public set of images, of which some are declared to test with."""

from pathlib import Path

from fedsky.config import compose, resolve
from fedsky.run import run


def check_runs(place: Path, num_test: int, num_images: int, *words: str) -> None:
    """Tested are the images that are declared to be, named so; with ``data.test=pooled``, a fifth of all."""
    asked = [*words, f"data.root={place / 'sets'}", f"data.cache={place / 'cache'}", "data.size=16", "engine=inline"]
    asked += ["num_clients=2", "num_rounds=1"]
    info = run(resolve(compose(asked)), place / "run")
    assert info["data"]["image_size"] == 16
    assert info["result"]["num_test"] == info["data"]["num_declared_test"] == num_test
    tested = (place / "run" / "predictions.csv").read_text().splitlines()[1:]
    assert {line.split(",")[0] for line in tested} == {f"test-{number:05d}" for number in range(num_test)}
    pooled = run(resolve(compose([*asked, "data.test=pooled"])), place / "pooled")
    assert pooled["result"]["num_test"] == num_images // 5
