"""Which licences there are, and which of them permit the use."""

import re
from collections.abc import Iterable

# kind: its name before the version. The kinds and their addresses are Creative Commons' own.
KINDS = {
    "cc0": "CC0",
    "pdm": "PDM",
    "by": "CC BY",
    "by-sa": "CC BY-SA",
    "by-nc": "CC BY-NC",
    "by-nd": "CC BY-ND",
    "by-nc-sa": "CC BY-NC-SA",
    "by-nc-nd": "CC BY-NC-ND",
}
# Training crops, resizes and distorts the pictures, and what is published of it (contact sheets, pages, models) may
# end up in a commercial place. So what is taken must permit both changed copies and commercial use: no rights
# reserved (CC0, the public domain mark), or attribution (the manifest holds author and page), also share-alike. The
# kinds with NC or ND do not permit that, and are taken only if they are asked for by name.
PERMITTED = frozenset({"cc0", "pdm", "by", "by-sa"})

_ADDRESS = re.compile(r"https?://(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z0-9-]+)(?:/([0-9.]+))?")
_NAME = re.compile(
    r"(?:cc[ -]?)?(by(?:-(?:nc|nd|sa))*|cc0|cc-zero|pdm|pd|public domain)"
    r"(?:[ -]?[0-9][0-9.]*(?:[ -][a-z-]{2,13})?)?"  # version and jurisdiction
)


def parse_kinds(names: Iterable[str]) -> frozenset[str]:
    """The kinds that are named, such as ``by-nc``; all that are permitted if none is."""
    found = frozenset(name.strip().lower() for name in names)
    if unknown := sorted(found - set(KINDS)):
        raise ValueError(f"unknown --license {unknown[0]}; choose among {', '.join(KINDS)}")
    return found or PERMITTED


def kind_of(address: str = "", name: str = "") -> str | None:
    """The kind of a licence by its address at Creative Commons, or by its short name; None if they do not agree."""
    named = None
    if match := _NAME.fullmatch(" ".join(name.lower().split())):
        named = {"cc-zero": "cc0", "pd": "pdm", "public domain": "pdm"}.get(match[1], match[1])
    if match := _ADDRESS.match(address.strip().lower()):
        place, code = match[1], match[2]
        kind = {"zero": "cc0", "mark": "pdm"}.get(code) if place == "publicdomain" else code
        if named is not None and kind != named:
            return None
        return kind if kind in KINDS else None
    return named if named in KINDS else None


def full_name(kind: str, address: str = "", version: str = "") -> str:
    """A licence as it is cited, such as ``CC BY-SA 4.0``."""
    match = _ADDRESS.match(address.strip().lower())
    return f"{KINDS[kind]} {version or (match and match[3]) or ''}".strip()
