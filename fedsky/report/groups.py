"""Groups of runs that repeat one experiment, and what each is called.

Runs that differ in nothing but seed, data_seed and fold are a group.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from fedsky.history import ALONE, FEDERATED, POOLED, Row
from fedsky.language import _
from fedsky.untrusted import flatten, printable, section

from .results import Key, Result
from .statistics import Estimate, Repetitions

# Neither a repetition nor where or how fast it ran tells two experiments apart.
REPETITION = ("seed", "data_seed", "fold")
ELSEWHERE = ("engine", "name", "paths", "hydra", "resume", "checkpoint", "tracking")
PLACES = ("folder", "path", "dir", "root", "cache")
MARGIN = 0.02  # of accuracy: within 2 points two groups are equally good
# What goes around a strategy belongs to it: pooling and training alone know nothing of it and are compared with it.
AROUND = ("personalize", "privacy", "attack", "compression")
PART = ("strategy.owners", "strategy.photographs")  # of the training images: those of a part of the owners, or so many
# Settings that older runs lack: what they are of, and what these runs had.
_PHOTOGRAPHS = ("fedsky.data.folder.", "fedsky.data.rendered")
LATER: dict[str, tuple[tuple[str, ...], Any]] = {
    "data.split": (("fedsky.data.folder.",), "folds"),
    "model.freeze": (("fedsky.model.resnet",), None),
    "data.augment.saturation": (_PHOTOGRAPHS, 0),
    "data.augment.cast": (_PHOTOGRAPHS, 0),
    "data.cameras": (("fedsky.data.rendered",), "good"),
}
# Settings of single owners, {owner: value}: each is one setting.
OF_OWNERS = ("clients.join", "clients.leave", "clients.slowness")
MOST_TOLD = 4  # settings of a context, beyond which only those are told that it takes to know it from others
MOST_OWNERS = 64  # whom a whole number names by its binary digits


def settings_of(config: Row) -> dict[str, Any]:
    """What distinguishes experiments: the flat configuration without repetitions, places and the engine.

    A step size that was tuned for each strategy is one of the strategy's own settings.
    """
    flat = flatten(config)
    tuned = {key for key in flat if key.split(".")[0] == "tuned"}
    if tuned and "lr" in flat:
        flat["strategy.lr"] = flat.pop("lr")
    for key, (targets, value) in LATER.items():
        if str(flat.get(f"{key.split('.')[0]}._target_")).startswith(targets):
            flat.setdefault(key, value)
    for key in OF_OWNERS:
        if own := section(section(config, "clients"), key.partition(".")[2]):
            flat = {name: value for name, value in flat.items() if not name.startswith(f"{key}.")}
            flat[key] = "{" + ", ".join(f"{printable(owner)}: {printable(value)}" for owner, value in own.items()) + "}"
    flat["strategy.owners"] = named_owners(flat.get("strategy.owners"), flat.get("num_clients"))
    for key in PART:
        if flat.get(key) is None:
            flat.pop(key, None)
    for key in ("model.init", "model.weights"):
        if isinstance(digest := flat.pop(f"{key}_sha256", None), str):  # the model, wherever its file lies
            flat[key] = f"{PurePath(str(flat.get(key))).name} {digest[:8]}"
        if flat.get(key) is None:
            flat.pop(key, None)
    return {
        key: value
        for key, value in flat.items()
        if key.split(".")[0] not in ELSEWHERE and key.split(".")[-1] not in REPETITION + PLACES
        if key not in tuned and not (key.endswith("._target_") and value is None)
    }


def named_owners(value: Any, num_clients: Any) -> Any:
    """The owners that a strategy's ``owners`` name, as a sorted list; None where all take part."""
    if type(value) is int and 0 < value < 2**MOST_OWNERS:
        value = [client for client in range(value.bit_length()) if value >> client & 1]
    if not isinstance(value, list) or not all(type(client) is int for client in value):
        return value
    named = sorted(set(value))
    return None if named and type(num_clients) is int and named == list(range(num_clients)) else named


def repetitions(results: Mapping[Key, Result]) -> Repetitions:
    """What of these runs is independent: draws of new data, else splits of the same images, else seeds.

    A split is a fold or a data_seed with test images of its own. Where data_seed changes the owners' shares alone, it
    is one more seed.
    """
    draws = {key: result.fingerprint for key, result in results.items()}
    if len(set(draws.values())) > 1:
        return Repetitions("draw", draws)
    splits = {key: f"{key[1]} {key[2]}" for key in results}
    tested = {result.test_images for result in results.values()}
    if len(set(splits.values())) == 1 or (len(tested) == 1 and None not in tested):
        seeds = {key: f"{key[0]} {key[1]}" for key in results}
        return Repetitions("seed", seeds)
    return Repetitions("fold" if len({key[1] for key in results}) == 1 else "split", splits, test_share(results))


def test_share(results: Mapping[Key, Result]) -> float:
    """n_test / n_train of the runs; NaN if unknown."""
    sizes = {part: sum(result.num_images.get(part, 0) for result in results.values()) for part in ("train", "test")}
    return sizes["test"] / sizes["train"] if sizes["train"] and sizes["test"] else math.nan


@dataclass(eq=False)
class Group:
    """The repetitions of one experiment. label: its name on the page; context: what of it is not the strategy.

    means: by metric, as ``fedsky.report.means`` found them, kept.
    """

    strategy: str
    settings: dict[str, Any]
    choices: dict[str, str]
    results: dict[Key, Result]
    label: str = ""
    context: str = ""
    means: dict[str, Estimate | None] = field(default_factory=dict)

    @property
    def variant(self) -> str:
        """What it is called within its context: the strategy and the strategy's own settings."""
        return self.label.removesuffix(f", {self.context}") if self.context else self.label

    @property
    def owners(self) -> Any:
        """The only owners whose images were trained on, else None."""
        return self.settings.get("strategy.owners")

    @property
    def photographs(self) -> Any:
        """How many training images were drawn from all, else None."""
        return self.settings.get("strategy.photographs")

    @property
    def is_coalition(self) -> bool:
        """Whether it is a federation of a part of the owners, judged on the images of all."""
        return self.role == FEDERATED and self.owners is not None

    @property
    def role(self) -> str:
        """What its runs' strategies are; federated where they are not alike."""
        roles = {result.run.role for result in self.results.values()}
        return roles.pop() if len(roles) == 1 else FEDERATED

    @property
    def is_alone(self) -> bool:
        return self.role == ALONE

    @property
    def is_pooled(self) -> bool:
        return self.role == POOLED and self.owners is None and self.photographs is None

    @property
    def is_federated(self) -> bool:
        return self.role == FEDERATED and self.owners is None

    @property
    def repetitions(self) -> Repetitions:
        """What of its runs is independent."""
        return repetitions(self.results)

    def finals(self, metric: str) -> dict[Key, float]:
        """The metric of each run's last round, where it is known."""
        values = {key: result.final(metric) for key, result in self.results.items()}
        return {key: value for key, value in values.items() if value == value}

    def own_models_on_all_images(self) -> float:
        """The balanced accuracy of the owners' own models on all owners' test images, a mean; NaN without such."""
        scores = [score for result in self.results.values() for score in result.owners["pooled_balanced_accuracy"]]
        known = [score for score in scores if score == score]
        return sum(known) / len(known) if known else float("nan")


@dataclass(eq=False)
class ComparableGroups:
    """Groups that may be compared. title: the data they share; compared: what was found of them, kept.

    margin: the fraction of accuracy within which two groups count as equally good; parts: coalitions and trainings on
    some of the photographs, which tell what owners and photographs are worth, and are compared with nothing else.
    """

    title: str
    groups: list[Group]
    compared: dict[tuple[str | None, str], Any] = field(default_factory=dict)
    margin: float = MARGIN
    parts: list[Group] = field(default_factory=list)

    @property
    def every(self) -> list[Group]:
        """All groups whose runs the report counts."""
        return [*self.groups, *self.parts]

    @property
    def results(self) -> list[Result]:
        return [result for group in self.every for result in group.results.values()]

    @property
    def contexts(self) -> dict[str, list[Group]]:
        """The groups by everything but their strategy, so that within one context only the strategy differs."""
        return by_context(self.groups)


def by_context(groups: Sequence[Group]) -> dict[str, list[Group]]:
    """Groups by their context, in the order in which contexts appear."""
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(group.context, []).append(group)
    return found


def name_groups(groups: Sequence[Group]) -> None:
    """Names each group by what differs among them: the strategy, then only such settings as tell groups apart.

    A setting within a chosen section (strategy, partition, model ...) is told only where two groups that chose the
    same differ in it; otherwise the choice's name says it.
    """
    keys = sorted({key for group in groups for key in group.settings})
    sections = sorted({key.split(".")[0] for key in keys if "." in key}.union(*(group.choices for group in groups)))

    def chosen(group: Group, name: str) -> str:
        target = str(group.settings.get(f"{name}._target_", "")).rpartition(".")[2]
        return group.strategy if name == "strategy" else group.choices.get(name) or printable(target, 60)

    def differs(key: str, group: Group) -> bool:
        name = key.split(".")[0]
        peers = [g for g in groups if "." not in key or chosen(g, name) == chosen(group, name)]
        return len({json.dumps(g.settings.get(key), sort_keys=True, default=str) for g in peers}) > 1

    told = {key: [group for group in groups if differs(key, group)] for key in keys}
    short = [key.split(".")[-1] for key in keys if told[key]]
    owns: list[list[str]] = []
    rests: list[dict[str, str]] = []
    for group in groups:
        own = [f"owners={printable(group.owners, 40)}"] if group.owners is not None else []
        rest: dict[str, str] = {}
        for name in sections:
            several = len({chosen(g, name) for g in groups}) > 1
            if name in AROUND and chosen(group, name) not in ("", "none"):
                own.append(f"{name}={chosen(group, name)}")
            elif several and name not in ("strategy", *AROUND, *ELSEWHERE) and chosen(group, name):
                rest[name] = f"{name}={chosen(group, name)}"
        for key in keys:
            if group in told[key] and group.settings.get(key) is not None and key != "strategy.owners":
                last = key.split(".")[-1]
                text = f"{last if short.count(last) == 1 else key}={printable(group.settings[key], 40)}"
                if key.split(".")[0] in ("strategy", *AROUND):
                    own.append(text)
                else:
                    rest[key] = text
        owns.append(own)
        rests.append(rest)
    seen: dict[str, int] = {}
    for group, own, rest in zip(groups, owns, _fewer(rests), strict=True):
        group.context = ", ".join(rest.values())
        label = ", ".join(filter(None, [group.strategy, *own, group.context])) or _("all runs")
        seen[label] = seen.get(label, 0) + 1
        group.label = label + (f" ({seen[label]})" if seen[label] > 1 else "")


def _fewer(contexts: Sequence[dict[str, str]]) -> Sequence[dict[str, str]]:
    """The same where none has many parts; else only those parts of which each tells contexts apart that no other does.

    Runs of unlike data differ in dozens of settings, and a name that tells them all is not read.
    """
    if max(map(len, contexts), default=0) <= MOST_TOLD:
        return contexts
    keys = dict.fromkeys(key for context in contexts for key in context)
    kept, classes = [], [0] * len(contexts)
    for key in sorted(keys, key=lambda key: (key != "experiment", "." in key)):
        finer = numbered([(number, context.get(key)) for number, context in zip(classes, contexts, strict=True)])
        if max(finer) > max(classes):
            kept.append(key)
            classes = finer
    return [{key: context[key] for key in kept if key in context} for context in contexts]


def numbered(classes: Sequence[Any]) -> list[int]:
    """Equal things as equal numbers, from 0."""
    numbers = {each: number for number, each in enumerate(dict.fromkeys(classes))}
    return [numbers[each] for each in classes]
