"""What may be launched: recipes, and a form of bounded fields. Nothing that a client sends reaches the command unread.

A field's value is one of its choices or a number within its bounds; its key on the command line stands here, so that no
other key (``hydra.*``, a ``_target_``) can be named.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from fedsky.config import ON_FAILURE
from fedsky.config.ranges import bounds, comments, meaning
from fedsky.config.shelf import CONF, choices
from fedsky.language import _

from .recipes import Recipe, read_recipe

Value = str | int | float
# Fields that a recipe may be launched with; all others are the recipe's own.
WITH_RECIPE = frozenset({"data", "seed", "repetitions", "engine"})
FEDERATION = "deployment"  # the engine whose clients are owners elsewhere
When = tuple[str, tuple[str, ...]]  # a field, and the values of it


@dataclass(frozen=True)
class Field:
    """One field. key: on the command line; when: (field, values) without which it does not count.

    default: None where the setting is null unless a number is given.
    """

    name: str
    label: str
    type: Literal["choice", "int", "float"]
    default: Value | None
    key: str = ""
    choices: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    step: float | None = None
    unit: str = ""
    help: str = ""
    when: When | None = None

    def wrong(self, value: Any) -> str | None:
        """What is wrong with a value, in one line; None if nothing is."""
        if self.type == "choice":
            if not isinstance(value, str) or value not in self.choices:
                return _("{name}: choose {choices}", name=self.name, choices=", ".join(self.choices))
            return None
        kind = int if self.type == "int" else (int, float)
        if isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value):
            if self.type == "int":
                return _("{name}: a whole number is needed", name=self.name)
            return _("{name}: a number is needed", name=self.name)
        if self.min is not None and self.max is not None and not self.min <= value <= self.max:
            return _(
                "{name}={value}: from {least} to {most}",
                name=self.name,
                value=value,
                least=f"{self.min:g}",
                most=f"{self.max:g}",
            )
        return None

    def shown(self) -> dict[str, Any]:
        """The field as the API gives it."""
        about: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "default": self.default,
            "unit": self.unit,
            "help": self.help,
        }
        if self.type == "choice":
            about["choices"] = list(self.choices)
        else:
            about |= {"min": self.min, "max": self.max, "step": self.step}
        if self.when is not None:
            about["when"] = {"field": self.when[0], "values": list(self.when[1])}
        return about


# name, label, type, min, max, step, unit: bounds within which two cores finish within hours, not days.
NUMBERS: tuple[tuple[str, str, Literal["int", "float"], float, float, float, str], ...] = (
    ("num_clients", "Owners", "int", 2, 50, 1, ""),
    ("num_rounds", "Rounds", "int", 1, 200, 1, ""),
    ("local_epochs", "Local epochs", "int", 1, 20, 1, ""),
    ("batch_size", "Batch size", "int", 2, 128, 1, "images"),
    ("lr", "Step size", "float", 0.0001, 1, 0.0001, ""),
    ("momentum", "Momentum", "float", 0, 0.99, 0.01, ""),
    ("weight_decay", "Weight decay", "float", 0, 0.1, 0.0001, ""),
    ("participation", "Participation", "float", 0.1, 1, 0.05, ""),
    ("stragglers", "Stragglers", "float", 0, 0.9, 0.05, ""),
    ("min_replies", "Replies that a round needs", "int", 1, 50, 1, "clients"),
    ("data.count", "Drawn photographs", "int", 60, 2000, 20, "images"),
    ("data.size", "Image size", "int", 16, 128, 8, "pixels"),
    ("data_seed", "Data seed", "int", 0, 9999, 1, ""),
    ("seed", "First seed", "int", 0, 9999, 1, ""),
)
SIMULATED = ("num_clients", "stragglers")  # numbers of a federation that is not real
NEEDED = re.compile(r"\bneeded\b")  # what conf/ says of a null that is to be set


@dataclass(frozen=True)
class Form:
    """All fields and recipes of a site.

    roots: folders of photographs by the choice of data that names them. federation: the words of a command that has the
    site's real federation train, where there is one.
    """

    fields: tuple[Field, ...]
    recipes: tuple[Recipe, ...]
    roots: Mapping[str, Path]
    federation: tuple[str, ...] = ()

    def check(self, recipe: str | None, values: Mapping[str, Any]) -> tuple[dict[str, Value], list[str]]:
        """The values that count, defaults included unless there is a recipe, and what is wrong, a line each."""
        known = {field.name: field for field in self.fields}
        problems = [_("unknown field {name}", name=name[:40]) for name in values if name not in known]
        if recipe is not None:
            if recipe not in {each.id for each in self.recipes}:
                return {}, [_("unknown recipe {name}", name=recipe[:40])]
            problems += [
                _("{name}: the recipe sets it", name=name)
                for name in values
                if name in known and name not in WITH_RECIPE
            ]
            if values.get("engine") == FEDERATION:
                problems.append(_("engine={engine}: a recipe names its own photographs", engine=FEDERATION))
        for name, value in values.items():
            wrong = known[name].wrong(value) if name in known else None
            if wrong:
                problems.append(wrong)
        if problems:
            return {}, problems
        chosen = (
            dict(values) if recipe is not None else {**{field.name: field.default for field in self.fields}, **values}
        )
        return self._counting(known, chosen, problems), problems

    def _counting(self, known: Mapping[str, Field], chosen: dict[str, Any], problems: list[str]) -> dict[str, Value]:
        counting: dict[str, Value] = {}
        for name, value in chosen.items():
            field = known[name]
            if field.when is not None and not _counts(field, known, chosen):
                if value != field.default:
                    problems.append(
                        _(
                            "{name} counts with {field}={values} alone",
                            name=name,
                            field=field.when[0],
                            values="/".join(field.when[1]),
                        )
                    )
                continue
            counting[name] = value
        if chosen.get("baselines") == "yes":
            problems += [
                _("{name}: not together with baselines, which do not know it", name=field.name)
                for field in self.fields
                if field.key.startswith("strategy.") and counting.get(field.name, field.default) != field.default
            ]
        return counting


def _counts(field: Field, known: Mapping[str, Field], chosen: Mapping[str, Any]) -> bool:
    """Whether a field counts: the one that it hangs on has such a value, and counts itself."""
    if field.when is None:
        return True
    other = known[field.when[0]]
    return chosen.get(other.name, other.default) in field.when[1] and _counts(other, known, chosen)


@cache
def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:  # of a shelf of one's own
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    return content if isinstance(content, dict) else {}


def _chosen(group: str) -> str:
    """The choice of a group that conf/config.yaml makes."""
    return next(str(each[group]) for each in _yaml(CONF / "config.yaml")["defaults"] if group in each)


def baselines() -> list[str]:
    """What a federation is compared with: the strategies that lie on the shelf of baselines."""
    targets = {name: str(_yaml(path).get("_target_")) for name, path in choices("strategy").items()}
    return [name for name, target in targets.items() if target.startswith("baselines.")]


_said, _number = cache(comments), cache(yaml.safe_load)  # of files that are read once, as by _yaml


ALSO = "also runs local and centralized, so that the report can say who gains"
AWAY = "who is away, slow or breaks down"
REPEATED = "repetitions with the next seeds, from which intervals are made"
ENGINES = (
    "ray: clients side by side; inline: one after the other, for small runs; "
    "deployment: the owners of the site's federation, where they are"
)


def _choice(name: str, label: str, default: str, of: Iterable[str], help: str = "", when: When | None = None) -> Field:
    """A field that chooses, called as its setting is."""
    return Field(name, label, "choice", default, name, tuple(of), help=help, when=when)


def _settings(group: str, start: Path | None) -> Iterator[Field]:
    """The settings of a group's choices for which conf/ gives bounds; each counts with its own choice alone."""
    for choice, path in _complete(group, start).items():
        values, name = _yaml(path), str(_yaml(path).get("_target_")).rpartition(".")[2]
        name = f"{name} " if name.lower() == choice else ""  # a class of several choices tells nothing of any
        for key, comment in _said(path).items():
            if (told := bounds(comment)) is None:
                continue
            label = f"{name}{key.replace('_', ' ')}"
            label, (low, high, step) = label[:1].upper() + label[1:], map(_number, told)
            kind: Literal["int", "float"] = "int" if step == 1 else "float"
            about = Field(f"{choice}.{key}", label, kind, values[key], f"{group}.{key}", (), low, high, step)
            yield replace(about, help=meaning(comment), when=(group, (choice,)))


def _complete(group: str, start: Path | None) -> dict[str, Path]:
    """The choices of a group without those of which conf/ says that a null is to be set."""
    found = {path: _said(path).items() for path in choices(group, start).values()}
    return {
        path.stem: path
        for path, each in found.items()
        if not any(_yaml(path).get(key) is None and NEEDED.search(said) for key, said in each)
    }


def make_form(roots: Mapping[str, Path], start: Path | None = None, federation: tuple[str, ...] = ()) -> Form:
    """The form, its choices read from conf/'s file names, its defaults and explanations from the files.

    ``start`` is where launched runs are started, the current folder if not given: a shelf of one's own there is
    offered too. roots, federation: of the form.
    """
    config, said = _yaml(CONF / "config.yaml"), _said(CONF / "config.yaml")
    rendered, drawn = _yaml(CONF / "data" / "rendered.yaml"), _said(CONF / "data" / "rendered.yaml")
    engines = tuple(reversed(_complete("engine", start)))
    here = ("engine", engines)  # what a federation's owners decide, or bring
    images = [name for name, path in choices("model", start).items() if "num_features" not in _yaml(path)]
    cuts = [name for name in choices("partition", start) if name != "natural"]
    failing, steps = said.get("on_failure", ""), said.get("lr_schedule", "")
    fields = [
        _choice("strategy", "Strategy", _chosen("strategy"), choices("strategy", start)),
        replace(
            _choice("baselines", "Compare with training alone and pooled", "no", ("no", "yes"), ALSO, here), key=""
        ),
        _choice("data", "Photographs", "rendered", ("rendered", *roots), when=here),
        _choice("partition", "Who owns what", "iid", cuts, when=here),
        _choice("model", "Model", "resnet8", images),
        _choice("clients", "Clients", _chosen("clients"), _complete("clients", start), AWAY, here),
        _choice("on_failure", "A client that raises", str(config["on_failure"]), ON_FAILURE, failing, here),
        _choice("lr_schedule", "Step size over the rounds", str(config["lr_schedule"]), ("cosine", "constant"), steps),
        _choice("engine", "Engine", "ray", (*engines, FEDERATION) if federation else engines, ENGINES),
        Field("repetitions", "Seeds", "int", 1, "", min=1, max=5, step=1, help=REPEATED),
    ]
    for name, label, kind, low, high, step, unit in NUMBERS:
        group, _, key = name.rpartition(".")
        default, explained = (rendered[key], drawn) if group else (config[key], said)
        told = meaning(explained.get(key, ""))
        when = ("data", ("rendered",)) if name == "data.count" else here if name in SIMULATED else None
        fields.append(Field(name, label, kind, default, name, (), low, high, step, unit, told, when))
    fields += [each for group in ("partition", "strategy", "clients") for each in _settings(group, start)]
    return Form(
        tuple(fields),
        tuple(read_recipe(*each) for each in choices("experiment", start).items()),
        dict(roots),
        federation,
    )


def seeds(values: Mapping[str, Value]) -> list[int]:
    """The seeds of a launch."""
    first, count = int(values.get("seed", 0)), int(values.get("repetitions", 1))
    return list(range(first, first + count))


def strategies(values: Mapping[str, Value]) -> list[str]:
    """The strategies of a launch; empty where a recipe names its own."""
    if "strategy" not in values:
        return []
    more: Sequence[str] = baselines() if values.get("baselines") == "yes" else ()
    return list(dict.fromkeys([str(values["strategy"]), *more]))
