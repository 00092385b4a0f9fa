"""The rooms of the house and who imports whom, read from the code: a picture, the counts and a table.

A room is a module or package directly under fedsky/, or one of the two shelves. An arrow leads from a room to each room
that it imports, wherever in a file the import stands. A room stands one floor above the highest room that it imports.
"""

import ast
import itertools
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import networkx as nx

PACKAGE, SHELVES = "fedsky", ("strategies", "baselines")
BOX, ACROSS, UP = (112, 26), 122, 78  # a box's width and height, and the steps between boxes, in pixels
SWEEPS = 24  # how often the order on the floors is improved


@dataclass(frozen=True)
class House:
    """files: importing module to imported; rooms: likewise; told: each room's first line; floors: 1 is the lowest."""

    files: "nx.DiGraph[str]"
    rooms: "nx.DiGraph[str]"
    told: dict[str, str]
    floors: dict[str, int]

    @property
    def circles(self) -> list[list[str]]:
        """The rooms that import each other, directly or around others."""
        return circles(self.rooms)

    @property
    def counts(self) -> str:
        """How large and how tangled it is, in one sentence."""
        size = f"{len(self.rooms)} rooms on {max(self.floors.values())} floors"
        arrows = f"{self.rooms.number_of_edges()} arrows"
        return f"{size} with {arrows}; {_told(self.circles, 'rooms')}; {_told(circles(self.files), 'files')}."


def circles(graph: "nx.DiGraph[str]") -> list[list[str]]:
    """The sets of nodes that reach each other, the largest first."""
    found = [sorted(each) for each in nx.strongly_connected_components(graph) if len(each) > 1]
    return sorted(found, key=lambda each: (-len(each), each))


def _told(found: list[list[str]], what: str) -> str:
    if not found:
        return f"no circle between {what}"
    members = "; ".join(", ".join(each) for each in found)
    return f"{len(found)} circle{'s' if len(found) > 1 else ''} between {what} ({members})"


def read(root: Path) -> House:
    """Reads the sources under ``root``; ValueError where there is no package."""
    modules = {}
    for package in (PACKAGE, *SHELVES):
        for path in sorted((root / package).rglob("*.py")):
            if "node_modules" not in path.parts:
                parts = path.relative_to(root).with_suffix("").parts
                modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    if PACKAGE not in modules:
        raise ValueError(f"{root}: there is no {PACKAGE}/ here; run this in the checkout")
    files: nx.DiGraph[str] = nx.DiGraph()
    rooms: nx.DiGraph[str] = nx.DiGraph()
    files.add_nodes_from(modules)
    told = {}
    for name, path in modules.items():
        tree = parsed(path)
        if (room := _room(name)) is not None and name in (f"{PACKAGE}.{room}", room):
            told[room] = (ast.get_docstring(tree) or "").partition("\n")[0]
        for imported in _imports(tree, name, path.stem == "__init__", modules):
            files.add_edge(name, imported)
    rooms.add_nodes_from(sorted(told))
    pairs = ((_room(first), _room(second)) for first, second in files.edges)
    rooms.add_edges_from(sorted({(a, b) for a, b in pairs if a is not None and b is not None and a != b}))
    return House(files, rooms, told, _floors(rooms))


@cache
def parsed(path: Path) -> ast.Module:
    """A file of Python."""
    return ast.parse(path.read_text(encoding="utf-8"))


def _room(module: str) -> str | None:
    """The room of a module; None for the package itself, which holds the version alone."""
    first, _, rest = module.partition(".")
    return first if first != PACKAGE else rest.partition(".")[0] or None


def _imports(tree: ast.Module, name: str, package: bool, modules: dict[str, Path]) -> set[str]:
    """The project's modules that a module imports; of a package that it takes a module from, that module."""
    asked = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            asked |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = name.split(".")
            start = parents[: len(parents) - node.level + package] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            inner = {alias.name: f"{source}.{alias.name}" for alias in node.names}
            asked |= {path if path in modules else source for path in inner.values()}
    return {each for each in asked if each in modules and each != name}


def _floors(rooms: "nx.DiGraph[str]") -> dict[str, int]:
    whole = nx.condensation(rooms)  # rooms in a circle share a floor
    stacked = nx.topological_generations(whole.reverse())
    return {
        room: floor for floor, level in enumerate(stacked, 1) for each in level for room in whole.nodes[each]["members"]
    }


def table(house: House) -> str:
    """The rooms as a Markdown table, the highest floor first."""
    lines = ["| Floor | Room | What it is |", "|---|---|---|"]
    for room in sorted(house.rooms, key=lambda room: (-house.floors[room], room)):
        lines.append(f"| {house.floors[room]} | `{room}` | {house.told[room].replace('|', '&#124;')} |")
    return "\n".join(lines)


def drawing(house: House) -> str:
    """The picture as SVG: dark arrows are those that no other way implies, red ones run in a circle."""
    places, width = _places(house)
    height = max(house.floors.values()) * UP + 34
    in_circle = {pair for each in house.circles for pair in itertools.permutations(each, 2)}
    open_arrows = nx.DiGraph(pair for pair in house.rooms.edges if pair not in in_circle)
    needed = set(nx.transitive_reduction(open_arrows).edges)
    drawn: dict[str, list[str]] = {"#dcdcdc": [], "#55697d": [], "#d00000": []}
    for first, second in house.rooms.edges:
        color = "#d00000" if (first, second) in in_circle else "#55697d" if (first, second) in needed else "#dcdcdc"
        (x0, y0), (x1, y1) = places[first], places[second]
        start, end = y0 + BOX[1] / 2, y1 - BOX[1] / 2 - 3
        bend = max(24.0, (end - start) / 2)
        way = [x0, start, x0, start + bend, x1, end - bend, x1, end]
        path = "M{:.0f} {:.0f}C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}".format(*way)
        drawn[color].append(f'<path d="{path}" stroke="{color}" marker-end="url(#{color[1:]})"/>')
    heads = "".join(
        f'<marker id="{color[1:]}" viewBox="0 0 6 6" refX="4" refY="3" markerWidth="6" markerHeight="6" '
        f'orient="auto"><path d="M0 0L6 3L0 6z" fill="{color}"/></marker>'
        for color in drawn
    )
    boxes = "".join(
        f'<g><title>{escape(house.told[room])}</title><rect x="{x - BOX[0] / 2:.0f}" y="{y - BOX[1] / 2:.0f}" '
        f'width="{BOX[0]}" height="{BOX[1]}" rx="4" fill="#eef4fb" stroke="#3b6ea5"/>'
        f'<text x="{x:.0f}" y="{y + 4:.0f}" text-anchor="middle">{escape(room)}</text></g>\n'
        for room, (x, y) in places.items()
    )
    arrows = "\n".join(path for paths in drawn.values() for path in paths)
    counts = escape(house.counts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-family="sans-serif" '
        f'font-size="12" role="img">\n<title>{counts}</title><defs>{heads}</defs>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<g fill="none" stroke-width="1.1">\n{arrows}\n</g>\n{boxes}</svg>\n'
    )


def _places(house: House) -> tuple[dict[str, tuple[float, float]], float]:
    """The middle of each box, floor 1 at the bottom, and the picture's width."""
    highest = max(house.floors.values())
    floors = [[room for room in sorted(house.rooms) if house.floors[room] == floor] for floor in range(1, highest + 1)]
    width = ACROSS * max(map(len, floors))
    across: dict[str, float] = {}

    def spread() -> None:
        for members in floors:
            across.update({room: width * (place + 0.5) / len(members) for place, room in enumerate(members)})

    spread()
    both = house.rooms.to_undirected()
    for _sweep in range(SWEEPS):  # every room as near as may be to the middle of those that it is joined to
        for members in floors:
            mean = {room: sum(across[other] for other in both[room]) / max(1, len(both[room])) for room in members}
            members.sort(key=lambda room: (round(mean[room], 6), room))
        spread()
    return {room: (across[room], (highest - house.floors[room]) * UP + 30.0) for room in house.rooms}, width
