"""A configuration's photographs and who owns them; nothing of torch, so that a command can tell it at once."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fedsky.config import make
from fedsky.data.photos import Photos
from fedsky.data.split import Indices, Owner, members, split, units
from fedsky.partition import cut, natural, noise


def load(spec: Mapping[str, Any]) -> tuple[Photos, list[Owner]]:
    """The photographs, and the parts of owners 0 .. num_clients-1, that a configuration names.

    The keys that count: data and partition (as in conf/), num_clients, data_seed.
    """
    data = {key: value for key, value in spec["data"].items() if key not in ("fold", "augment")}
    photos: Photos = make(data)
    settings = dict(spec["partition"])
    smallest, num_clients, data_seed = settings.pop("min_examples"), spec["num_clients"], spec["data_seed"]
    partition = make(settings, _partial_=True)
    if photos.owners is not None:
        return photos, _natural(photos.owners, partition.func, num_clients, smallest)
    # Duplicates are cut and split as one: a group has the label of its first photograph.
    labels = units(photos.labels, photos.groups)
    if photos.shards is not None and partition.func is natural:
        shards = _owned(photos.shards, num_clients, smallest)
    else:
        shards = cut(labels, num_clients, partition, data_seed, smallest)
    owners = members(split(labels, shards, spec["data"].get("fold"), data_seed), photos.groups)
    return (
        noisy(photos, owners, partition.keywords["sigma"], data_seed) if partition.func is noise else photos
    ), owners


def _owned(shards: Sequence[Indices], num_clients: int, min_examples: int) -> list[Indices]:
    """Everything that each owner has, or a refusal of a configuration that asks for others."""
    if num_clients != len(shards):
        raise ValueError(f"num_clients={num_clients}: these data come with {len(shards)} owners, no more and no fewer")
    if (smallest := min(map(len, shards))) < min_examples:
        raise ValueError(f"partition.min_examples={min_examples}: an owner has {smallest} photographs, set that")
    return list(shards)


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


def _natural(owners: Sequence[Owner], partition: Any, num_clients: int, min_examples: int) -> list[Owner]:
    """The owners that the data come with, or a refusal of a configuration that asks for others."""
    if partition is not natural:
        raise ValueError(f"partition={partition.__name__}: these data come with their owners, choose partition=natural")
    if num_clients != len(owners):
        raise ValueError(f"num_clients={num_clients}: these data come with {len(owners)} owners, no more and no fewer")
    if (smallest := min(len(owner.train) for owner in owners)) < min_examples:
        raise ValueError(f"partition.min_examples={min_examples}: a client has {smallest} to train with, set that")
    return list(owners)
