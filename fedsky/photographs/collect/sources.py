"""Searches in open collections, by their documented interfaces.

Openverse API, https://api.openverse.org/v1/; MediaWiki Action API, https://www.mediawiki.org/wiki/API:Imageinfo;
Flickr API, https://www.flickr.com/services/api/flickr.photos.search.html.
"""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from fedsky.photographs.collect.fetch import Refusal, Web
from fedsky.photographs.collect.licences import PERMITTED, full_name, kind_of


@dataclass(frozen=True)
class Candidate:
    """A picture that could be kept. ``kind`` is its licence's, None if that is not known; sizes in pixels."""

    source: str
    id: str
    url: str
    page: str = ""
    author: str = ""
    kind: str | None = None
    licence: str = ""
    licence_url: str = ""
    title: str = ""
    width: int | None = None
    height: int | None = None


class SearchError(Exception):
    """A collection cannot be searched, or not further; one line."""


class Source(Protocol):
    """Where pictures come from."""

    name: ClassVar[str]
    query: str

    def candidates(self, web: Web) -> Iterator[Candidate]:
        """Pictures in the collection's own order, asked for page by page; SearchError if it cannot be searched."""
        ...


class Search:
    """What the three collections have in common: a query, licences, and a base address that tests replace."""

    name: ClassVar[str]
    home: ClassVar[str]

    def __init__(self, query: str, licences: frozenset[str] = PERMITTED, base: str | None = None) -> None:
        if not query.strip():
            raise ValueError(f"{self.name} needs to know what to search for: add --query WORDS")
        self.query = " ".join(query.split())
        self.licences = licences
        self.base = (base or self.home).rstrip("/")

    def _ask(self, web: Web, path: str, params: Mapping[str, str | int]) -> dict[str, Any]:
        try:
            answer = web.json(self.base + path, params)
        except Refusal as refusal:
            hint = {"HTTP 401": " (not allowed)", "HTTP 403": " (forbidden: it may want a --contact)"}.get(
                refusal.reason, ""
            )
            raise SearchError(f"{self.name} cannot be searched: {refusal}{hint}") from refusal
        if not isinstance(answer, dict):
            raise SearchError(f"{self.name} answers in a form that it does not document")
        return answer


class Openverse(Search):
    """Openverse. Without a key of one's own it gives 20 pictures a page, 20 pages a minute and 200 a day."""

    name = "openverse"
    home = "https://api.openverse.org"
    page_size = 20

    def candidates(self, web: Web) -> Iterator[Candidate]:
        page, last = 1, 1
        while page <= last:
            answer = self._ask(
                web,
                "/v1/images/",
                {
                    "q": self.query,
                    "license": ",".join(sorted(self.licences)),
                    "page": page,
                    "page_size": self.page_size,
                },
            )
            for item in _items(answer.get("results")):
                address = _text(item.get("license_url"))
                kind = kind_of(address, _text(item.get("license")))
                yield Candidate(
                    self.name,
                    _text(item.get("id")),
                    _text(item.get("url")),
                    _text(item.get("foreign_landing_url")),
                    _text(item.get("creator")),
                    kind,
                    full_name(kind, address, _text(item.get("license_version"))) if kind else "",
                    address,
                    _text(item.get("title")),
                    _whole(item.get("width")),
                    _whole(item.get("height")),
                )
            last = _whole(answer.get("page_count")) or 0
            page += 1


class Commons(Search):
    """Wikimedia Commons. Pictures come as its copies of 1280 pixels across, a size that it keeps ready."""

    name = "commons"
    home = "https://commons.wikimedia.org"
    page_size = 50  # the most of which it makes copies in one answer
    width = 1280

    def candidates(self, web: Web) -> Iterator[Candidate]:
        question: dict[str, str | int] = {
            "action": "query",
            "format": "json",
            "formatversion": 2,
            "generator": "search",
            "gsrnamespace": 6,
            "gsrsearch": f"filetype:bitmap {self.query}",
            "gsrlimit": self.page_size,
            "prop": "imageinfo",
            "iiprop": "url|size|mime|extmetadata|user",
            "iiurlwidth": self.width,
            "iiextmetadatafilter": "License|LicenseShortName|LicenseUrl|Artist",
        }
        more: dict[str, str | int] = {}
        while True:
            answer = self._ask(web, "/w/api.php", question | more)
            if isinstance(error := answer.get("error"), dict):
                raise SearchError(f"commons cannot be searched: {_text(error.get('info')) or _text(error.get('code'))}")
            query = answer.get("query")
            pages = _items(query.get("pages")) if isinstance(query, dict) else []
            for page in sorted(pages, key=lambda page: _whole(page.get("index")) or 0):
                for info in _items(page.get("imageinfo"))[:1]:
                    yield self._candidate(page, info)
            follow = answer.get("continue")
            following = (
                {str(k): v for k, v in follow.items() if isinstance(v, str | int)} if isinstance(follow, dict) else {}
            )
            if not following or following == more:
                return
            more = following

    def _candidate(self, page: dict[str, Any], info: dict[str, Any]) -> Candidate:
        told = info.get("extmetadata")
        facts = {
            key: _plain(value["value"])
            for key, value in (told.items() if isinstance(told, dict) else ())
            if isinstance(value, dict) and isinstance(value.get("value"), str)
        }
        address = facts.get("LicenseUrl", "")
        short = facts.get("LicenseShortName", "") or facts.get("License", "")
        copy = "thumb" if _text(info.get("thumburl")) else ""
        return Candidate(
            self.name,
            _text(page.get("pageid")),
            _text(info.get(f"{copy}url")),
            _text(info.get("descriptionurl")),
            facts.get("Artist", "") or _text(info.get("user")),
            kind_of(address, short),
            short,
            address,
            _text(page.get("title")).removeprefix("File:"),
            _whole(info.get(f"{copy}width")),
            _whole(info.get(f"{copy}height")),
        )


class Flickr(Search):
    """Flickr, with a key of one's own. It gives the first 4000 pictures of a search."""

    name = "flickr"
    home = "https://api.flickr.com"
    page_size = 100
    most = 4000

    def __init__(
        self, query: str, licences: frozenset[str] = PERMITTED, base: str | None = None, key: str | None = None
    ) -> None:
        super().__init__(query, licences, base)
        if not key or not key.strip():
            raise ValueError("flickr needs a key of your own: set the environment variable FLICKR_API_KEY")
        self.key = key.strip()

    def candidates(self, web: Web) -> Iterator[Candidate]:
        # Numbers of licences are Flickr's own and have grown over the years: it is asked for them.
        known = self._call(web, "flickr.photos.licenses.getInfo", {}).get("licenses")
        addresses = {_text(one.get("id")): _text(one.get("url")) for one in _items(_under(known, "license"))}
        kinds = {number: kind for number, url in addresses.items() if (kind := kind_of(url)) in self.licences}
        if not kinds:
            raise SearchError("flickr names no licence that permits the use")
        page, last = 1, 1
        while page <= min(last, self.most // self.page_size):
            photos = self._call(
                web,
                "flickr.photos.search",
                {
                    "text": self.query,
                    "license": ",".join(sorted(kinds)),
                    "media": "photos",
                    "safe_search": 1,
                    "content_type": 1,
                    "sort": "relevance",
                    "extras": "url_l,url_o,owner_name,license",
                    "per_page": self.page_size,
                    "page": page,
                },
            ).get("photos")
            for item in _items(_under(photos, "photo")):
                number = _text(item.get("license"))
                kind, address = kinds.get(number), addresses.get(number, "")
                size = "l" if _text(item.get("url_l")) else "o"
                yield Candidate(
                    self.name,
                    _text(item.get("id")),
                    _text(item.get(f"url_{size}")),
                    f"https://www.flickr.com/photos/{_text(item.get('owner'))}/{_text(item.get('id'))}",
                    _text(item.get("ownername")) or _text(item.get("owner")),
                    kind,
                    full_name(kind, address) if kind else "",
                    address,
                    _text(item.get("title")),
                    _whole(item.get(f"width_{size}")),
                    _whole(item.get(f"height_{size}")),
                )
            last = _whole(_under(photos, "pages")) or 0
            page += 1

    def _call(self, web: Web, method: str, params: Mapping[str, str | int]) -> dict[str, Any]:
        answer = self._ask(
            web,
            "/services/rest/",
            {"method": method, "api_key": self.key, "format": "json", "nojsoncallback": 1, **params},
        )
        if answer.get("stat") != "ok":
            told = _text(answer.get("message")).replace(self.key, "...") or "it does not say why"
            hint = ": is FLICKR_API_KEY right?" if _text(answer.get("code")) == "100" else ""
            raise SearchError(f"flickr refuses the search ({told}){hint}")
        return answer


def _under(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _whole(value: Any) -> int | None:
    text = _text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _plain(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", " ", text)).split())
