"""Photographs from open collections, each kept with its licence, author and page."""

from fedsky.photographs.collect.collection import Outcome, collect
from fedsky.photographs.collect.fetch import Web
from fedsky.photographs.collect.licences import PERMITTED
from fedsky.photographs.collect.sources import Candidate, Commons, Flickr, Openverse, SearchError, Source
from fedsky.photographs.collect.urls import Urls

__all__ = [
    "PERMITTED",
    "Candidate",
    "Commons",
    "Flickr",
    "Openverse",
    "Outcome",
    "SearchError",
    "Source",
    "Urls",
    "Web",
    "collect",
]
