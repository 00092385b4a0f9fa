"""What ``python -m fedsky.data collect`` does."""

import os
from collections.abc import Sequence
from pathlib import Path

from fedsky.machine.remedies import in_full
from fedsky.photographs.collect.bar import Bar
from fedsky.photographs.collect.collection import check_request, collect
from fedsky.photographs.collect.fetch import Web
from fedsky.photographs.collect.licences import parse_kinds
from fedsky.photographs.collect.sources import Commons, Flickr, Openverse, Source
from fedsky.photographs.collect.urls import Urls

# Seconds between two questions. Openverse takes 20 a minute from whoever has no key.
INTERVALS = {"api.openverse.org": 3.0}


def run(
    label: str,
    out: Path,
    place: str,
    query: str,
    limit: int,
    licences: Sequence[str],
    listed: Path | None,
    contact: str,
    owner: str = "",
) -> tuple[int, str]:
    """The exit status and the one line that ends the command; ValueError for a wrong option."""
    check_request(label, limit, owner)
    kinds = parse_kinds(licences)
    source = _source(place, query, kinds, listed)
    title = f"{label} from {place}" + (f" for {owner}" if owner else "")
    with Web(intervals=INTERVALS, contact=contact) as web, Bar(title, limit) as bar:
        try:
            outcome = collect(source, label, out, limit, web, kinds, bar.told, owner)
        except KeyboardInterrupt:
            so_far = f"{bar.outcome}; " if bar.outcome else ""
            return 130, f"{so_far}stopped by the user: the same command goes on"
    return (1, f"{outcome.problem}; {outcome}") if outcome.problem else (0, str(outcome))


def _source(place: str, query: str, kinds: frozenset[str], listed: Path | None) -> Source:
    if place == "urls":
        if listed is None:
            raise ValueError("--from urls needs to know which: add --list FILE")
        if query:
            raise ValueError(f"--query {query!r}: a list is not searched, leave it out")
        return Urls(in_full(listed))
    if listed is not None:
        raise ValueError(f"--list {listed} is for --from urls alone")
    if place == "flickr":
        return Flickr(query, kinds, key=os.environ.get("FLICKR_API_KEY"))
    return Commons(query, kinds) if place == "commons" else Openverse(query, kinds)
