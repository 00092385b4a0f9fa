"""What it costs that an owner comes late: a federation in which one owner joins in a later round (``clients.join``),
beside the same one in which it is there from the start. Both are judged on the same test photographs.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fedsky.untrusted import printable, section

from .coalitions import difference_on, told_together
from .groups import ComparableGroups, Group
from .statistics import Estimate

JOIN = "clients.join"


@dataclass(frozen=True)
class Late:
    """An owner that comes late, in fractions of accuracy; None where no test photograph is judged by both.

    others: what its coming late changes for the others, in balanced accuracy on their test photographs; own: for the
    owner itself, in accuracy on its own; both by the models of the last round. num_rounds: that the federation has.
    """

    group: Group
    owner: int
    name: str
    joins: int
    num_rounds: int
    others: Estimate | None
    own: Estimate | None


def find(kind: ComparableGroups) -> list[Late]:
    """Every owner that comes late, as far as the same federation was run with it from the start; by owner and round."""
    federations = [group for group in kind.groups if group.is_federated]
    in_time = {_rest(group): group for group in federations if group.settings.get(JOIN) is None}
    cases: list[tuple[Group, Group, int, str, int]] = []
    for group in federations:
        comes = _comes(group)
        if comes is not None and (whole := in_time.get(_rest(group))) is not None:
            cases.append((group, whole, *comes))
    cases.sort(key=lambda case: (case[1].label, case[2], case[4]))
    others = told_together(
        [difference_on(group, whole, _but(group, owner), "balanced_accuracy") for group, whole, owner, *_ in cases]
    )
    own = told_together([difference_on(group, whole, [owner], "accuracy") for group, whole, owner, *_ in cases])
    return [
        Late(whole, owner, name, joins, int(group.settings.get("num_rounds") or 0), *changes)
        for (group, whole, owner, name, joins), *changes in zip(cases, others, own, strict=True)
    ]


def _rest(group: Group) -> str:
    """What tells a federation from others, but for who joins when."""
    settings = {key: value for key, value in group.settings.items() if key != JOIN}
    return json.dumps([group.strategy, settings], sort_keys=True, default=str)


def _comes(group: Group) -> tuple[int, str, int] | None:
    """The one owner that comes late, its name and its first round; None where there is none, or several."""
    result = next(iter(group.results.values()))
    joins = list(section(section(result.run.config, "clients"), "join").items())
    if len(joins) != 1 or type(joins[0][1]) is not int:
        return None
    names = {int(str(owner)): printable(name, 60) for owner, name in result.owners["name"].items()}
    found = [owner for owner, name in names.items() if str(joins[0][0]) in (str(owner), name)]
    return (found[0], names[found[0]], joins[0][1]) if len(found) == 1 else None


def _but(group: Group, owner: int) -> Sequence[int]:
    num = group.settings.get("num_clients")
    return [each for each in range(num if type(num) is int else 0) if each != owner]
