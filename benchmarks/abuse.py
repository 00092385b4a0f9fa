"""``python -m benchmarks.abuse``: generated command lines thrown at a dry run: each is understood or refused.

hypothesis draws keys (conf/'s, misspelt, made up), values, quoting and options, and for the part in processes of their
own an environment as well. Every line must end with status 0 and a plan, or with 1 or 2 and at most five lines that
begin with the program's name; a traceback, an error that nobody foresaw, or 0 with nothing done is a fault. Most lines
go through the real ``main`` with ``sys.argv`` in this one process, which costs a third of a second each; the others are
processes, which take some ten.
"""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fedsky.command import shell
from fedsky.config import CONF, GROUPS, OPTIONAL, known
from fedsky.config.refusals import TRACEBACK

BASE = ["engine=inline", "num_clients=3", "num_rounds=2", "data.count=40", "data.size=32"]
LAST = "dry_run=true"
MOST_LINES, MOST_SECONDS, LATE = 5, 90.0, 124
KEYS = sorted(known.settings())
# What would only take long: a million rounds, photographs or clients are no abuse.
SLOW = {"num_rounds", "num_clients", "local_epochs", "data.count", "data.size", "dry_run", "data.owners"}
PLAN, SHOWN = "Nothing was trained", ("--help", "--hydra-help", "--cfg", "--info", "--version")
UNFORESEEN = re.compile(r"^(fedsky: )?\w+(Error|Exception|Warning)?: .*\(\w+\.py:\d+\)", re.MULTILINE)

ENVIRONMENTS: dict[str, tuple[str, dict[str, str | None], str]] = {
    # name: what is done before, in mounts of its own; variables; redirections
    "nothing amiss": ("true", {}, ""),
    "no HOME": ("true", {"HOME": None, "XDG_CACHE_HOME": None}, ""),
    "HOME of nobody": ("true", {"HOME": "/nonexistent", "XDG_CACHE_HOME": None}, ""),
    "cache is a file": ("touch cache", {"XDG_CACHE_HOME": "cache"}, ""),
    "locale C": ("true", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, ""),
    "output in ASCII": ("true", {"PYTHONIOENCODING": "ascii"}, ""),
    "one column": ("true", {"COLUMNS": "1", "TERM": "dumb"}, ""),
    "no_proxy=[::1]": ("true", {"no_proxy": "[::1]"}, ""),
    "TMPDIR nowhere": ("true", {"TMPDIR": "/nonexistent"}, ""),
    "TMPDIR of 120 bytes": (f"mkdir -p {'a' * 120}", {"TMPDIR": "a" * 120}, ""),
    "outputs is a file": ("touch outputs", {}, ""),
    "outputs is a dangling link": ("ln -s /nonexistent/x outputs", {}, ""),
    "outputs is read-only": ("mkdir outputs && mount -t tmpfs -o ro none outputs", {}, ""),
    "outputs is full": ("mkdir outputs && mount -t tmpfs -o size=4k none outputs", {}, ""),
    "shared memory is read-only": ("mount -t tmpfs -o ro none /dev/shm", {}, ""),
    "shared memory is full": ("mount -t tmpfs -o size=4k none /dev/shm && echo x > /dev/shm/x", {}, ""),
    "standard error closed": ("true", {}, "2>&-"),
    "standard output closed": ("true", {}, ">&-"),
    "standard output full": ("true", {}, ">/dev/full"),
    "all streams closed": ("true", {}, "<&- >&- 2>&-"),
}


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ODD = r"""
null true nan -inf 1e400 0x10 1_0 ~/photos 日本 [北京,上海,x] [a,b {a:1} { ' " a,b ${seed} ${nowhere} ${ ${oc.env:HOME}
$(id) a=b a(b) range(0,2) choice(1, glob(*) ../.. / /dev/null /dev/zero /root/x -1 0 0.5 1e-300 1e308 [] [[1]] ???
!!python/object:os.system %s \ a#b C:\x
"""
odd = st.sampled_from(["", *ODD.split(), "'a b'", "a" * 300, "a\nb", "\x1b[31m", "9" * 30])
values = st.one_of(odd, texts, st.integers(-3, 10**6).map(str), st.floats().map(str))
choices = st.sampled_from([*GROUPS, *OPTIONAL, "experiment"]).flatmap(
    lambda group: st.sampled_from([path.stem for path in sorted((CONF / group).glob("*.yaml"))]).map(
        lambda choice: f"{group}={choice}"
    )
)
misspelt = st.sampled_from(KEYS).flatmap(
    lambda key: st.sampled_from([key[:-1], key + "s", key.replace(".", ".."), key.upper(), f"{key}.x", f"x.{key}"])
)
keys = st.one_of(st.sampled_from([key for key in KEYS if key not in SLOW]), misspelt, texts)
settings_words = st.builds(
    lambda sign, key, equal, value: f"{sign}{key}{equal}{value}",
    st.sampled_from(["", "", "", "", "+", "++", "~"]),
    keys,
    st.sampled_from(["=", "=", "=", "=", " = ", ""]),
    values,
)
OPTIONS = "-m|--cfg job|--help|--info|--nonsense|--config-dir x|--config-name x|--cfg|hydra.mode=x"
SPACED = [["-m", "hydra.sweep.dir=a b"], ["hydra.run.dir=日 本"]]
options = st.sampled_from([[]] * 6 + [words.split() for words in OPTIONS.split("|")] + SPACED)
lines = st.builds(
    lambda chosen, words, more: [word for word in [*chosen, *words, *more] if word],
    st.lists(choices, max_size=2),
    st.lists(settings_words, min_size=1, max_size=2),
    options,
)


def fault(words: list[str], ended: Ended, silent: bool = False) -> str | None:
    """What is wrong with how a command line ended; None where nothing is. ``silent``: its streams lead nowhere."""
    both = ended.out + ended.err
    if "Traceback (most recent call last)" in both:
        return "a traceback"
    if UNFORESEEN.search(ended.err):
        return "an error that nobody foresaw"
    if ended.code == 0:
        shown = any(word.startswith(SHOWN) for word in words)
        return None if silent or PLAN in ended.out or (shown and ended.out.strip()) else "0 with nothing done"
    if ended.code not in (1, 2):
        return f"status {ended.code}"
    told = ended.err.splitlines()
    if not silent and not any(line.startswith("fedsky: ") for line in told):
        return "no line that says why"
    jobs = 2 * len(
        re.findall(r"^\[.*\]\[HYDRA\] \t#\d+", both, re.MULTILINE)
    )  # of a sweep: one when it fails, one last
    return f"{len(told)} lines" if len(told) > MOST_LINES + jobs else None


def in_this_process(words: list[str]) -> Ended:
    """One command line through the real ``main``."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    before = list(sys.argv)
    os.environ.pop(TRACEBACK, None)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        sys.argv[:] = [shell.PROGRAM, *words]
        try:
            with hurried():
                shell.main()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(bool(error.code))
        except Exception as error:
            err.write(f"Traceback (most recent call last): {error!r}\n")
            code = 1
        finally:
            sys.argv[:] = before
    return Ended(code, out.getvalue(), err.getvalue())


def in_its_own(words: list[str], environment: str, folder: Path) -> Ended:
    """One command line in a process, with what is amiss in ``environment``."""
    prepare, variables, streams = ENVIRONMENTS[environment]
    env = {key: value for key, value in (os.environ | variables).items() if value is not None and key != TRACEBACK}
    root = Path(shell.__file__).resolve().parents[2]
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), env.get("PYTHONPATH")]))
    script = f'{prepare} && "$@" {streams}'
    line = [
        *(["unshare", "-m"] if "mount" in prepare else []),
        "sh",
        "-c",
        script,
        "sh",
        sys.executable,
        "-m",
        "fedsky",
    ]
    try:
        done = subprocess.run([*line, *words], cwd=folder, env=env, capture_output=True, timeout=4 * MOST_SECONDS)
    except subprocess.TimeoutExpired:
        return Ended(LATE, "", "")
    return Ended(done.returncode, *(text.decode(errors="replace") for text in (done.stdout, done.stderr)))


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """Interrupts the main thread where it is not done within ``MOST_SECONDS``."""
    timer = threading.Timer(
        MOST_SECONDS, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    )
    signal.signal(signal.SIGUSR1, _late)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _late(number: int, frame: object) -> None:
    # Nothing that main takes for a person's Ctrl-C, which would end this program.
    raise RuntimeError(f"not done after {MOST_SECONDS:g} s")


@contextlib.contextmanager
def elsewhere() -> Iterator[Path]:
    """A new current folder."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="fedsky-abuse-") as name:
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def main(
    count: Annotated[int, typer.Option(help="Command lines in this process.")] = 440,
    processes: Annotated[int, typer.Option(help="Command lines in processes of their own.")] = 60,
    number: Annotated[int, typer.Option("--seed", help="Of what is drawn.")] = 0,
) -> None:
    """Prints how the command lines ended, and each that ended wrongly; exits with 1 if one did."""
    faults: list[str] = []
    codes: Counter[str] = Counter()
    start = time.perf_counter()

    def judge(words: list[str], ended: Ended, place: str, silent: bool = False) -> None:
        wrong = fault(words, ended, silent)
        codes[f"{place}, status {ended.code}"] += 1
        if wrong is not None:
            faults.append(wrong)
            print(f"{wrong}: {place}: {words!r}\n    {ended.err.strip()[-600:]}", flush=True)

    def drawn(examples: int) -> settings:
        return settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )

    @seed(number)
    @drawn(count)
    @given(lines)
    def here(words: list[str]) -> None:
        judge(words, in_this_process([*BASE, *words, LAST]), "one process")

    @seed(number)
    @drawn(processes)
    @given(lines, st.sampled_from(sorted(ENVIRONMENTS)))
    def apart(words: list[str], environment: str) -> None:
        with elsewhere() as folder:
            ended = in_its_own([*BASE, *words, LAST], environment, folder)
        judge(words, ended, environment, bool(ENVIRONMENTS[environment][2]))

    with elsewhere():
        if count:
            here()
    if processes:
        apart()
    for name, times in sorted(codes.items()):
        print(f"{times:4} {name}")
    print(f"{sum(codes.values())} command lines in {time.perf_counter() - start:.0f} s, {len(faults)} ended wrongly")
    if faults:
        raise SystemExit(1)


if __name__ == "__main__":
    typer.run(main)
