"""The site in a real browser (Chromium, driven by playwright-core): whole ways through it, and every page looked at.

Each test is one program beside this file, run by Node against a site of its own on a free port. Pictures of what
failed, and of every page, are in the folder that FEDSKY_SCREENSHOTS names, if it does.
"""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from ports import free_port

from fedsky.deploy import federation

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
ADMIN = "rosa"
PASSWORD = "seven blue kites drift"
SKY = ROOT.parent / "shared" / "sky"


@pytest.fixture(scope="module")
def chromium() -> str:
    """The path of Chromium, where all that a browser test needs is there."""
    if shutil.which("node") is None:
        pytest.skip("Node is missing: the site was not tried in a browser")
    if not (ROOT / "fedsky" / "web" / "frontend" / "node_modules" / "playwright-core").is_dir():
        pytest.skip("the front end's packages are missing (npm ci in fedsky/web/frontend): the site was not tried")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium is missing: the site was not tried in a browser")
    return found


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/api/session", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def site(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running site with its worker, an administrator who has chosen a password, and the reference runs."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "outputs" / "reference", folder / "outputs" / "reference")
    federation.init(folder / "federation", ["A", "Bö"], "lab.example.org", free_port())  # which is not served
    options = ["--data", str(folder / "data"), "--outputs", str(folder / "outputs")]
    options += ["--federation", str(folder / "federation")]
    program = [sys.executable, "-m", "fedsky.web"]
    made = subprocess.run(
        [*program, *options[:2], "create-admin", ADMIN],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    one_time = next(line.split()[1] for line in made.stdout.splitlines() if line.startswith("Password:"))
    port = free_port()
    environment = {
        **os.environ,
        "SITE": f"http://127.0.0.1:{port}",
        "CHROMIUM": chromium,
        "ADMIN_NAME": ADMIN,
        "ADMIN_PASSWORD": PASSWORD,
        "PHOTO": str(photograph(folder)),
        "OUT": pictures(folder),
    }
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([*program, "--port", str(port), *options], cwd=ROOT, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 120
            while not answers(environment["SITE"]):
                assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.2)
            walk("first_login", {**environment, "ONE_TIME_PASSWORD": one_time})
            yield environment
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def photograph(folder: Path) -> Path:
    """A photograph of the sky, or where there is none a drawn one."""
    found = sorted(SKY.glob("*/*.jpg"))
    if found:
        return found[0]
    from fedsky.data.rendered import load

    drawn = folder / "sky.png"
    pixels = load(4, 128, cache=str(folder / "cache")).pixels[0].transpose(1, 2, 0)
    Image.fromarray(pixels).resize((640, 640)).save(drawn)
    return drawn


def pictures(folder: Path) -> str:
    out = Path(os.environ.get("FEDSKY_SCREENSHOTS", folder / "pictures")).resolve()
    out.mkdir(parents=True, exist_ok=True)
    return str(out)


def walk(name: str, environment: dict[str, str]) -> None:
    """Runs one program; what it says where it fails."""
    done = subprocess.run(
        ["node", str(HERE / f"{name}.mjs")], env=environment, capture_output=True, text=True, timeout=1500
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\npictures: {environment['OUT']}"


def test_from_registration_to_a_judged_and_accepted_photograph(site: dict[str, str]) -> None:
    walk("join_to_prediction", site)


def test_from_a_launch_to_its_live_curve_its_comparison_and_its_report(site: dict[str, str]) -> None:
    walk("launch_to_report", site)


def test_everything_by_keyboard(site: dict[str, str]) -> None:
    walk("keyboard", site)


def test_every_page_stands_fits_is_accessible_and_keeps_to_itself(site: dict[str, str]) -> None:
    walk("pages", site)
