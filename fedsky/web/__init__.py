"""The site: shows runs, compares them, launches them, judges photographs. ``create_app`` makes its Flask application.

Making the application loads neither torch nor flwr nor ray; importing this loads nothing much, so that the site's
other processes (its commands, the workers) begin at once.
"""

from typing import TYPE_CHECKING

from fedsky.web.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["Settings", "create_app"]


def create_app(settings: Settings) -> "Flask":
    """The site's application, its database brought up to date; ValueError in one line where it cannot be."""
    from fedsky.web.application import make

    return make(settings)
