"""What a check lets pass, and how it refuses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedsky import checks

NO_NUMBERS = [None, True, "1", [1], float("nan"), float("inf")]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_is_refused_as_it_was_written(value: Any) -> None:
    with pytest.raises(ValueError, match="is needed") as raised:
        checks.number("lr", value, above=0)
    shown = {"None": "null", "True": "true", "[1]": "[1]"}.get(str(value), str(value))
    assert str(raised.value) == f"lr={shown}: a number above 0 is needed"


@given(value=st.floats(-2, 2), low=st.floats(-1, 0), high=st.floats(0.1, 1))
def test_bounds_hold_as_they_are_named(value: float, low: float, high: float) -> None:
    for bounds, right in (
        ({"at_least": low, "below": high}, low <= value < high),
        ({"above": low, "at_most": high}, low < value <= high),
    ):
        if right:
            assert checks.number("x", value, **bounds) == value  # type: ignore[arg-type]
        else:
            with pytest.raises(ValueError, match=r"^x="):
                checks.number("x", value, **bounds)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [*NO_NUMBERS, 1.0, 0, 6])
def test_what_is_no_whole_number_within_bounds_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^bits=.*: a whole number of bits, 1 to 5, is needed, or null$"):
        checks.whole("bits", value, 1, 5, of="bits", hint=", or null")


def test_a_choice_is_one_of_its_own_kind() -> None:
    assert checks.choice("option", 1, (1, 2)) == 1
    for value, shown in ((True, "true"), (3, "3"), ("1", "1")):
        with pytest.raises(ValueError, match=f"^option={shown}: choose 1 or 2$"):
            checks.choice("option", value, (1, 2))


@pytest.mark.parametrize(("names", "told"), [([], "another"), (["a"], "a"), (["a", "b", "c"], "a, b or c")])
def test_names_are_listed_as_a_sentence_has_them(names: list[str], told: str) -> None:
    assert checks.listed(names) == told
