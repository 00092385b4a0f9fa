"""``python -m benchmarks.render``: rendered skies per second and core, by size; prints one JSON line."""

import argparse
import json
import time

from fedsky.data import sky


def main() -> None:
    """Prints the JSON line: processor seconds, which other programs on the machine change little."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128])
    asked = parser.parse_args()
    told: dict[str, object] = {"what": "render", "renderer": sky.VERSION, "count": asked.count}
    start = time.process_time()
    sky.render(0, 0, 16)  # makes the noise that all photographs share
    told["first_seconds"] = round(time.process_time() - start, 2)
    for size in asked.sizes:
        start = time.process_time()
        for index in range(asked.count):
            sky.render(0, index, size)
        told[f"per_second_at_{size}"] = round(asked.count / (time.process_time() - start), 1)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
