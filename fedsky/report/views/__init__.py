"""The views of a report: each module here is one, and a module put here is on the page.

A view has ``section(about)``, which returns its section of the page, or None where it has nothing to tell, and PLACE,
where on the page it stands: the lower, the earlier.
"""

import pkgutil
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from ..blocks import Section
from ..subject import Subject


class View(Protocol):
    """What a module of this package has."""

    PLACE: int

    def section(self, about: Subject) -> Section | None: ...


@cache
def views() -> list[View]:
    """All modules of this package in the order of the page."""
    names = (f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__))
    found = [cast(View, import_module(name)) for name in names]
    return sorted(found, key=lambda view: view.PLACE)
