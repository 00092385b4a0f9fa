"""Downloads: patience, politeness, and bounds."""

import itertools
import socket
import time as real_time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest
from local_web import LocalWeb, Time, says

from fedsky import __version__
from fedsky.photographs.collect.fetch import Refusal, Web


def refusal(web: Web, url: str, max_bytes: int = 1000) -> Refusal:
    with pytest.raises(Refusal) as raised:
        web.get(url, max_bytes=max_bytes)
    assert "\n" not in str(raised.value)
    return raised.value


def test_bytes_come_as_they_are_and_the_agent_is_named(site: LocalWeb, web: Web) -> None:
    assert web.get(site.put("/a", says(b"\x00sky"))) == b"\x00sky"
    assert {agent.split(" ")[0] for agent in site.agents} == {f"fedsky/{__version__}"}


def test_a_contact_is_told_and_a_forged_header_refused(site: LocalWeb) -> None:
    with Web(contact="https://example.org/skies") as web:
        web.get(site.put("/a", says(b"")))
    assert "(https://example.org/skies)" in site.agents.pop()
    with pytest.raises(ValueError, match="--contact"):
        Web(contact="a\r\nX-Evil: 1")


def test_one_host_is_asked_once_a_second(site: LocalWeb, web: Web, time: Time) -> None:
    for _ in range(3):
        web.get(site.put("/a", says(b"")))
    assert time.waits == [1.0, 1.0]


def test_a_server_that_fails_twice_is_asked_again_after_growing_pauses(site: LocalWeb, web: Web, time: Time) -> None:
    url = site.put("/a", says("", 500), says("", 503), says(b"here"))
    assert web.get(url) == b"here"
    assert time.waits == [1.0, 2.0]


def test_a_server_that_always_fails_is_left_alone_in_the_end(site: LocalWeb, web: Web, time: Time) -> None:
    url = site.put("/a", says("", 502))
    for _ in range(3):
        assert refusal(web, url).unreachable
    assert len(site.asked) == 15  # three times one question and four repeats
    assert "has not answered 3 times on end" in str(refusal(web, url))
    assert len(site.asked) == 15


@pytest.mark.parametrize("header", ["7", "date", "soon"])
def test_retry_after_is_obeyed(site: LocalWeb, web: Web, time: Time, header: str) -> None:
    value = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True) if header == "date" else header
    assert web.get(site.put("/a", says("", 429, Retry_After=value), says(b"here"))) == b"here"
    low, high = {"7": (7, 7), "date": (45, 50), "soon": (1, 1)}[header]
    assert len(time.waits) == 1 and low <= time.waits[0] <= high


def test_a_host_that_wants_an_hour_is_not_asked_again(site: LocalWeb, web: Web, time: Time) -> None:
    url = site.put("/a", says("", 429, Retry_After="3600"), says(b"here"))
    assert "asks for a pause of 3600 seconds" in str(refusal(web, url))
    assert refusal(web, url).unreachable
    assert len(site.asked) == 1 and time.waits == []


def test_what_is_not_there_is_not_asked_again(site: LocalWeb, web: Web) -> None:
    assert refusal(web, site.base + "/none").reason == "HTTP 404"
    assert len(site.asked) == 1


def test_a_few_redirects_are_followed_and_a_loop_ends(site: LocalWeb, web: Web) -> None:
    site.put("/b", says(b"here"))
    assert web.get(site.put("/a", says("", 302, Location="/b"))) == b"here"
    site.asked.clear()
    assert refusal(web, site.put("/loop", says("", 301, Location="/loop"))).reason == "too many redirects"
    assert len(site.asked) == 6
    assert refusal(web, site.put("/nowhere", says("", 302))).reason == "HTTP 302"


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/a", "data:image/png;base64,AA"])
def test_only_web_addresses_are_followed(site: LocalWeb, web: Web, target: str) -> None:
    assert refusal(web, site.put("/a", says("", 302, Location=target))).reason == "no web address"
    assert refusal(web, target).reason == "no web address"


@pytest.mark.parametrize("target", ["", "sky.jpg", "http://", "\ud800", "http://" + "a" * 70000])
def test_what_is_no_address_is_refused(web: Web, target: str) -> None:
    assert refusal(web, target).reason == "no web address"


@pytest.mark.parametrize("target", ["http://[", "http://127.0.0.1:99999999/", "http://..", "http://a b/"])
def test_what_is_hardly_an_address_is_not_reached(web: Web, target: str) -> None:
    assert refusal(web, target).reason in ("no web address", "unreachable")


def test_an_endless_body_is_cut_off(site: LocalWeb, web: Web) -> None:
    sent = itertools.count()

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in sent:
            handler.wfile.write(bytes(10000))

    assert refusal(web, site.put("/a", endless), 50000).reason == "too many bytes"
    assert next(sent) < 5000


def test_a_body_that_drips_is_given_up(site: LocalWeb) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b".")
            handler.wfile.flush()
            real_time.sleep(0.02)

    with Web(max_seconds=0.2) as web:
        assert refusal(web, site.put("/a", drip), 10**6).reason == "too slow"


def test_silence_and_a_broken_connection_are_tried_again(site: LocalWeb, time: Time) -> None:
    def silent(handler: BaseHTTPRequestHandler) -> None:
        real_time.sleep(0.5)

    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    with Web(timeout=0.2, wait=time.wait, clock=time.clock) as web:
        assert web.get(site.put("/a", silent, half, says(b"whole"))) == b"whole"
    assert len(site.asked) == 3


def test_a_host_that_is_not_there(web: Web) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a?api_key=secret"
    told = refusal(web, url)
    assert told.unreachable and "cannot be reached" in str(told) and "secret" not in str(told)


def test_packed_bodies_are_not_unpacked(site: LocalWeb, web: Web) -> None:
    assert refusal(web, site.put("/a", says(b"x", Content_Encoding="gzip"))).reason == "packed"
    assert web.get(site.put("/b", says(b"x", Content_Encoding="identity"))) == b"x"
