"""What is asked of each collection, and what is read from answers of its documented form."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from local_web import LocalWeb, says

from fedsky.photographs.collect import PERMITTED, Candidate, Commons, Flickr, Openverse, SearchError, Urls, Web

BY = "https://creativecommons.org/licenses/by/2.0/"


def openverse(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-{number}", "title": f"Sky {number}", "url": f"https://live.example.org/{number}.jpg",
        "foreign_landing_url": f"https://www.example.org/photos/{number}", "creator": "Ada", "license": "by",
        "license_version": "2.0", "license_url": BY, "filetype": "jpg", "width": 1024, "height": 683, **more,
    }  # fmt: skip


def test_openverse_page_by_page(site: LocalWeb, web: Web) -> None:
    def page(*items: Any) -> dict[str, Any]:
        return {"result_count": 3, "page_count": 2, "page_size": 20, "page": 1, "results": list(items)}

    site.put(
        "/v1/images/", says(page(openverse(1), openverse(2))), says(page(openverse(3, license="by-nc", title=None)))
    )
    found = list(Openverse("clear  blue sky", base=site.base).candidates(web))
    assert [asked["page"] for _, asked in site.asked] == ["1", "2"]
    assert site.asked[0][1] == {"q": "clear blue sky", "license": "by,by-sa,cc0,pdm", "page": "1", "page_size": "20"}
    assert found[0] == Candidate(
        "openverse", "id-1", "https://live.example.org/1.jpg", "https://www.example.org/photos/1", "Ada", "by",
        "CC BY 2.0", BY, "Sky 1", 1024, 683,
    )  # fmt: skip
    assert (found[2].kind, found[2].title) == (None, ""), "a kind that its own address does not bear out"


def test_openverse_is_asked_for_no_page_before_it_is_needed(site: LocalWeb, web: Web) -> None:
    site.put("/v1/images/", says({"page_count": 12, "results": [openverse(1), openverse(2)]}))
    candidates = Openverse("sky", base=site.base).candidates(web)
    next(candidates), next(candidates)
    assert len(site.asked) == 1


def commons(
    number: int,
    licence: str = "CC BY-SA 4.0",
    address: str = "https://creativecommons.org/licenses/by-sa/4.0",
    **more: Any,
) -> dict[str, Any]:
    upload = "https://upload.example.org/commons"
    return {
        "pageid": number, "ns": 6, "title": f"File:Himmel über {number}.jpg", "index": number,
        "imageinfo": [{
            "user": "Uploader", "size": 4000000, "width": 4000, "height": 3000, "mime": "image/jpeg",
            "thumburl": f"{upload}/thumb/{number}.jpg/1280px-{number}.jpg", "thumbwidth": 1280, "thumbheight": 960,
            "url": f"{upload}/{number}.jpg", "descriptionurl": f"https://commons.example.org/wiki/File:{number}.jpg",
            "extmetadata": {
                "Artist": {"value": '<a href="//commons.example.org/wiki/User:Zo%C3%AB">Zoë &amp; Co</a>'},
                "LicenseShortName": {"value": licence, "source": "commons-desc-page", "hidden": ""},
                "LicenseUrl": {"value": address},
            },
        }], **more,
    }  # fmt: skip


def test_commons_goes_on_where_the_answer_says(site: LocalWeb, web: Web) -> None:
    site.put(
        "/w/api.php",
        says(
            {
                "batchcomplete": True,
                "continue": {"gsroffset": 50, "continue": "gsroffset||"},
                "query": {"pages": [commons(2), commons(1), {"pageid": 9, "title": "File:no info.jpg", "index": 3}]},
            }
        ),
        says({"batchcomplete": True, "query": {"pages": [commons(3, "Public domain", ""), commons(4, "GFDL", "")]}}),
    )
    found = list(Commons("blue sky", base=site.base).candidates(web))
    first, second = (asked for _, asked in site.asked)
    assert first["gsrsearch"] == "filetype:bitmap blue sky" and "gsroffset" not in first
    assert (second["gsroffset"], second["continue"]) == ("50", "gsroffset||")
    assert [c.id for c in found] == ["1", "2", "3", "4"], "in the order of relevance"
    assert [c.kind for c in found] == ["by-sa", "by-sa", "pdm", None]
    assert found[0].author == "Zoë & Co" and found[0].title == "Himmel über 1.jpg"
    assert found[0].url.endswith("1280px-1.jpg") and (found[0].width, found[0].height) == (1280, 960)


def test_commons_tells_its_own_errors(site: LocalWeb, web: Web) -> None:
    site.put("/w/api.php", says({"error": {"code": "ratelimited", "info": "You've exceeded your rate limit."}}))
    with pytest.raises(SearchError, match="exceeded your rate limit"):
        list(Commons("sky", base=site.base).candidates(web))


LICENCES = {"stat": "ok", "licenses": {"license": [
    {"id": 0, "name": "All Rights Reserved", "url": ""},
    {"id": 2, "name": "Attribution-NonCommercial License", "url": "https://creativecommons.org/licenses/by-nc/2.0/"},
    {"id": 4, "name": "Attribution License", "url": BY},
    {"id": "9", "name": "Public Domain Dedication (CC0)", "url": "https://creativecommons.org/publicdomain/zero/1.0/"},
]}}  # fmt: skip


def flickr(number: int, licence: str, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "owner": "77@N00", "secret": "s", "title": "sky", "ownername": "Lin",
            "license": licence, "url_l": f"https://live.example.org/{number}_b.jpg", "width_l": "1024",
            "height_l": 683, **more}  # fmt: skip


def test_flickr_names_its_licences_first(site: LocalWeb, web: Web) -> None:
    def photos(page: int, *items: Any) -> dict[str, Any]:
        return {"photos": {"page": page, "pages": 2, "perpage": 100, "total": 3, "photo": list(items)}, "stat": "ok"}

    original = {"url_l": None, "url_o": "https://live.example.org/3_o.png", "width_o": 90, "height_o": 80}
    site.put(
        "/services/rest/",
        says(LICENCES),
        says(photos(1, flickr(1, "4"), flickr(2, "2"))),
        says(photos(2, flickr(3, "9", **original))),
    )
    found = list(Flickr("blue sky", base=site.base, key="k3y").candidates(web))
    assert [asked["method"] for _, asked in site.asked] == ["flickr.photos.licenses.getInfo"] + [
        "flickr.photos.search"
    ] * 2
    asked = site.asked[1][1]
    assert (asked["api_key"], asked["text"], asked["license"], asked["nojsoncallback"]) == (
        "k3y",
        "blue sky",
        "4,9",
        "1",
    )
    assert [c.licence for c in found] == ["CC BY 2.0", "", "CC0 1.0"]
    assert found[0].page == "https://www.flickr.com/photos/77@N00/1" and (found[0].width, found[0].height) == (
        1024,
        683,
    )
    assert found[2].url.endswith("3_o.png") and found[2].width == 90


def test_flickr_refusals_do_not_tell_the_key(site: LocalWeb, web: Web) -> None:
    fail = {"stat": "fail", "code": 100, "message": "Invalid API Key k3y (Key has invalid format)"}
    site.put("/services/rest/", says(fail))
    with pytest.raises(SearchError, match="is FLICKR_API_KEY right") as raised:
        list(Flickr("sky", base=site.base, key="k3y").candidates(web))
    assert "k3y" not in str(raised.value)
    with pytest.raises(ValueError, match="set the environment variable FLICKR_API_KEY"):
        Flickr("sky", key=" ")


@pytest.mark.parametrize(
    "body",
    [
        "<html>maintenance</html>",
        "[]",
        "null",
        "[" * 100000,
        '{"stat": "ok"}',
        '{"results": 7, "query": [], "photos": 3}',
        '{"results": [null, 5, {}], "query": {"pages": [{"imageinfo": [{"extmetadata": []}]}]}, "stat": "ok",'
        ' "licenses": {"license": [{"id": {}, "url": 5}]}, "page_count": "many"}',
    ],
)
@pytest.mark.parametrize("kind", [Openverse, Commons, Flickr])
def test_answers_of_another_form_are_no_accident(site: LocalWeb, web: Web, kind: type, body: str) -> None:
    for path in ("/v1/images/", "/w/api.php", "/services/rest/"):
        site.put(path, says(body))
    source = Flickr("sky", base=site.base, key="k") if kind is Flickr else kind("sky", base=site.base)
    with suppress(SearchError):
        assert not [candidate.url for candidate in source.candidates(web) if candidate.url]


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_a_search_that_is_not_answered_says_so(site: LocalWeb, web: Web, status: int) -> None:
    site.put("/v1/images/", says({"detail": "no"}, status))
    with pytest.raises(SearchError, match=f"openverse cannot be searched: .* answers {status}"):
        list(Openverse("sky", base=site.base).candidates(web))


def test_a_search_needs_words() -> None:
    for kind in (Openverse, Commons):
        with pytest.raises(ValueError, match="add --query"):
            kind("  ")


def test_urls_of_a_list_and_of_a_manifest(tmp_path: Path, web: Web) -> None:
    plain = tmp_path / "list.txt"
    plain.write_text(
        "\ufeffhttps://a.example/1.jpg\n\n# a remark\n https://a.example/2.jpg \nhttps://a.example/1.jpg\n"
    )
    found = list(Urls(plain).candidates(web))
    assert [c.url for c in found] == ["https://a.example/1.jpg", "https://a.example/2.jpg"]
    assert Urls(plain).query == "list.txt"
    table = tmp_path / "manifest.csv"
    table.write_text(
        f'file,url,licence,licence_url,author,title\nx,https://a.example/1.jpg,CC BY 2.0,{BY},Ada,"a, b"\n'
        "y,https://a.example/2.jpg,CC BY-NC 4.0,,,\nz\n"
    )
    one, two, three = Urls(table).candidates(web)
    assert (one.kind, one.author, one.title) == ("by", "Ada", "a, b")
    assert two.kind not in PERMITTED and three.url == ""


def test_lists_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty").write_text("# nothing\n")
    for name, why in [
        ("missing", "cannot be read"),
        ("binary", "UTF-8"),
        ("empty", "is empty"),
        ("", "cannot be read"),
    ]:
        with pytest.raises(ValueError, match=why):
            Urls(tmp_path / name)
