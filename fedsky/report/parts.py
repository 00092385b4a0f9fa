"""What a report says and shows about one kind of data: every view in its place."""

from .blocks import Part, Writer
from .groups import ComparableGroups
from .subject import subject
from .views import views


def make_part(
    kind: ComparableGroups, title: str, prefix: str, writer: Writer, thorough: bool = True, baseline: str | None = None
) -> Part:
    """The part of the page on one kind of data. prefix: how the names of its plots and anchors begin."""
    about = subject(kind, prefix, writer, thorough, baseline)
    found = [section for view in views() if (section := view.section(about)) and section.blocks]
    return Part(f"{prefix}part", title, found)
