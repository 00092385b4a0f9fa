"""Ctrl-C at whatever moment: one line, status 130, and no run that says it is running."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import psutil
import pytest
from interrupted import heed, start, wait_until_it_heeds
from run_files import info_of

SMALL = ["num_rounds=100000", "num_clients=2", "data.count=60", "data.size=16"]


@pytest.mark.skipif(sys.platform != "linux", reason="a terminal's Ctrl-C is sent to a group of processes")
@pytest.mark.parametrize("to_all", [True, False])
def test_it_ends_the_drawing_of_photographs_with_its_processes(tmp_path: Path, to_all: bool) -> None:
    many = ["data.count=2000", "data.size=96", "engine=inline", f"data.cache={tmp_path}"]
    process = start("-m", "fedsky", *many, f"hydra.run.dir={tmp_path / 'run'}", start_new_session=True)
    begun = psutil.Process(process.pid)
    end = time.monotonic() + 60
    while len(others := begun.children(recursive=True)) < 2:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    time.sleep(1.0)
    (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
    told = process.communicate(timeout=60)[0]
    assert process.returncode == 130 and told.startswith("fedsky: stopped by the user") and told.count("\n") == 1, told
    _, left = psutil.wait_procs(others, timeout=10)
    assert left == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to see when a process handles its signals")
@pytest.mark.parametrize(
    ("engine", "seconds", "number"),
    [
        ("inline", 0.0, signal.SIGINT),
        ("inline", 0.4, signal.SIGTERM),
        ("inline", 1.5, signal.SIGINT),
        ("inline", 2.0, signal.SIGHUP),
        ("inline", 3.0, signal.SIGINT),
        ("ray", 3.3, signal.SIGINT),
        ("ray", 3.8, signal.SIGTERM),
        ("ray", 4.2, signal.SIGINT),
        ("ray", 5.0, signal.SIGINT),
    ],
)
def test_it_ends_a_run_in_one_line(tmp_path: Path, engine: str, seconds: float, number: signal.Signals) -> None:
    """On a quiet machine these are: the imports of Hydra, of torch, the data, Ray's start, the first rounds."""
    process = start("-m", "fedsky", *SMALL, f"engine={engine}", f"hydra.run.dir={tmp_path / 'run'}")
    wait_until_it_heeds(process)
    time.sleep(seconds)
    process.send_signal(number)
    told = process.communicate(timeout=60)[0]
    assert process.returncode == 130, told
    last = told.rstrip().splitlines()[-1]
    assert last.startswith("fedsky: stopped by the user") and "Traceback" not in told, told
    if (tmp_path / "run" / "run.json").is_file():
        assert last.endswith(f"; python -m fedsky.resume {tmp_path / 'run'} goes on")
        assert info_of(tmp_path / "run")["status"] == "interrupted"
    assert not (tmp_path / "run" / ".lock").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to see when a process handles its signals")
def test_it_ends_a_run_whose_terminal_is_gone(tmp_path: Path) -> None:
    """SIGHUP, and nobody who reads what is said: the run says that it was interrupted all the same."""
    master, slave = os.openpty()

    def begin() -> None:
        heed()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [sys.executable, "-m", "fedsky", *SMALL, "engine=inline", f"hydra.run.dir={tmp_path / 'run'}"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=begin,
    )
    os.close(slave)
    end = time.monotonic() + 60
    while not (tmp_path / "run" / "checkpoint").is_dir():
        os.read(master, 1000)
        assert time.monotonic() < end
    os.close(master)  # the kernel sends SIGHUP to the session
    assert process.wait(60) == 130
    assert info_of(tmp_path / "run")["status"] == "interrupted"
    assert not (tmp_path / "run" / ".lock").exists()


DEAF = """
import time
from fedsky.machine import interrupt

class Deaf:  # Python ignores what a destructor raises
    def __del__(self):
        print("deaf", flush=True)
        time.sleep(5)

interrupt.by_exception()
try:
    Deaf()
    time.sleep(60)
except KeyboardInterrupt:
    assert interrupt.asked()
    interrupt.stop_insisting()
    time.sleep(1.5)  # nothing interrupts what is put away
    interrupt.leave("test")
"""


def test_an_interrupt_that_python_ignores_comes_again() -> None:
    process = start("-c", DEAF)
    assert process.stdout is not None and process.stdout.readline() == "deaf\n"
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=30)[0]
    assert process.returncode == 130 and told.endswith("test: stopped by the user\n"), told
    assert "Exception ignored" in told, "the first was ignored"


def test_a_background_job_that_is_to_ignore_it_does() -> None:
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); from fedsky.machine import interrupt; "
    code += "interrupt.at_once('x'); print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"


AS_A_PROCESS_BEGINS = """
import multiprocessing.util as util
import os
import signal
import threading
import time
from fedsky.data import rendered
from fedsky.machine import interrupt

begin = util.spawnv_passfds

def interrupted(*arguments):
    process = begin(*arguments)
    if "spawn_main" in str(arguments):
        os.kill(os.getpid(), signal.SIGINT)  # before the process has been told what to do
        time.sleep(0.2)
    return process

util.spawnv_passfds = interrupted
interrupt.by_exception()
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()  # takes what the main thread blocks
try:
    list(rendered.drawn(abs, 100))
except KeyboardInterrupt:
    interrupt.leave("test")
"""


def test_no_process_is_left_half_begun() -> None:
    """It would end with a traceback of its own, and its semaphores with a warning."""
    process = start("-c", AS_A_PROCESS_BEGINS)
    told = process.communicate(timeout=60)[0]
    assert (process.returncode, told) == (130, "test: stopped by the user\n")
