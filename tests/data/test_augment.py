"""How colours are varied in training: of the saturation and the cast, each to be seen alone."""

from typing import Any

import pytest
import torch

from fedsky.data.augment import Augment

IMAGES = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def varied(**settings: Any) -> torch.Tensor:
    augment = Augment(**settings)
    return augment(IMAGES, augment.draw(len(IMAGES), torch.Generator().manual_seed(1)))


def test_the_saturation_moves_colours_from_grey_and_leaves_the_light() -> None:
    found = varied(saturation=0.7)
    grey = IMAGES.mean(dim=1, keepdim=True)
    assert torch.allclose(found.mean(dim=1, keepdim=True), grey, atol=1e-6)
    factors = ((found - grey) / (IMAGES - grey)).flatten(1).median(dim=1).values
    assert torch.allclose(found, grey + (IMAGES - grey) * factors[:, None, None, None], atol=1e-4)
    assert 0.3 <= factors.min() < 0.5 and 1.5 < factors.max() <= 1.7


def test_the_cast_is_one_factor_for_each_colour_of_a_picture() -> None:
    factors = (varied(cast=0.2) / IMAGES).flatten(2)
    assert torch.allclose(factors, factors[..., :1].expand_as(factors), atol=1e-5)
    assert 0.8 <= factors.min() < 0.85 and 1.15 < factors.max() <= 1.2
    assert (factors[:, 0, 0] - factors[:, 1, 0]).abs().max() > 0.1


@pytest.mark.parametrize("others", [{}, {"light": 0.3}, {"zoom": 0.1, "contrast": 0.2}])
def test_neither_draws_a_number_where_it_is_off(others: dict[str, Any]) -> None:
    generator, plain = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    drawn = [
        augment.draw(len(IMAGES), own)
        for augment, own in ((Augment(**others), plain), (Augment(**others, saturation=0.0, cast=0.0), generator))
    ]
    assert torch.equal(*drawn)
    assert torch.equal(generator.get_state(), plain.get_state())
