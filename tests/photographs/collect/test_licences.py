"""Which licence is of which kind."""

import pytest

from fedsky.photographs.collect.licences import PERMITTED, full_name, kind_of, parse_kinds


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://creativecommons.org/licenses/by-sa/4.0/deed.de", "by-sa"),
        ("http://www.creativecommons.org/licenses/by/3.0", "by"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "pdm"),
        ("https://creativecommons.org/licenses/by-nc-nd/2.0/", "by-nc-nd"),
        ("https://creativecommons.org/licenses/sampling+/1.0/", None),
        ("https://creativecommons.org/licenses/cc0/1.0/", "cc0"),
        ("https://evil.example/?https://creativecommons.org/licenses/by/4.0/", None),
        ("https://creativecommons.org.evil.example/licenses/by/4.0/", None),
    ],
)
def test_by_address(address: str, kind: str | None) -> None:
    assert kind_of(address) == kind


@pytest.mark.parametrize(("name", "kind"), [
    ("by", "by"), ("by-sa", "by-sa"), ("CC BY-SA 3.0 de", "by-sa"), ("cc-by-nc-sa-4.0", "by-nc-sa"), ("CC0", "cc0"),
    ("CC0 1.0", "cc0"), ("PDM 1.0", "pdm"), ("Public domain", "pdm"), ("CC BY 4.0 International", "by"),
    ("by permission only", None), ("by-sampling", None), ("CC BY-NC-Extra", None), ("All Rights Reserved", None),
    ("GFDL", None), ("PD-old-70", None), ("", None),
])  # fmt: skip
def test_by_name(name: str, kind: str | None) -> None:
    assert kind_of(name=name) == kind


def test_a_name_and_an_address_that_differ_are_no_licence() -> None:
    assert kind_of("https://creativecommons.org/licenses/by-nc/4.0/", "CC BY 4.0") is None
    assert kind_of("https://creativecommons.org/licenses/by/4.0/", "CC BY 4.0") == "by"


def test_full_names() -> None:
    assert full_name("by-sa", "https://creativecommons.org/licenses/by-sa/2.5/") == "CC BY-SA 2.5"
    assert full_name("pdm") == "PDM"


def test_choices() -> None:
    assert parse_kinds([]) == PERMITTED == {"cc0", "pdm", "by", "by-sa"}
    assert parse_kinds(["BY-NC", " by "]) == {"by-nc", "by"}
    with pytest.raises(ValueError, match="unknown --license mit; choose among cc0"):
        parse_kinds(["mit"])
