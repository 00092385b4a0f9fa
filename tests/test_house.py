"""The laws of the house."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from docs import architecture
from docs.__main__ import house

ROOT = Path(__file__).resolve().parent.parent
SHELVES = ("strategies", "baselines")
PYTHON = [path for place in ("fedsky", *SHELVES, "benchmarks", "docs") for path in sorted((ROOT / place).rglob("*.py"))]


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(architecture.parsed(path)))


def imports(path: Path) -> set[str]:
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_the_core_never_imports_the_shelves() -> None:
    for path in PYTHON:
        if path.is_relative_to(ROOT / "fedsky"):
            assert not {name for name in imports(path) if name.split(".")[0] in SHELVES}, path


def test_a_strategy_imports_the_client_and_other_strategies_alone() -> None:
    for shelf in SHELVES:
        for path in (ROOT / shelf).rglob("*.py"):
            ours = {name for name in imports(path) if name.split(".")[0] in ("fedsky", *SHELVES)}
            assert all(name == "fedsky.client" or name.split(".")[0] in SHELVES for name in ours), (path, ours)


def test_what_a_laptop_needs_to_read_results() -> None:
    """One after the other in one process: who must do without more comes first."""
    heavy = ["torch", "flwr", "ray", "hydra", "omegaconf"]
    code = "import sys"
    for module, blocked in (
        ("fedsky.partition", [*heavy, "pandas", "PIL"]),
        ("fedsky.history", heavy),
        ("fedsky.report.page", heavy),
        ("fedsky.web", heavy[:3]),
    ):
        code += f"\nimport {module}\nfound = set({blocked!r}) & set(sys.modules)\nassert not found, ({module!r}, found)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "strategy").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_strategy_is_one_file_and_one_yaml_of_one_name(path: Path) -> None:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    module, _, name = config.pop("_target_").rpartition(".")
    shelf, _, file = module.rpartition(".")
    assert shelf in SHELVES
    assert file == path.stem == name.lower()
    tree = architecture.parsed(ROOT / shelf / f"{file}.py")
    server = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    constructor = (
        next(n for n in server.body if isinstance(n, ast.FunctionDef) and n.name == "__init__") if config else None
    )
    arguments = {argument.arg for argument in constructor.args.args} if constructor else set()
    assert set(config) <= arguments, "a yaml key is the constructor's argument"


def test_no_registry_and_no_branch_on_a_strategys_name() -> None:
    names = {path.stem for path in (ROOT / "conf" / "strategy").glob("*.yaml")}
    engine = ROOT / "fedsky" / "engine"  # where "local" is Ray's own word for a cluster on this machine
    for path in PYTHON:
        if path.is_relative_to(ROOT / "fedsky") and not path.is_relative_to(engine):
            constants = [node.value for node in nodes(path) if isinstance(node, ast.Constant)]
            assert not [text for text in constants if isinstance(text, str) and text.lower() in names], path


def test_a_strategy_says_its_role_where_it_is_not_its_parents() -> None:
    roles = {}
    for path in sorted(path for shelf in SHELVES for path in (ROOT / shelf).glob("*.py")):
        for node in nodes(path):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "role":
                roles[path.stem] = ast.literal_eval(node.value)
    assert roles == {"fedavg": "federated", "centralized": "pooled", "local": "alone"}


def test_imports_make_no_circle() -> None:
    assert house().circles == []
    assert architecture.circles(house().files) == []


def test_no_module_named_for_nothing() -> None:
    assert not [path for path in PYTHON if path.stem in ("utils", "helpers", "common", "base", "manager")]


def test_files_are_small_enough_to_read() -> None:
    files = [*PYTHON, *(ROOT / "tests").rglob("*.py")]
    long = {str(path.relative_to(ROOT)): n for path in files if (n := path.read_text("utf-8").count("\n")) > 300}
    assert not long


def test_an_owners_side_starts_without_what_drives_a_superlink() -> None:
    """Which brings SQLAlchemy and fastapi, and takes a third of the time in which an owner's trainer starts."""
    driving = {f"fedsky.engine.{name}" for name in ("superlink", "deployment", "deployed")}
    sides = [path for path in PYTHON if path.is_relative_to(ROOT / "fedsky" / "node")]
    assert sides
    for path in [*sides, ROOT / "fedsky" / "engine" / "travelling.py"]:
        assert not imports(path) & driving, path


def test_only_the_engine_starts_flower() -> None:
    starts = ("import run_api", "import run_simulation")
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PYTHON}
    users = {path for path, text in texts.items() if any(start in text for start in starts)}
    assert users == {"fedsky/engine/ray.py", "benchmarks/plain_flower.py"}
