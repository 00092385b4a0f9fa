"""The site's API: one module for each part of it. One that has a ``blueprint`` is found here; no list names it."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint


def blueprints() -> "Iterator[Blueprint]":
    """Of each part. None needs what another sets up: what several share, the application has made before."""
    for each in iter_modules(__path__):
        blueprint = getattr(import_module(f"{__name__}.{each.name}"), "blueprint", None)
        if blueprint is not None:
            yield blueprint
