"""``python -m benchmarks.mutants [SHELF ...]``: which small changes of the code do the tests not notice?

mutmut changes one operator, number, argument or value of a function at a time, and runs the tests that call it; a test
that fails has noticed. A mutant that hangs is ended after 15 times the usual seconds and a second, and counts as
noticed. All happens in a copy of the checkout, by the quick tests if not asked otherwise. Of a shelf's mutants
--sample are drawn by --seed; those that change nothing but words are left out, and mutmut leaves out functions with
decorators. Ends with a table and the changes that survived, to be read one by one: each is a test that is missing, a
line too many, or no change at all.
"""

import argparse
import ast
import collections
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HUNG = ("timeout", "segfault")  # which is what mutmut calls it when it had to kill
NOTICED = "FEDSKY_MUTANTS_NOTICED"  # names the file of who noticed what
STATISTICS = ("crossed", "means", "statistics", "differences", "entries", "shapley")
# What is changed, and the tests that should notice.
SHELVES = {
    "client": (
        ["fedsky/client/*.py"],
        [
            "tests/client",
            "tests/model/test_linear.py",
            "tests/strategies/test_trunk.py",
            "tests/strategies/test_fedavg.py",
        ],
    ),
    "partition": (["fedsky/partition/*.py"], ["tests/partition"]),
    "split": (["fedsky/data/split.py", "fedsky/data/parts.py"], ["tests/data"]),
    "statistics": ([f"fedsky/report/{name}.py" for name in STATISTICS], ["tests/report"]),
    "checkpoint": (["fedsky/run/checkpoint.py", "fedsky/run/states.py", "fedsky/model/file.py"], ["tests/run"]),
    "strategies": (["strategies/*.py"], ["tests/strategies"]),
    "wrappers": (["strategies/wrappers/*.py"], ["tests/strategies/wrappers"]),
}
SETTINGS = """
[tool.mutmut]
source_paths = ["fedsky", "strategies", "baselines"]
only_mutate = {modules}
also_copy = {others}
pytest_add_cli_args = ["-p", "benchmarks.mutants", "-p", "no:cacheprovider", "-m", {marked}]
pytest_add_cli_args_test_selection = {tests}
process_isolation = "forkserver"
use_git_change_detection = false
"""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Within the tests of a mutant: writes down which test noticed it."""
    if report.failed and NOTICED in os.environ:
        with Path(os.environ[NOTICED]).open("a", encoding="utf-8") as file:
            file.write(f"{os.environ.get('MUTANT_UNDER_TEST')}\t{report.nodeid}\n")


def copy(folder: Path, modules: list[str], tests: list[str], marked: str) -> None:
    """A copy of the checkout's files as they are now, with mutmut's settings; ``marked`` is pytest's -m."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if (ROOT / name).is_file()]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    (folder / "shared").symlink_to(ROOT.parent / "shared")  # beside tests/ as mutmut copies them
    tops = sorted({name.split("/")[0] for name in names} - {"fedsky", "strategies", "baselines", "tests"})
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        words = {"modules": modules, "others": tops, "tests": tests, "marked": marked}
        file.write(SETTINGS.format(**{name: json.dumps(value) for name, value in words.items()}))


class _Wordless(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node


def mutants(module: str) -> list[str]:
    """The names that mutmut gives a module's mutants, without those that change nothing but words."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    made = mutate_file_contents(module, Path(module).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(ast.parse(made.code)) if isinstance(node, ast.FunctionDef)]
    shapes = {
        node.name: [ast.dump(_Wordless().visit(part)) for part in (node.args, *node.body)]
        for node in functions
        if "__mutmut_" in node.name
    }
    return [
        get_mutant_name(Path(module), name)
        for name in made.mutant_names
        if shapes[name] != shapes[name.rpartition("_")[0] + "_orig"]
    ]


def main() -> None:
    """Prints a row a module, and each mutant that survived as a change of its function."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shelves", nargs="*", metavar="SHELF", help=f"of {', '.join(SHELVES)}; all if not given")
    parser.add_argument("--sample", type=int, default=100, help="mutants of each shelf")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at a time")
    parser.add_argument("--slow", action="store_true", help="by the tests that make quick leaves out, too")
    asked = parser.parse_args()
    if unknown := [name for name in asked.shelves if name not in SHELVES]:
        parser.error(f"unknown shelf '{unknown[0]}'; choose {', '.join(SHELVES)}")
    shelves = [SHELVES[name] for name in asked.shelves or SHELVES]
    modules = [
        [path.relative_to(ROOT).as_posix() for glob in globs for path in ROOT.glob(glob)] for globs, _ in shelves
    ]
    tests = sorted({test for _, tests in shelves for test in tests})
    chance = random.Random(asked.seed)  # noqa: S311  # no secret
    program = str(Path(sys.executable).with_name("mutmut"))
    with tempfile.TemporaryDirectory(prefix="fedsky-mutants-") as name, contextlib.chdir(name):
        copy(
            Path(name),
            sorted({module for group in modules for module in group}),
            tests,
            "" if asked.slow else "not slow",
        )
        count: dict[str, int] = {}
        drawn: dict[str, str] = {}
        for group in modules:
            known = {mutant: module for module in sorted(group) for mutant in mutants(module)}
            count.update(collections.Counter(known.values()))
            drawn.update({mutant: known[mutant] for mutant in chance.sample([*known], min(asked.sample, len(known)))})
        noticed = Path(name) / "noticed.tsv"
        noticed.touch()
        surroundings = os.environ | {NOTICED: str(noticed), "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        words = [program, "run", "--max-children", str(asked.jobs), *drawn]
        ran = subprocess.run(words, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ran.returncode:
            sys.exit(f"mutmut stopped:\n{ran.stdout[-5000:]}")
        by = dict(line.split("\t") for line in noticed.read_text(encoding="utf-8").splitlines())
        for survivor in tell(count, drawn, by):
            subprocess.run([program, "show", survivor], check=True)


def tell(count: dict[str, int], drawn: dict[str, str], by: dict[str, str]) -> list[str]:
    """Prints the table of modules, of which ``count`` mutants are known; returns those drawn that survived."""
    from mutmut.stats import status_by_exit_code

    ends: dict[str, str] = {}
    for module in set(drawn.values()):
        codes = json.loads(Path(f"mutants/{module}.meta").read_text(encoding="utf-8"))["exit_code_by_key"]
        ends |= {mutant: status_by_exit_code[code] for mutant, code in codes.items() if mutant in drawn}
    survivors = [mutant for mutant in drawn if ends[mutant] not in ("killed", *HUNG)]
    print("\n| module | mutants | tried | killed | of them hung | survived | by the tests of |")
    print("|---|---|---|---|---|---|---|")
    for module in sorted(set(drawn.values())):
        mine = [mutant for mutant in drawn if drawn[mutant] == module]
        lost = sum(mutant in survivors for mutant in mine)
        hung = sum(ends[mutant] in HUNG for mutant in mine)
        files = collections.Counter(Path(by[mutant].split("::")[0]).stem for mutant in mine if mutant in by)
        most = ", ".join(f"{file} {number}" for file, number in files.most_common(3))
        print(f"| {module} | {count[module]} | {len(mine)} | {len(mine) - lost} | {hung} | {lost} | {most} |")
    print(f"\n{len(drawn)} mutants tried, {len(survivors)} survived", flush=True)
    return survivors


if __name__ == "__main__":
    main()
