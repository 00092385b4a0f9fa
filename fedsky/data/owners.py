"""A configuration's photographs and who owns them; nothing of torch, so that a command can tell it at once."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fedsky import checks
from fedsky.config import make
from fedsky.config.making import telling
from fedsky.data.declared import joining
from fedsky.data.parts import divide
from fedsky.data.photos import Photos
from fedsky.data.split import Owner, members, units
from fedsky.partition import cut, natural, noise

APART = ("fold", "split", "augment")  # settings of data that its loader does not take
WAYS = ("folds", "time")


def load(spec: Mapping[str, Any]) -> tuple[Photos, list[Owner]]:
    """The photographs, and the parts of owners 0 .. num_clients-1, that a configuration names.

    The keys that count: data and partition (as in conf/), num_clients (None: as many as the data have), data_seed; for
    an owner among others, whose photographs are all that is here, also client and names.
    """
    if "client" in spec:
        return _own(spec)
    settings = dict(spec["data"])
    fold, by, _ = (settings.pop(key, None) for key in APART)
    way = checks.choice("data.split", by or WAYS[0], WAYS)
    photos: Photos = make(settings, "data")
    settings = dict(spec["partition"])
    smallest, num_clients, data_seed = settings.pop("min_examples"), spec["num_clients"], spec["data_seed"]
    asked = settings.pop("owners", None)
    partition = make(settings, "partition", _partial_=True)
    if photos.owners is not None:
        return photos, _natural(photos.owners, partition.func, num_clients, smallest, asked)
    if partition.func is natural and photos.declared is not None and photos.declared.whose is not None:
        places = joining(photos.declared.owners, asked)
        _check_number(num_clients, len(places), asked)
        shards = [np.flatnonzero(photos.declared.whose == place) for place in places]
        names = [photos.declared.owners[place] for place in places]
        for client, shard in enumerate(shards):
            if len(shard) < smallest:
                who = f"owner {names[client] or client}"
                raise ValueError(f"partition.min_examples={smallest}: {who} has {len(shard)} photographs, set that")
        return photos, divide(photos, shards, fold, data_seed, way, names)
    # Duplicates are cut as one: a group has the label of its first photograph.
    with telling("partition", settings, partition.func):
        groups = cut(units(photos.labels, photos.groups), num_clients or 1, partition, data_seed, smallest)
    owners = divide(photos, members(groups, photos.groups), fold, data_seed, way)
    if partition.func is noise:
        photos = noisy(photos, owners, partition.keywords["sigma"], data_seed)
    return photos, owners


def _own(spec: Mapping[str, Any]) -> tuple[Photos, list[Owner]]:
    """One owner's photographs, with the parts that they would have among all; the other owners have none here.

    classes: those of all owners, once they are known.
    """
    settings, client, names = dict(spec["data"]), spec["client"], spec["names"]
    fold, by, _ = (settings.pop(key, None) for key in APART)
    photos: Photos = make(settings | {"num_classes": 1}, "data")
    if len(photos) < (smallest := spec["partition"]["min_examples"]):
        raise ValueError(f"partition.min_examples={smallest}: owner {names[client]} has {len(photos)} photographs")
    everything = np.arange(len(photos), dtype=np.int64)
    (owner,) = divide(photos, [everything], fold, spec["data_seed"], by or WAYS[0], [names[client]], client)
    if (classes := spec.get("classes")) is not None:
        places = np.array([classes.index(name) for name in photos.classes], dtype=np.int64)
        photos = dataclasses.replace(photos, labels=places[photos.labels], classes=classes)
    none = everything[:0]
    return photos, [owner if place == client else Owner(none, none, none, name) for place, name in enumerate(names)]


def noisy(photos: Photos, owners: Sequence[Owner], sigma: float, seed: int) -> Photos:
    """A copy in memory whose owner i of 1..N has Gaussian noise of variance sigma * i / N on all parts' images.

    Images have values in [0, 1], and are clipped to them and rounded to 8 bits as a camera's are (NIID-Bench draws
    its noise anew in every pass, and without bounds). The fingerprint is still that of the photographs.
    """
    pixels = np.array(photos.pixels)
    for client, owner in enumerate(owners):
        own = np.concatenate([owner.train, owner.validation, owner.test])
        deviation = 255 * np.sqrt(sigma * (client + 1) / len(owners))
        rng = np.random.default_rng([seed, 2, client])
        for index in own:  # one at a time: floats take eight times the memory
            image = pixels[index] + deviation * rng.standard_normal(pixels.shape[1:])
            pixels[index] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return dataclasses.replace(photos, pixels=pixels)


def _natural(
    owners: Sequence[Owner], partition: Any, num_clients: int | None, min_examples: int, asked: object
) -> list[Owner]:
    """The owners that the data come with, or a refusal of a configuration that asks for others."""
    if partition is not natural:
        raise ValueError(f"partition={partition.__name__}: these data come with their owners, choose partition=natural")
    own = [owners[place] for place in joining([owner.name for owner in owners], asked)]
    _check_number(num_clients, len(own), asked)
    if (smallest := min(len(owner.train) for owner in own)) < min_examples:
        raise ValueError(f"partition.min_examples={min_examples}: a client has {smallest} to train with, set that")
    return own


def _check_number(num_clients: int | None, num_owners: int, asked: object) -> None:
    if num_clients not in (None, num_owners):
        whose = "partition.owners names" if asked is not None else "these data come with"
        raise ValueError(
            f"num_clients={num_clients}: {whose} {num_owners} owners, no more and no fewer: leave num_clients out"
        )
