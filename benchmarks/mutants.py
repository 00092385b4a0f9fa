"""``python -m benchmarks.mutants MODULE.py ...``: which small changes of the code do the tests not notice?

mutmut changes one operator, number, argument or value of a function at a time. One process imports all and collects the
tests once; a forked child of it has the change in place of the function, in memory alone, and runs the tests that call
the function, the quickest first, until one fails. A mutant that takes four times the usual seconds and ten, or ends the
process, counts as noticed. Of a module's mutants --sample are drawn by --seed; those that change nothing but words are
left out, and mutmut makes none of functions with decorators. A change within another process is not seen. Those that
survived are to be read one by one: each is a test that is missing, a line too many, or no change at all.
"""

import __future__

import argparse
import ast
import collections
import copy
import difflib
import importlib
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FORK = multiprocessing.get_context("fork")


class _Wordless(ast.NodeTransformer):
    """Makes texts and None one: mutmut changes a text, or has None in its place."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str | None) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.Constant:
        return ast.Constant("")


@dataclass
class Mutant:
    """A function of a module, of a class (``owner``) or of none, as it ``was`` and as it is ``now``."""

    module: str
    owner: str
    was: ast.FunctionDef
    now: ast.FunctionDef

    @property
    def function(self) -> tuple[str, str]:
        return str(ROOT / self.module), f"{self.owner}.{self.was.name}".lstrip(".")

    def made(self) -> tuple[Any, Any]:
        """The running process's function, and the mutant that can give it its code."""
        module = importlib.import_module(self.module.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        function = getattr(getattr(module, self.owner, module), self.was.name)
        function = getattr(function, "__func__", function)
        lines = ast.unparse(self.now)
        if function.__code__.co_freevars:  # super() has a cell, without which the code would not fit
            lines += "\n    __class__"
        space = dict(vars(module))
        text = "class Owner:\n" + textwrap.indent(lines, " ")
        exec(compile(text, self.module, "exec", __future__.annotations.compiler_flag), space)  # noqa: S102  # our own
        return function, vars(space["Owner"])[self.was.name]

    def __str__(self) -> str:
        before, after = (ast.unparse(version).splitlines() for version in (self.was, self.now))
        return "\n".join(difflib.unified_diff(before, after, self.module, self.function[1], n=2, lineterm=""))


def mutants(module: str) -> list[Mutant]:
    """All that mutmut makes of a module, without those that change nothing but words."""
    from mutmut.mutation.file_mutation import mutate_file_contents

    versions: dict[tuple[str, str], dict[str, ast.FunctionDef]] = collections.defaultdict(dict)
    for part in ast.parse(mutate_file_contents(module, (ROOT / module).read_text(encoding="utf-8")).code).body:
        owner = part.name if isinstance(part, ast.ClassDef) else ""
        for node in part.body if isinstance(part, ast.ClassDef) else [part]:
            if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name:
                long, _, number = node.name.rpartition("__mutmut_")  # xǁClassǁname or x_name
                node.name = long.rpartition("ǁ")[2] if owner else long.removeprefix("x_")
                node.decorator_list = []
                versions[owner, node.name][number] = node
    return [
        Mutant(module, owner, made["orig"], node)
        for (owner, _), made in versions.items()
        for node in made.values()
        if len({ast.dump(_Wordless().visit(copy.deepcopy(version))) for version in (node, made["orig"])}) == 2
    ]


def forked(seconds: float, work: Callable[[], Any]) -> Any:
    """What ``work`` returns in a child, of which nothing else remains; None if it dies or takes longer."""
    mine, theirs = FORK.Pipe(duplex=False)

    def silent() -> None:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        theirs.send(work())

    child = FORK.Process(target=silent)
    child.start()
    theirs.close()
    try:
        return mine.recv() if mine.poll(seconds) else None
    except EOFError:
        child.join()
        assert child.exitcode != 1, "an error outside of all tests"
        return None
    finally:
        child.kill()
        child.join()


class Tries:
    """The plugin of pytest that tries mutants in place of running the tests."""

    def __init__(self, modules: list[str], sample: int, seed: int) -> None:
        self.modules, self.sample, self.seed = modules, sample, seed
        self.failed = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        from hypothesis import Phase, settings  # not before pytest, which rewrites it

        phases = [Phase.explicit, Phase.generate]  # a failure is enough, it need not be the smallest
        settings.register_profile("mutants", settings.default, deadline=None, phases=phases)
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid

    def noticed(self, tests: list[pytest.Item], function: Any = None, mutant: Any = None) -> str:
        """The first test that fails, if any does, with a function changed or without."""
        for part in ("__code__", "__defaults__", "__kwdefaults__") if mutant else ():
            setattr(function, part, getattr(mutant, part))
        for test, following in zip(tests, [*tests, None][1:], strict=True):
            test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
            if self.failed:
                break
        return self.failed

    def usual(self, test: pytest.Item) -> tuple[str, float, set[tuple[str, str]]]:
        """Whether a test fails without a change, its seconds, and the functions that it calls."""
        files = {str(ROOT / module) for module in self.modules}
        called = set()

        def look(frame: FrameType, event: str, value: object) -> None:
            if frame.f_code.co_filename in files:
                called.add((frame.f_code.co_filename, frame.f_code.co_qualname.split(".<locals>")[0]))

        threading.settrace(look)
        sys.settrace(look)
        start = time.perf_counter()
        return self.noticed([test]), time.perf_counter() - start, called

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        found = {test: forked(600, partial(self.usual, test)) for test in session.items}
        for test in [test for test in found if not found[test] or found[test][0]]:
            print(f"{test.nodeid} fails without any change, and is left out")
            del found[test]
        table = ["| module | mutants | tried | killed | of them hung | survived |", "|---" * 6 + "|"]
        for module in self.modules:
            known = mutants(module)
            chance = random.Random(f"{self.seed} {module}")  # noqa: S311  # no secret
            ends = []
            for mutant in chance.sample(known, min(self.sample, len(known))):
                tests = [test for test in found if mutant.function in found[test][2]]
                tests.sort(key=lambda test: found[test][1])
                seconds = 10 + 4 * sum(found[test][1] for test in tests)
                ends.append(forked(seconds, partial(self.noticed, tests, *mutant.made())))
                if ends[-1] == "":
                    print(f"\n{mutant}\nnoticed by none of {len(tests)} tests", flush=True)
            lost, hung = ends.count(""), ends.count(None)
            table.append(f"| `{module}` | {len(known)} | {len(ends)} | {len(ends) - lost} | {hung} | {lost} |")
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        print("", *table, "", f"{sum(each.ru_utime + each.ru_stime for each in used):.0f} processor seconds", sep="\n")
        return True


def main() -> None:
    """Prints each mutant that survived as a change of its function, then a row a module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="+", metavar="MODULE.py")
    parser.add_argument("--tests", nargs="+", help="files or folders; if not given, the modules' mirrored folders")
    parser.add_argument("--sample", type=int, default=100, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--slow", action="store_true", help="by the tests that make quick leaves out, too")
    asked = parser.parse_args()
    mirrored = {f"tests/{Path(module).parent.as_posix().removeprefix('fedsky/')}" for module in asked.modules}
    with tempfile.TemporaryDirectory(prefix="fedsky-mutants-") as folder:
        words = ["-qq", "-s", "-p", "no:cacheprovider", f"--basetemp={folder}/tests"]
        words += [] if asked.slow else ["-m", "not slow"]
        tries = Tries(asked.modules, asked.sample, asked.seed)
        sys.exit(pytest.main([*words, *(asked.tests or sorted(mirrored))], plugins=[tries]))


if __name__ == "__main__":
    main()
