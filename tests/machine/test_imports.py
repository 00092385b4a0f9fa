"""Importing without a search for garbage: only what came in stays out of later ones."""

import gc
import sys
from types import ModuleType

import pytest

from fedsky.machine import imports


@pytest.mark.parametrize("is_new", [True, False])
def test_what_was_there_before_is_given_back_unless_modules_came(is_new: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[None] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(None))
    with imports.to_stay():
        assert not gc.isenabled()
        if is_new:
            monkeypatch.setitem(sys.modules, "a_module_of_this_test", ModuleType("a_module_of_this_test"))
    assert gc.isenabled() and len(frozen) == is_new


def test_a_failed_import_leaves_the_search_on() -> None:
    with pytest.raises(ValueError, match="broken"), imports.to_stay():
        raise ValueError("broken")
    assert gc.isenabled()
