"""A shelf of one's own: the files that docs/extending.md shows for a folder outside the checkout."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"
BLOCK = re.compile(r"`([\w/]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)```", re.DOTALL)
# As quick as it gets.
SMALL = ["engine=inline", "data=stripes", "data.count=40", "partition.min_examples=4", "num_clients=2", "num_rounds=2"]
ALL = ["strategy=fedavgclip", "model=small", "partition=largest", *SMALL]


def write_shelf(folder: Path) -> Path:
    """Writes the files below a folder."""
    files = dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    own = {name: content for name, content in files.items() if "irises" not in name}  # a module of fedsky's
    assert len(own) == 8
    for name, content in own.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder
