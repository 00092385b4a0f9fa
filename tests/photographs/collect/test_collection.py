"""Whole collections, from a lying server, interrupted and resumed; and the command line."""

import os
import random
import signal
import subprocess
import sys
import time as real_time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from local_web import LocalWeb, Time, bomb, picture, says
from offers import assert_whole, item, offer, rows
from typer.testing import CliRunner

from fedsky.photographs.__main__ import app
from fedsky.photographs.collect import Openverse, Urls, Web, collect
from fedsky.photographs.collect.keep import inspect


def test_a_lying_server(site: LocalWeb, web: Web, tmp_path: Path) -> None:
    picture_answers: list[tuple[str, Any]] = [
        ("/good.jpg", says(picture(1), Content_Type="text/plain")),
        ("/html.jpg", says(b"<html>", Content_Type="image/jpeg")),
        ("/cut.jpg", says(picture(2, (400, 300))[:-200])),
        ("/bomb.png", says(bomb(), Content_Type="image/jpeg")),
        ("/same.jpg", says(picture(1))),
        ("/late.jpg", says(picture(3, format="WEBP"))),
        ("/file.jpg", says("", 302, Location="file:///etc/hostname")),
        ("/loop.jpg", says("", 302, Location="/loop.jpg")),
    ]
    for path, answer in picture_answers:
        site.put(path, answer)
    items = [item(site, number, path) for number, (path, _) in enumerate(picture_answers)]
    items += [
        item(site, 20, license="by-nc", license_url="https://creativecommons.org/licenses/by-nc/4.0/"),
        item(site, 21, license="by-nc"),
        item(site, 22, url=""),
        item(site, 23, width=50, height=900),
    ]
    outcome = collect(offer(site, *items), "sunny", tmp_path, 50, web)
    assert outcome.kept == 2 and not outcome.problem
    assert dict(outcome.refused) == {
        "no JPEG, PNG or WebP": 1,
        "broken": 1,
        "too many pixels": 1,
        "duplicate": 1,
        "no web address": 2,
        "too many redirects": 1,
        "licence": 2,
        "too small": 1,
    }
    assert str(outcome).startswith(f"kept 2 in {tmp_path / 'sunny'}, refused 10: ")
    assert not site.paths("/2"), "what is refused by its licence or size is not downloaded"
    assert [Path(row["file"]).suffix for row in rows(tmp_path)] == [".jpg", ".webp"]
    assert_whole(tmp_path)


def test_a_licence_that_is_asked_for(site: LocalWeb, web: Web, tmp_path: Path) -> None:
    nc = "https://creativecommons.org/licenses/by-nc/4.0/"
    source = offer(site, item(site, 1, "/a", license="by-nc", license_url=nc), item(site, 2, "/b"))
    site.put("/a", says(picture(1)))
    assert collect(source, "sunny", tmp_path, 5, web, frozenset({"by-nc"})).kept == 1
    assert rows(tmp_path)[0]["licence"] == "CC BY-NC 4.0"


def test_the_limit_and_the_second_start(site: LocalWeb, web: Web, tmp_path: Path) -> None:
    source = offer(site, *(item(site, number) for number in range(5)))
    for number in range(5):
        site.put(f"/{number}.jpg", says(picture(number)))
    assert collect(source, "sunny", tmp_path, 2, web).kept == 2
    assert collect(source, "sunny", tmp_path, 2, web).kept == 0
    assert len(site.paths("/v1")) == 1, "where enough is there nothing is asked"
    more = collect(source, "sunny", tmp_path, 4, web)
    assert (more.present, more.known, more.kept, len(site.asked)) == (2, 2, 2, 6)
    other = collect(source, "cloudy", tmp_path, 4, web)
    assert (other.kept, dict(other.refused)) == (1, {"kept under sunny": 4})


def test_what_a_person_removed_does_not_come_back(site: LocalWeb, web: Web, tmp_path: Path) -> None:
    source = offer(site, *(item(site, number) for number in range(3)))
    for number in range(3):
        site.put(f"/{number}.jpg", says(picture(number)))
    collect(source, "sunny", tmp_path, 2, web)
    (tmp_path / rows(tmp_path)[0]["file"]).unlink()
    again = collect(source, "sunny", tmp_path, 2, web)
    assert (again.present, again.known, again.kept) == (1, 2, 1)
    assert [row["id"] for row in rows(tmp_path)] == ["id-0", "id-1", "id-2"]


def test_a_search_that_breaks_off_keeps_what_there_is(site: LocalWeb, web: Web, tmp_path: Path) -> None:
    site.put("/v1/images/", says({"page_count": 2, "results": [item(site, 1)]}), says("", 500))
    site.put("/1.jpg", says(picture()))
    outcome = collect(Openverse("sky", base=site.base), "sunny", tmp_path, 5, web)
    assert outcome.kept == 1 and "openverse cannot be searched" in outcome.problem
    assert_whole(tmp_path)


def test_pictures_that_nobody_serves_end_the_search(site: LocalWeb, time: Time, tmp_path: Path) -> None:
    items = [item(site, number, url=f"http://127.0.0.1:9/{number}.jpg") for number in range(20)]
    with Web(wait=time.wait, clock=time.clock, retries=1) as web:
        outcome = collect(offer(site, *items), "sunny", tmp_path / "new", 5, web)
    assert outcome.refused == {"unreachable": 10} and "could not be reached" in outcome.problem
    assert not (tmp_path / "new").exists()


def test_outcomes_that_have_failed(site: LocalWeb, web: Web, tmp_path: Path) -> None:
    assert "nothing was found" in collect(offer(site), "sunny", tmp_path, 5, web).problem
    (tmp_path / "list").write_text("http://127.0.0.1:9/a\n")
    assert "nothing could be reached" in collect(Urls(tmp_path / "list"), "sunny", tmp_path, 5, web).problem
    assert collect(offer(site, item(site, 1)), "sunny", tmp_path, 5, web).problem == "nothing was kept"
    for limit in (0, -1, 10**6):
        with pytest.raises(ValueError, match="--limit"):
            collect(offer(site), "sunny", tmp_path, limit, web)


CHILD = """
import sys
from pathlib import Path
from fedsky.photographs.collect import Openverse, Web, collect
with Web(interval=0.0) as web:
    print(collect(Openverse("sky", base=sys.argv[1]), "sunny", Path(sys.argv[2]), 30, web).kept)
"""


def test_killed_at_any_moment_and_started_again(site: LocalWeb, tmp_path: Path) -> None:
    source = offer(site, *(item(site, number) for number in range(30)))

    def slow(number: int) -> Any:
        content = picture(number, (300, 200))

        def answer(handler: BaseHTTPRequestHandler) -> None:
            real_time.sleep(0.01)
            says(content)(handler)

        return answer

    for number in range(30):
        site.put(f"/{number}.jpg", slow(number))
    chance, before = random.Random(0), 0
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", CHILD, site.base, str(tmp_path)], stdout=subprocess.DEVNULL)
        deadline = real_time.monotonic() + 60
        while len(site.paths("/v1")) == before and real_time.monotonic() < deadline:
            real_time.sleep(0.01)
        before = len(site.paths("/v1"))
        real_time.sleep(chance.uniform(0.0, 0.15))
        child.kill()
        child.wait()
        assert_whole(tmp_path)
    with Web(interval=0.0) as web:
        outcome = collect(source, "sunny", tmp_path, 30, web)
    assert outcome.present + outcome.kept == 30 and not outcome.refused and outcome.without_row == 0
    assert len(rows(tmp_path)) == 30
    assert_whole(tmp_path)


def command(*options: str, **environment: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["collect", *options], env=environment)
    return done.exit_code, done.stdout, done.stderr


def test_the_command(site: LocalWeb, tmp_path: Path) -> None:
    url = site.put("/a.png", says(picture(format="PNG")))
    (tmp_path / "list").write_text(f"{url}\n{url}?again\n{site.base}/none\n")
    out = tmp_path / "skies"
    code, told, _ = command("--label", "sunny", "--from", "urls", "--list", str(tmp_path / "list"), "--out", str(out))
    assert code == 0
    assert told.startswith(f"kept 1 in {out / 'sunny'}, refused 2: duplicate 1, HTTP 404 1; 1 without a licence named")
    assert told.count("\n") == 1
    assert rows(out)[0]["query"] == "list"
    assert inspect((out / rows(out)[0]["file"]).read_bytes()) == (".png", 80, 72)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--label", "a/b", "--query", "sky"], "--label 'a/b' is not a plain folder name"),
        (["--label", "sunny", "--query", "sky", "--limit", "0"], "--limit 0: a whole number of 1"),
        (["--label", "sunny"], "add --query WORDS"),
        (["--label", "sunny", "--query", "sky", "--license", "gpl"], "unknown --license gpl; choose among"),
        (["--label", "sunny", "--query", "sky", "--from", "flickr"], "FLICKR_API_KEY"),
        (["--label", "sunny", "--from", "urls"], "add --list FILE"),
        (["--label", "sunny", "--from", "urls", "--list", "/nowhere/x"], "cannot be read"),
        (["--label", "sunny", "--from", "commons", "--query", "sky", "--list", "x"], "is for --from urls alone"),
        (["--label", "sunny", "--query", "sky", "--contact", "é"], "--contact"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, options: list[str], line: str) -> None:
    code, told, error = command(*options, "--out", str(tmp_path / "new"), FLICKR_API_KEY="")
    assert (code, told) == (1, "") and line in error and error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_ctrl_c_ends_with_130_and_a_whole_manifest(site: LocalWeb, tmp_path: Path) -> None:
    hanging = []

    def hang(handler: BaseHTTPRequestHandler) -> None:
        hanging.append(True)
        real_time.sleep(5)

    urls = [site.put("/1.jpg", says(picture(1))), site.put("/2.jpg", hang)]
    (tmp_path / "list").write_text("\n".join(urls))
    options = ["--label", "sunny", "--from", "urls", "--list", str(tmp_path / "list"), "--out", str(tmp_path / "out")]
    child = subprocess.Popen(
        [sys.executable, "-m", "fedsky.data", "collect", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"NO_PROXY": "127.0.0.1"},
    )
    deadline = real_time.monotonic() + 60
    while not hanging and real_time.monotonic() < deadline:
        real_time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    told, error = child.communicate(timeout=30)
    assert (child.returncode, told) == (130, "")
    assert "kept 1 in" in error and "stopped by the user" in error and error.count("\n") == 1
    assert len(rows(tmp_path / "out")) == 1
    assert_whole(tmp_path / "out")
