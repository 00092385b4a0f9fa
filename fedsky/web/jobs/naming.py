"""What a job is called: its title, else what it runs, with the settings in which it differs from the defaults."""

from collections.abc import Mapping
from typing import Any

from fedsky.report import names
from fedsky.web.tables import Job

from .form import FEDERATION, Form, seeds, strategies

MOST = 4  # settings that are told


def job_name(job: Job, form: Form) -> str:
    """The name of a job in the language in use."""
    if job.title:
        return job.title
    asked = dict(job.fields or {})
    if job.recipe is None:
        return names.name(_parts(form, {field.name: field.default for field in form.fields} | asked))
    return names.name([("", job.recipe), *_parts(form, asked)])


def _parts(form: Form, values: Mapping[str, Any]) -> list[names.Part]:
    """The strategies, the settings that are not the defaults, and the seeds where they are said."""
    told: list[names.Part] = []
    for field in form.fields:
        value = values.get(field.name, field.default)
        if field.name in ("strategy", "baselines", "seed", "repetitions") or value == field.default:
            continue
        if field.name == "engine" and value != FEDERATION:  # by which a run is not told from another
            continue
        told.append(("" if field.type == "choice" else field.key.rpartition(".")[2], f"{value}"))
    numbers = ", ".join(map(str, seeds(values))) if {"seed", "repetitions"} & set(values) else ""
    chosen = [("", each) for each in strategies(values)]
    return [*chosen, *told[:MOST], *([("seed", numbers)] if numbers else [])]
