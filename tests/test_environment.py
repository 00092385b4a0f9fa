"""A machine with something amiss costs one line that names what and where, with the remedy, or nothing at all."""

import json
import os
from pathlib import Path

import pytest
from places import SMALL, STRANGER, command, isolated, told

RAY = [*SMALL, "engine=ray", "engine.num_actors=1"]
ELSEWHERE = "name another place, of a run by hydra.run.dir=FOLDER"


def done(folder: Path) -> list[str]:
    return [json.loads(path.read_text())["status"] for path in folder.rglob("run.json")]


@pytest.mark.parametrize("words", [["dry_run=true"], ["-m", "lr=0.1,0.2"]])
def test_outputs_that_are_no_folder(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "outputs").touch()
    line = told(command(tmp_path, *SMALL, *words))
    assert line == f"outputs is a file where a folder is needed: remove it, or {ELSEWHERE}"
    (tmp_path / "outputs").unlink()
    (tmp_path / "outputs").symlink_to("/nowhere/x")
    line = told(command(tmp_path, *SMALL, *words))
    assert line == f"outputs is a link to /nowhere/x, which does not exist: remove the link, or {ELSEWHERE}"


def test_a_name_that_is_too_long_for_a_folder(tmp_path: Path) -> None:
    line = told(command(tmp_path, *SMALL, f"name={'a' * 300}"))
    assert line.startswith("outputs/aaa")
    assert line.endswith(": File name too long: choose a shorter name, 255 bytes at most")


def test_outputs_that_belong_to_somebody_else(tmp_path: Path) -> None:
    mount = "mkdir outputs && mount -t tmpfs -o mode=755 none outputs"  # whose root is not the stranger's
    stranger = ["setpriv", f"--reuid={STRANGER}", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    tmp_path.chmod(0o777)
    if os.getuid() or command(tmp_path, "-h", before=stranger).returncode:
        pytest.skip("needs a root whose Python other users may start")
    line = told(command(tmp_path, *SMALL, before=stranger, mount=mount))
    assert line == f"outputs is not writable by user {STRANGER}: ask its owner, root, or {ELSEWHERE}"


@pytest.mark.parametrize(
    ("mount", "line"),
    [
        ("mount -t tmpfs -o ro none outputs", "outputs/today: Read-only file system: "),
        (
            "mount -t tmpfs -o size=1M none outputs",
            "checkpoint/0.safetensors: No space left on device: make room there, ",
        ),
    ],
)
def test_outputs_that_are_read_only_or_full(tmp_path: Path, mount: str, line: str) -> None:
    (tmp_path / "outputs").mkdir()
    found = told(command(tmp_path, *SMALL, "name=today", mount=mount))
    assert line in found and found.endswith(ELSEWHERE)


def test_a_disk_that_is_full_inside_a_client(tmp_path: Path) -> None:
    """SCAFFOLD's clients keep what no other part of the run writes there."""
    (tmp_path / "states").mkdir()
    mount = f"mount -t tmpfs -o size=100k none {tmp_path}/states"
    words = [*SMALL, "strategy=scaffold", "hydra.run.dir=out"]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "clients").symlink_to(tmp_path / "states")
    line = told(command(tmp_path, *words, mount=mount))
    assert line.startswith("client 0: ") and "No space left on device: make room there, or " in line
    assert "clients/0@1.safetensors" in line


def test_no_home_folder(tmp_path: Path) -> None:
    user = isolated("--user", f"--map-user={STRANGER}")
    env = {"HOME": None, "XDG_CACHE_HOME": None}
    ended = command(tmp_path, *SMALL, before=user, env=env)
    assert ended.returncode == 0, ended.stderr
    assert f"no home folder to keep decoded photographs in: they are in {tmp_path}/fedsky-cache" in ended.stderr
    assert list((tmp_path / "fedsky-cache").glob("rendered-*/pixels.npy")) and done(tmp_path) == ["done"]
    again = command(tmp_path, *SMALL, before=user, env=env)
    assert again.returncode == 0 and "no home folder" not in again.stderr, "it is said when something is put there"
    line = told(command(tmp_path, *SMALL, "data.cache=~/mine", before=user, env=env))
    assert line == "~/mine: there is no such home folder here, write the path in full"


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for mount, line in (
        ("-o ro", "Read-only file system: name"),
        ("-o size=64k", "No space left on device: make room"),
    ):
        words = [*SMALL, "data.cache=mine"]
        found = told(command(tmp_path, *words, mount=f"mount -t tmpfs {mount} none mine"))
        assert found.startswith("decoded photographs cannot be kept: ") and line in found
        assert found.endswith(" another folder by data.cache=FOLDER")
    (tmp_path / "file").touch()
    assert "file is a file where a folder is needed" in told(command(tmp_path, *SMALL, "data.cache=file"))


@pytest.mark.parametrize(
    "env", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "ascii"}]
)
def test_a_terminal_in_ascii(tmp_path: Path, env: dict[str, str]) -> None:
    for words in (["dry_run=true"], []):
        ended = command(tmp_path, *SMALL, "name=日本", "client_names=[北京,b,c]", *words, env=env)
        assert ended.returncode == 0 and "Traceback" not in ended.stderr and "Logging error" not in ended.stderr
    assert done(tmp_path / "outputs" / "日本") == ["done"]
    [log] = (tmp_path / "outputs" / "日本").rglob("run.log")
    assert "北京" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(tmp_path: Path, closed: str) -> None:
    assert command(tmp_path, *SMALL, shell=closed).returncode == 0
    assert done(tmp_path) == ["done"]
    [folder] = [path.parent for path in tmp_path.rglob("run.json")]
    for table in folder.glob("*.jsonl"):
        assert all(json.loads(line) for line in table.read_text().splitlines()), "no line of another stream is in there"
    assert "round 1/1" in (folder / "run.log").read_text()
    assert command(tmp_path, *SMALL, "lr=-1", shell=closed).returncode == 1


def test_standard_output_that_is_full(tmp_path: Path) -> None:
    ended = command(tmp_path, *SMALL, "dry_run=true", shell=">/dev/full")
    assert told(ended) == "standard output: No space left on device"


@pytest.mark.parametrize("words", [["--info"], ["-m", "seed=0,1"]])
def test_what_is_logged_to_standard_output_that_is_full_is_no_traceback(tmp_path: Path, words: list[str]) -> None:
    """Hydra's own lines go there, one for each job."""
    ended = command(tmp_path, *SMALL, *words, shell=">/dev/full")
    assert ended.returncode == 0 and "Traceback" not in ended.stderr and "Logging error" not in ended.stderr
    assert len(done(tmp_path)) == words.count("-m") * 2


def test_no_network_interface(tmp_path: Path) -> None:
    line = told(command(tmp_path, *RAY, before=isolated("-n")))
    assert line.startswith("no network interface answers at 127.0.0.1 (Network is unreachable)")
    assert line.endswith("ip link set lo up, or choose engine=inline")


@pytest.mark.parametrize(
    ("mount", "line"),
    [
        ("mount -t tmpfs -o ro none t", "files cannot be kept in t: Read-only file system: name another folder by "),
        ("mount -t tmpfs -o size=1M none t", "files cannot be kept in t: less than 50 MB are free: make room there, "),
        ("mount -t tmpfs -o ro none /dev/shm", "objects cannot be shared in /dev/shm: Read-only file system: choose "),
    ],
)
def test_nowhere_for_rays_files(tmp_path: Path, mount: str, line: str) -> None:
    (tmp_path / "t").mkdir()
    env = {"RAY_TMPDIR": "t"} if mount.endswith(" t") else {}
    assert command(tmp_path, *SMALL, "dry_run=true").returncode == 0  # the photographs are there
    found = told(command(tmp_path, *RAY, mount=mount, env=env))
    assert found.startswith(f"Ray's {line}") and found.endswith("choose engine=inline")


def test_a_folder_too_long_for_rays_sockets(tmp_path: Path) -> None:
    long = tmp_path / ("a" * 90)
    long.mkdir()
    line = told(command(tmp_path, *RAY, env={"TMPDIR": str(long)}))
    assert line.startswith(str(long)) and "bytes too long a path for the sockets of engine=ray: set RAY_TMPDIR" in line


def test_a_proxy_that_cannot_be_read(tmp_path: Path) -> None:
    words = ["collect", "--label", "sunny", "--out", "col", "--query", "x"]
    line = told(command(tmp_path, *words, program="fedsky.data", env={"no_proxy": "[::1]"}))
    assert line.startswith("no_proxy in the environment cannot be read") and line.endswith("as in no_proxy=::1")
