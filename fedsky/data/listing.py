"""Which files of a folder are photographs, what they are called, and which are not read and why.

A name that is not UTF-8, as archives packed on a Chinese Windows bring them, has ``%D6`` for each byte that is none:
that name stands in every table, log and page, and ``locate`` finds the file by it.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fedsky.data.picture import FORMATS, REMEDIES, readable

# What systems leave beside photographs, and nobody misses.
LEFTOVERS = frozenset({"thumbs.db", "desktop.ini", ".ds_store", ".nomedia"})
OWNERS_FORM = "root/OWNER/CLASS/"
_ESCAPE = re.compile(r"%([89A-F][0-9A-F])")


@dataclass
class LeftOut:
    """Files that are not read: how many of each kind, and the first of it."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, name: str) -> None:
        """Counts a file."""
        self.counts[kind] += 1
        self.first.setdefault(kind, name)

    def __str__(self) -> str:
        """One line with the number of each kind and what to do; empty where every file is read."""
        if not self.counts:
            return ""
        total = self.counts.total()
        told = [f"{number} {_told(kind, self.first[kind])}" for kind, number in self.counts.most_common()]
        return f"{total} {'files are' if total > 1 else 'file is'} not read: {', '.join(told)}"


NESTED, BESIDE, HIDDEN, SPECIAL, UNLISTED = "in folders", "beside", "hidden", "special", "unlisted"
REMEDY = {
    NESTED: "in folders below a class ({first}; move them up, or name them in a manifest.csv)",
    BESIDE: "beside the class folders ({first}; put them into one)",
    HIDDEN: "hidden ({first}; rename them)",
    SPECIAL: "no file but a pipe or a device ({first}; remove them)",
    UNLISTED: "in the class folders but not in manifest.csv ({first}; add lines for them)",
}


def _told(kind: str, first: str) -> str:
    if kind in REMEDY:
        return REMEDY[kind].format(first=first)
    remedy = REMEDIES.get(FORMATS.get(kind, ""), "if they are photographs, save them as JPEG or PNG")
    return f"{kind or 'without a suffix'} ({first}; {remedy})"


@dataclass(frozen=True)
class Listing:
    """The photographs of a folder by class, in alphabetical order: name and path of each; and what is not read.

    owners: whose each photograph is, by its name; empty where the folder holds classes and no owners.
    """

    files: dict[str, list[tuple[str, Path]]]
    left_out: LeftOut
    owners: dict[str, str] = field(default_factory=dict)


def escaped(name: str) -> str:
    """The name as text that can be written anywhere: ``%D6`` for a byte that is not UTF-8."""
    return re.sub("[\udc80-\udcff]", lambda match: f"%{ord(match[0]) - 0xDC00:02X}", name)


def locate(root: Path, name: str) -> Path:
    """The file of a name below root: the one called so, else the one whose name is escaped to it."""
    path = root / name
    if _ESCAPE.search(name) and not os.path.lexists(path):
        raw = _ESCAPE.sub(lambda match: chr(0xDC00 + int(match[1], 16)), name)
        if os.path.lexists(root / raw):
            return root / raw
    return path


def list_files(root: Path, num_classes: int = 2) -> Listing:
    """The photographs of every class folder of ``root``, or of every owner's; ValueError where there are none.

    Where no folder of ``root`` holds photographs itself, but some hold folders that do, they are those of owners:
    ``root/OWNER/CLASS/photo.jpg``. num_classes: that there must be at the least, 1 or 2.
    """
    if not root.is_dir():
        raise ValueError(f"data.root={root} does not exist: name a folder that holds one folder of photographs a class")
    folders = _folders(root)
    left_out = LeftOut()
    _beside(root, "", left_out)
    if any(map(_holds_photographs, folders)) or not any(map(_holds_classes, folders)):
        return Listing(_classes(root, folders, left_out, num_classes), left_out)
    if strange := [folder for folder in folders if not _holds_classes(folder)]:
        raise ValueError(
            f"{strange[0]} holds no class folder with photographs, as the other owners' folders of {root} do "
            f"({OWNERS_FORM}): add some, or move the folder away"
        )
    files: dict[str, list[tuple[str, Path]]] = {}
    owners: dict[str, str] = {}
    for folder in folders:
        owner = escaped(folder.name)
        if owner in owners.values():
            raise ValueError(f"two owners' folders of {root} would both be called {owner}: rename one")
        _beside(folder, f"{owner}/", left_out)
        for label, found in _by_class(folder, _folders(folder), f"{owner}/", left_out).items():
            files.setdefault(label, []).extend(found)
            owners |= {name: owner for name, _ in found}
    if len(files) < 2:
        raise ValueError(f"the owners' folders of {root} hold one class ({', '.join(files)}): two or more are needed")
    return Listing({label: sorted(found) for label, found in sorted(files.items())}, left_out, owners)


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _holds_photographs(folder: Path) -> bool:
    return any(
        FORMATS.get(path.suffix.lower()) in readable() and not path.name.startswith(".") and not path.is_dir()
        for path in folder.iterdir()
    )


def _holds_classes(folder: Path) -> bool:
    return any(map(_holds_photographs, _folders(folder)))


def _beside(root: Path, above: str, left_out: LeftOut) -> None:
    """Counts the photographs that lie beside the class folders."""
    for path in sorted(root.iterdir()):
        if path.suffix.lower() in FORMATS and (path.name.startswith(".") or not path.is_dir()):
            left_out.add(HIDDEN if path.name.startswith(".") else BESIDE, f"{above}{escaped(path.name)}")


def _classes(
    root: Path, folders: Sequence[Path], left_out: LeftOut, num_classes: int
) -> dict[str, list[tuple[str, Path]]]:
    """The photographs of ``num_classes`` or more class folders."""
    if len(folders) < num_classes:
        many = "two" if num_classes > 1 else "one"
        found = ", ".join(escaped(path.name) for path in folders) or "none"
        raise ValueError(
            f"data.root={root} holds {len(folders)} class folder{'s' * (not folders)} ({found}): "
            f"{many} or more are needed"
        )
    return _by_class(root, folders, "", left_out)


def _by_class(root: Path, folders: Sequence[Path], above: str, left_out: LeftOut) -> dict[str, list[tuple[str, Path]]]:
    files: dict[str, list[tuple[str, Path]]] = {}
    for folder in folders:
        label = escaped(folder.name)
        if label in files:
            raise ValueError(f"two class folders of {root} would both be called {label}: rename one")
        files[label] = _in_class(folder, f"{above}{label}", left_out)
        if not files[label]:
            endings = ", ".join(suffix for suffix, format in FORMATS.items() if format in readable())
            why = f"{left_out}; " if left_out.counts else ""
            owners = f"; of owners, all photographs lie in {OWNERS_FORM}" if _holds_classes(folder) else ""
            raise ValueError(
                f"the class folder {folder} holds no photograph ({why}read are {endings}): add some or remove the "
                f"folder{owners}"
            )
    return files


def unlisted(root: Path, labels: Iterable[str], named: Sequence[str]) -> list[str]:
    """The photographs in the folders of these classes, or beside the named ones, that are not named themselves."""
    known = set(named)
    beside = {
        str(place)
        for place in (PurePosixPath(name).parent for name in named)
        if not place.is_absolute() and ".." not in place.parts
    }
    return [
        name
        for place in sorted({*labels, *beside} - {"."})
        if (folder := locate(root, place)).is_dir()
        for name, _ in _in_class(folder, place, LeftOut())
        if name not in known
    ]


def _in_class(folder: Path, place: str, left_out: LeftOut) -> list[tuple[str, Path]]:
    """The photographs right in a class's folder, which is at ``place``."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name, suffix = f"{place}/{escaped(path.name)}", path.suffix.lower()
        if path.name.lower() in LEFTOVERS or path.name.startswith("._"):
            continue
        if path.is_dir():
            if not path.name.startswith("."):
                _below(path, name, left_out)
        elif path.name.startswith("."):
            if suffix in FORMATS:
                left_out.add(HIDDEN, name)
        elif FORMATS.get(suffix) not in readable():
            left_out.add(suffix, name)
        elif path.exists() and not path.is_file():  # a dangling link is a broken photograph
            left_out.add(SPECIAL, name)
        elif name in found:
            raise ValueError(f"two files of {folder} would both be called {name}: rename one")
        else:
            found[name] = path
    return list(found.items())


def _below(folder: Path, name: str, left_out: LeftOut) -> None:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        inside = Path(place).relative_to(folder).as_posix()
        below = name if inside == "." else f"{name}/{escaped(inside)}"
        for file in sorted(files):
            if Path(file).suffix.lower() in FORMATS and not file.startswith("."):
                left_out.add(NESTED, f"{below}/{escaped(file)}")
