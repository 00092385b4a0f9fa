"""What can be chosen: fedsky's own conf/, and a shelf of one's own: conf/ and modules where a command is started.

That folder alone is looked into, by the doing of whoever started the command there; none that a run's files name.
"""

import sys
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

PACKAGE = Path(__file__).resolve().parents[1]
# Within the package where it is installed (see pyproject.toml), beside it in a checkout.
CONF = PACKAGE / "conf" if (PACKAGE / "conf").is_dir() else PACKAGE.parent / "conf"


def own(start: Path | None = None) -> Path | None:
    """The conf/ of one's own in ``start``, the current folder if not given; None where there is none."""
    folder = (start or Path.cwd()) / "conf"
    return folder if folder.is_dir() and not folder.samefile(CONF) else None


def choices(group: str, start: Path | None = None) -> dict[str, Path]:
    """The choices of a group by name, each with its file; ValueError where one's own would hide one of fedsky's."""
    found = {path.stem: path for path in (CONF / group).glob("*.yaml")}
    mine = own(start)
    for path in sorted((mine / group).glob("*.yaml")) if mine is not None else ():
        if path.stem in found:
            raise ValueError(f"conf/{group}/{path.name} has the name of a choice that comes with fedsky: rename it")
        found[path.stem] = path
    return dict(sorted(found.items()))


def reach() -> None:
    """Has modules in the current folder found, but after those that are installed.

    ``python -m`` puts that folder first and a script leaves it out.
    """
    here = str(Path.cwd())
    if here == str(PACKAGE.parent):
        return
    # Wherever it stands: importing ray, in the engine's thread, puts another place first.
    places = [place for place in sys.path if place in ("", here)]
    if not places and own() is None:
        return
    for place in places:
        sys.path.remove(place)
    sys.path.append(places[0] if places else here)


class OwnShelf(SearchPathPlugin):
    """Has Hydra look into the conf/ of one's own, after fedsky's."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Appends it; ValueError where a file of it would hide one of fedsky's."""
        mine = own()
        if mine is not None:
            for group in sorted(path.name for path in CONF.iterdir() if path.is_dir()):
                choices(group)
            search_path.append("shelf of one's own", f"file://{mine}")


Plugins.instance().register(OwnShelf)
