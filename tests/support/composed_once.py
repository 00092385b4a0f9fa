"""Configurations that Hydra composed before are copied, where they come from fedsky's own conf/ alone."""

import copy
from typing import Any

import pytest
import yaml
from hydra import compose

from fedsky.config import shelf


def hydras_memory(patch: pytest.MonkeyPatch) -> None:
    """Has ``fedsky.config.compose`` ask Hydra once for the same words; what is refused is asked again."""
    known: dict[tuple[bool, tuple[str, ...]], Any] = {}

    def composed(name: str, overrides: list[str], return_hydra_config: bool = False) -> Any:
        if shelf.own() is not None:
            return compose(name, overrides, return_hydra_config)
        if (asked := (return_hydra_config, tuple(overrides))) not in known:
            known[asked] = compose(name, overrides, return_hydra_config)
        return copy.deepcopy(known[asked])

    patch.setattr("fedsky.config.hydra_compose", composed)
    parsed: dict[str, Any] = {}
    load = yaml.load

    def loaded(stream: Any, Loader: Any) -> Any:
        """A file of conf/ is read a hundred times, and a tenth of what Hydra takes is to parse it."""
        if Loader.__name__ != "OmegaConfLoader" or not hasattr(stream, "read"):
            return load(stream, Loader=Loader)
        text = stream.read()
        if text not in parsed:
            stream.seek(0)
            parsed[text] = load(stream, Loader=Loader)
        return copy.deepcopy(parsed[text])

    patch.setattr(yaml, "load", loaded)
