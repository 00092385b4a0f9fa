"""Near duplicates are found and grouped; what only looks a little alike is not."""

import io
from pathlib import Path

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from fedsky.data.duplicates import Look, group, look, pairs

SETTINGS = settings(max_examples=30, deadline=None)
NO_COLOUR = np.zeros((16, 16, 3), dtype=np.int16)


def scene(seed: int, side: int = 96) -> Image.Image:
    """A picture with structure of its own, as a photograph has."""
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


@pytest.mark.parametrize("picture", [*map(scene, range(20)), Image.new("RGB", (50, 40), "skyblue")])
def test_the_hash_is_the_one_of_imagehash(picture: Image.Image) -> None:
    bits = np.packbits(imagehash.phash(picture).hash.ravel()).view(np.uint64)[0]
    assert look(picture).bits == bits


def test_copies_of_other_size_quality_light_and_cut_are_one_group() -> None:
    picture = scene(0)
    copies = [
        picture,
        jpeg(picture, 40),
        picture.resize((48, 48)),
        ImageEnhance.Brightness(picture).enhance(1.1),
        picture.crop((1, 1, 95, 95)),
    ]
    others = [scene(seed) for seed in range(1, 8)]
    groups = group([look(one) for one in [*copies, *others]])
    assert groups.tolist() == [0] * 5 + list(range(1, 8))


def test_skies_without_structure_are_told_apart_by_colour() -> None:
    blue, same, grey = (Image.new("RGB", (64, 64), colour) for colour in [(60, 120, 220), (64, 122, 216), (190,) * 3])
    looks = [look(one) for one in (blue, grey, same)]
    assert looks[0].bits == looks[1].bits
    assert group(looks).tolist() == [0, 1, 0]


@pytest.mark.parametrize(("distance", "groups"), [(0, [0, 1, 2, 0]), (2, [0, 1, 2, 0]), (3, [0, 0, 1, 0])])
def test_the_distance_counts_bits_and_groups_are_numbered_by_their_first_member(
    distance: int, groups: list[int]
) -> None:
    bits = [0b0, 0b111, 0xFFFF << 40, 0b0]
    assert group([Look(np.uint64(one), NO_COLOUR) for one in bits], distance).tolist() == groups


def test_what_is_near_something_near_belongs_to_the_group() -> None:
    chain = [Look(np.uint64(2**length - 1), NO_COLOUR) for length in (0, 8, 16, 24, 40)]
    assert pairs(chain, 8) == [(0, 1), (1, 2), (2, 3)]
    assert group(chain, 8).tolist() == [0, 0, 0, 0, 1]


@SETTINGS
@given(st.lists(st.integers(0, 2**6 - 1), min_size=1, max_size=25), st.integers(0, 3))
def test_groups_are_the_connected_components(bits: list[int], distance: int) -> None:
    groups = group([Look(np.uint64(one), NO_COLOUR) for one in bits], distance)
    reached = [{i} for i in range(len(bits))]
    for start in reached:
        while (
            more := {j for i in start for j in range(len(bits)) if (bits[i] ^ bits[j]).bit_count() <= distance} - start
        ):
            start |= more
    for i, own in enumerate(reached):
        assert set(np.flatnonzero(groups == groups[i]).tolist()) == own
    first = [groups.tolist().index(number) for number in range(int(groups.max()) + 1)]
    assert first == sorted(first)


def test_nothing_has_no_groups() -> None:
    assert group([]).tolist() == []


def test_no_two_of_the_sky_photographs_are_near_duplicates(sky: Path) -> None:
    looks = []
    for path in sorted(sky.glob("*/*.jpg"))[::3]:
        with Image.open(path) as picture:
            looks.append(look(picture.convert("RGB")))
    assert len(looks) > 100 and pairs(looks) == []
