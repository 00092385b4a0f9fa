"""The committed front end: what a fresh build gives, small enough, asking no other server, its own tests passing."""

import ast
import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fedsky.web import facts

FRONTEND = Path(__file__).resolve().parents[2] / "fedsky" / "web" / "frontend"
STATIC = FRONTEND.parent / "static"
FIRST_PAGE_BYTES = 120 * 1024  # of gzipped script
# Names of XML languages, and where Vue tells of an error in development; none is fetched.
NAMES = {
    "http://www.w3.org/2000/svg",
    "http://www.w3.org/1999/xlink",
    "http://www.w3.org/1998/Math/MathML",
    "https://vuejs.org/error-reference/#runtime-",
}


@pytest.fixture(scope="session")
def node() -> Path:
    """Node's programs of the front end."""
    if shutil.which("node") is None:
        pytest.skip("Node is missing: the front end was not built and tested anew")
    if not (FRONTEND / "node_modules" / ".bin" / "vite").exists():
        pytest.skip("the front end's packages are missing (npm ci in fedsky/web/frontend): it was not built anew")
    return FRONTEND / "node_modules" / ".bin"


def run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], cwd=FRONTEND, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_fresh_build_is_the_committed_one_byte_for_byte(node: Path, tmp_path: Path) -> None:
    run(node / "vite", "build", "--outDir", tmp_path / "static", "--emptyOutDir", "--logLevel", "error")
    fresh, committed = contents(tmp_path / "static"), contents(STATIC)
    assert sorted(fresh) == sorted(committed), "npm run build in fedsky/web/frontend, and commit fedsky/web/static"
    assert [name for name in fresh if fresh[name] != committed[name]] == []


def test_what_is_generated_for_the_front_end_is_fresh() -> None:
    committed = (facts.GENERATED / "columns.ts").read_text(encoding="utf-8")
    assert facts.columns() == committed, "python -m fedsky.web.facts, npm run build, and commit both"
    assert '"en": "Balanced accuracy",' in committed and '"zh": "平衡准确率"' in committed


@pytest.mark.slow
def test_the_apis_types_are_those_of_its_description(node: Path) -> None:
    committed = (facts.GENERATED / "api.ts").read_text(encoding="utf-8")
    assert facts.types() == committed, "python -m fedsky.web.facts, npm run build, and commit both"
    assert "balanced_accuracy: number | null;" in committed


def test_the_pages_write_out_no_shape_of_the_apis_own() -> None:
    source = (FRONTEND / "src" / "types.ts").read_text(encoding="utf-8")
    assert "interface " not in source and not re.search(r"=\s*\{", source)


def test_types_hold(node: Path) -> None:
    run(node / "vue-tsc", "--noEmit")


def test_the_front_ends_own_tests_pass(node: Path) -> None:
    run(node / "vitest", "run")


def scripts_of(page: str) -> set[str]:
    """All scripts without which a page does not stand: the shell's and the page's, with what they import."""
    manifest = json.loads((STATIC / "manifest.json").read_text(encoding="utf-8"))
    found: set[str] = set()
    waiting = ["index.html", f"src/pages/{page}.vue"]
    while waiting:
        entry = manifest[waiting.pop()]
        if entry["file"] not in found:
            found.add(entry["file"])
            waiting += entry.get("imports", [])
    return found


def test_the_first_page_is_small() -> None:
    scripts = scripts_of("Home")
    assert len(scripts) >= 3
    size = sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in scripts)
    assert size <= FIRST_PAGE_BYTES, f"{size} bytes in {sorted(scripts)}"


def test_the_shell_page_names_only_files_that_are_there() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert any(name.endswith(".js") for name in named)
    for name in named:
        assert name.startswith("/") and not name.startswith("//")
        assert (STATIC / name.lstrip("/")).is_file(), name
    assert "<script>" not in page and "style=" not in page, "the Content-Security-Policy allows neither"


def test_no_other_server_is_named() -> None:
    found = {
        address
        for name, content in contents(STATIC).items()
        for address in re.findall(r"(?:https?|wss?)://[\w./?=#%-]+", content.decode("utf-8", "replace"))
        if not name.endswith(".svg")
    }
    assert found <= NAMES


def test_file_names_change_with_their_content() -> None:
    names = [path.name for path in (STATIC / "assets").iterdir()]
    assert names and all(re.search(r"-[\w-]{8}\.(js|css)$", name) for name in names)


def test_the_locked_packages_are_exact_and_name_no_address() -> None:
    lock = json.loads((FRONTEND / "package-lock.json").read_text(encoding="utf-8"))
    locked = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(locked) > 20
    for name, entry in locked.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name
    package = json.loads((FRONTEND / "package.json").read_text(encoding="utf-8"))
    for versions in (package["dependencies"], package["devDependencies"]):
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values()), versions


def test_no_template_has_an_inline_style() -> None:
    for path in (FRONTEND / "src").rglob("*.vue"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=\"", text), path
        assert "v-html" not in text, path


def test_the_table_of_pages_has_each_page_once_and_its_name_in_every_language_of_a_menu() -> None:
    table = json.loads((FRONTEND.parent / "pages.json").read_text(encoding="utf-8"))
    files = {
        str(path.relative_to(FRONTEND / "src/pages").with_suffix("")) for path in FRONTEND.glob("src/pages/**/*.vue")
    }
    assert sorted(page["file"] for page in table) == sorted(files - {"NotFound"})
    assert len({page["path"] for page in table}) == len(table)
    assert all(("menu" in page) == bool(page.get("en")) == bool(page.get("zh")) for page in table)


def test_the_launch_page_sets_of_a_recipe_what_the_server_lets_it() -> None:
    pytest.importorskip("flask")
    from fedsky.web.jobs.form import WITH_RECIPE

    source = (FRONTEND / "src" / "launch.ts").read_text(encoding="utf-8")
    listed = re.search(r"WITH_RECIPE = \[([^\]]*)\]", source)
    assert listed is not None
    assert set(re.findall(r"'(\w+)'", listed[1])) == WITH_RECIPE


def test_the_launch_page_says_all_of_its_form_in_chinese_too() -> None:
    pytest.importorskip("flask")
    from fedsky.web.jobs.form import make_form

    source = (FRONTEND / "src" / "locale" / "launch.zh.ts").read_text(encoding="utf-8")
    said = {
        name: {quoted or plain for quoted, plain in re.findall(r"^  (?:'([\w. ]+)'|(\w+)):", block, re.MULTILINE)}
        for name, block in re.findall(r"export const (\w+)[^{]*\{(.*?)\}\n", source + "\n", re.DOTALL)
    }
    said["UNITS"] = set(re.findall(r"(\w+): '", re.search(r"UNITS[^{]*\{(.*?)\}", source)[1]))  # type: ignore[index]
    form = make_form({})
    assert said["HELP"] == {field.name for field in form.fields if field.help}
    assert said["LABELS"] == {field.label for field in form.fields if field.when and field.when[0] == "clients"}
    assert said["UNITS"] == {field.unit for field in form.fields if field.unit}
    for recipe in form.recipes:  # which say it themselves
        assert set(recipe.head["zh"]) == set(recipe.head["en"]) >= {"title", "result"}, recipe.id


def test_the_audit_log_is_told_in_chinese_too() -> None:
    """What is recorded, and the names of what is recorded with it; a decision on an offer is put together."""
    source = (FRONTEND / "src" / "locale" / "audit.zh.ts").read_text(encoding="utf-8")
    said = {quoted or plain for quoted, plain in re.findall(r"^  (?:'([^']+)'|(\w+)):", source, re.MULTILINE)}
    recorded = {"offer.accept", "offer.reject"}
    for path in FRONTEND.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record":
                recorded |= {str(node.args[2].value)} if isinstance(node.args[2], ast.Constant) else set()
                recorded |= {str(each.arg) for each in node.keywords}
    assert len(recorded) > 20
    assert recorded <= said
