"""What the runs of some groups have in common, in a line: 5 owners, dirichlet alpha 0.3, 12 rounds, 3 seeds, ..."""

from collections.abc import Callable, Sequence

from fedsky.language import _, ngettext
from fedsky.untrusted import flatten, printable, section

from .groups import Group
from .results import Result

MOST = 4  # values of a setting that are listed


def facts(groups: Sequence[Group]) -> str:
    """Owners, partition, rounds, repetitions and test images of the groups' runs; what is unknown is left out."""
    results = [result for group in groups for result in group.results.values()]
    seeds, data_seeds, folds = (len({result.key[place] for result in results}) for place in range(3))
    tested = [count for group in groups if (count := _tested(group))]
    images = ""
    if tested:
        least, most = min(tested), max(tested)
        images = ngettext("{n} test image", "{n} test images", most)
        images = images if least == most else _("{low} to {high} test images", low=least, high=most)
    told = [
        _numbers(
            results,
            "num_clients",
            lambda n: ngettext("{n} owner", "{n} owners", n),
            lambda values: _("{values} owners", values=values),
        ),
        _partitions(results),
        _numbers(
            results,
            "num_rounds",
            lambda n: ngettext("{n} round", "{n} rounds", n),
            lambda values: _("{values} rounds", values=values),
        ),
        ngettext("{n} seed", "{n} seeds", seeds),
        ngettext("{n} data seed", "{n} data seeds", data_seeds) if data_seeds > 1 else "",
        ngettext("{n} fold", "{n} folds", folds) if folds > 1 else "",
        images,
    ]
    return _(", ").join(filter(None, told))


def listed(values: Sequence[str]) -> str:
    """2, 5 and 10; of many the first and the last."""
    if len(values) > MOST:
        return _("{low} to {high}", low=values[0], high=values[-1])
    if len(values) < 2:
        return "".join(values)
    return _("{first} and {last}", first=_(", ").join(values[:-1]), last=values[-1])


def _numbers(results: Sequence[Result], key: str, one: Callable[[int], str], several: Callable[[str], str]) -> str:
    values = sorted({value for result in results if type(value := result.run.config.get(key)) is int})
    return one(values[0]) if len(values) == 1 else several(listed([str(value) for value in values])) if values else ""


def _partitions(results: Sequence[Result]) -> str:
    """The partitions with their numbers, such as dirichlet alpha 0.1 and 10."""
    found: dict[str, dict[str, set[float]]] = {}
    for result in results:
        own = section(result.run.config, "partition")
        chosen = section(result.run.info, "choices").get("partition") or str(own.get("_target_", "")).rpartition(".")[2]
        numbers = found.setdefault(printable(chosen, 40), {})
        for key, value in flatten(own).items():
            if isinstance(value, int | float) and not isinstance(value, bool) and key != "min_examples":
                numbers.setdefault(printable(key, 40), set()).add(value)
    told = [
        " ".join([name, *(f"{key} {listed([f'{value:g}' for value in sorted(own)])}" for key, own in numbers.items())])
        for name, numbers in sorted(found.items())
        if name
    ]
    return _(" or ").join(told) if len(told) <= MOST else _("{n} partitions", n=len(told))


def _tested(group: Group) -> int:
    """How many images the runs of a group tested, each counted once; 0 where unknown."""
    runs = list(group.results.values())
    if all(run.predictions is not None for run in runs):
        named = {
            (run.fingerprint, image) for run in runs if run.predictions is not None for image in run.predictions.index
        }
        return len(named)
    return sum({key[1:]: run.num_images.get("test", 0) for key, run in group.results.items()}.values())
