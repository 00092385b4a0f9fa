"""What is written beside the page: tables that a spreadsheet and LaTeX take as text, the long table, the manifest."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from fedsky.report import exports
from fedsky.report.selection import select

WriteRun = Callable[..., Path]
EVIL = ["=1+1", "+2", "-x", "@sum", "a,b", 'c"d', "50 % & $x_1^2$ #{~}\\", "<script>", "文"]


def test_csv_is_text_for_a_spreadsheet_and_reads_back() -> None:
    frame = pd.DataFrame({"name": EVIL, "=head": range(len(EVIL)), "value": [-0.5, None, *range(len(EVIL) - 2)]})
    rows = list(csv.reader(io.StringIO(exports.csv_bytes(frame).decode())))
    assert rows[0] == ["name", "'=head", "value"]
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'+2", "'-x", "'@sum", *EVIL[4:]]
    assert [row[2] for row in rows[1:3]] == ["-0.5", ""]


def test_the_long_table_has_every_number_of_every_run(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", curve=(0.5, None, 0.8))
    write_run(tmp_path / "b", "fedprox", 1, config={"strategy.mu": 0.1, "num_clients": 3}, owners=(0.1, 0.2))
    kinds = select([tmp_path]).kinds
    content = exports.tidy_bytes(kinds)
    assert content == exports.tidy_bytes(kinds)
    table = pd.read_csv(io.BytesIO(gzip.decompress(content)), dtype={"seed": str})
    assert list(table.columns) == ["run", "data", "group", "strategy", "seed", "data_seed", "fold", "num_clients",
                                   "strategy._target_", "strategy.mu", "round", "owner", "metric", "value"]  # fmt: skip
    assert not table["value"].isna().any()
    pooled = table[table["owner"].isna() & (table["metric"] == "accuracy")]
    assert pooled[["run", "round", "value"]].to_numpy().tolist() == [
        ["a", 0, 0.5],
        ["a", 2, 0.8],
        ["b", 0, 0.5],
        ["b", 1, 0.7],
        ["b", 2, 0.8],
    ]
    owners = table[table["owner"].notna()]
    assert owners[["run", "round", "owner", "value"]].to_numpy().tolist() == [
        ["a", 2, 0, 0.7],
        ["a", 2, 1, 0.9],
        ["b", 2, 0, 0.1],
        ["b", 2, 1, 0.2],
    ]
    assert set(table.loc[table["run"] == "b", "strategy.mu"]) == {0.1}
    assert table.loc[table["run"] == "b", "seed"].unique().tolist() == ["1"]


def test_names_with_commas_and_formulas_stay_in_their_column(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "=1,2", 'a,"b', config={"num_clients": "=x"})
    write_run(tmp_path / "c", 'a,"b')
    table = pd.read_csv(io.BytesIO(gzip.decompress(exports.tidy_bytes(select([tmp_path]).kinds))))
    assert set(table["run"]) == {"'=1,2", "c"}
    assert set(table["strategy"]) == {'a,"b'}
    assert set(table["num_clients"]) == {"'=x", "2"}


def test_the_manifest_has_the_hash_of_every_file(tmp_path: Path, write_run: WriteRun) -> None:
    folder = write_run(tmp_path / "a")
    runs = {result.name: result.run for result in select([tmp_path]).results}
    manifest = json.loads(exports.manifest_bytes({"index.html": b"page"}, runs, {"lang": "en"}))
    assert manifest["files"] == {"index.html": {"bytes": 4, "sha256": hashlib.sha256(b"page").hexdigest()}}
    assert set(manifest["inputs"]["a"]) == {
        "run.json",
        "rounds.jsonl",
        "clients.jsonl",
        "timing.jsonl",
        "partition.json",
    }
    content = (folder / "rounds.jsonl").read_bytes()
    assert manifest["inputs"]["a"]["rounds.jsonl"] == {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert manifest["asked_for"] == {"lang": "en"}
    assert manifest["written_by"]["scipy"] != "unknown"


def test_what_an_earlier_report_left_and_nobody_changed_is_told_from_the_rest(tmp_path: Path) -> None:
    kept = {"plots/a.svg": b"a", "tables/b.csv": b"b", "tables/c.csv.gz": b"c"}
    for name, content in kept.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    outside = tmp_path.parent / "outside.csv"
    outside.write_bytes(b"out")
    everything = {**kept, "index.html": b"page", "../outside.csv": b"out", "plots/../../outside.csv": b"out"}
    (tmp_path / "manifest.json").write_bytes(exports.manifest_bytes(everything, {}, {}))
    assert exports.unchanged(tmp_path) == set(kept)
    (tmp_path / "tables" / "b.csv").write_bytes(b"edited")
    assert exports.unchanged(tmp_path) == {"plots/a.svg", "tables/c.csv.gz"}
    (tmp_path / "manifest.json").write_bytes(b'{"files": [1]}')
    assert exports.unchanged(tmp_path) == set()
