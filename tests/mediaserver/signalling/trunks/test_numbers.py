"""Numbers as a trunk writes them."""

from typing import Any

import pytest

from config.trunks import TrunkSettings
from mediaserver.signalling.trunks.numbers import Numbering

GERMANY = {"country": "49"}
AMERICA = {"country": "1", "national_prefix": "1", "international_prefix": "011"}


def numbering(**keys: Any) -> Numbering:
    """Of a trunk with these settings."""
    return Numbering(TrunkSettings.model_validate({"name": "pbx", "host": "192.0.2.1", **keys}))


@pytest.mark.parametrize(
    ("numbers", "came", "is_"),
    [
        (GERMANY, "030123", "+4930123"),
        (GERMANY, "004930123", "+4930123"),
        (GERMANY, "001212555", "+1212555"),
        (GERMANY, "+4930123", "+4930123"),
        (GERMANY, "1001", "1001"),
        (GERMANY, "*31#", "*31#"),
        (GERMANY, "robert", "robert"),
        (GERMANY, "", ""),
        (AMERICA, "12125551234", "+12125551234"),
        (AMERICA, "0114930123", "+4930123"),
        ({}, "030123", "030123"),
        ({"country": "39", "national_prefix": ""}, "06123", "06123"),
    ],
)
def test_numbers_become_e164_on_their_way_in(numbers: dict[str, str], came: str, is_: str) -> None:
    assert numbering(numbers=numbers).inward("caller", came) == is_


@pytest.mark.parametrize(
    ("send", "number", "written"),
    [
        ("as_is", "+4930123", "+4930123"),
        ("e164", "+4930123", "+4930123"),
        ("international", "+4930123", "004930123"),
        ("plain", "+4930123", "4930123"),
        ("national", "+4930123", "030123"),
        ("national", "+1212555", "001212555"),
        ("national", "1001", "1001"),
        ("plain", "+49x", "+49x"),
    ],
)
def test_numbers_go_out_as_the_trunk_wants_them(send: str, number: str, written: str) -> None:
    assert numbering(numbers=GERMANY | {"send": send}).outward("called", number) == written


RULES = [
    {"match": r"\+4930555(\d+)", "replace": r"\1"},
    {"match": r"\+49.*", "replace": "other"},
    {"match": r"(?P<extension>\d{3})", "replace": r"+4930555\g<extension>", "which": "caller", "direction": "out"},
]


@pytest.mark.parametrize(("number", "is_"), [("0305551234", "1234"), ("030999", "other"), ("1234", "1234"), ("+43555", "+43555")])
def test_the_first_rule_that_matches_the_whole_e164_number_is_applied(number: str, is_: str) -> None:
    assert numbering(numbers=GERMANY, rewrite=RULES).inward("called", number) == is_


def test_a_rule_is_for_one_number_and_one_direction() -> None:
    rules = numbering(rewrite=RULES)
    assert rules.outward("caller", "123") == "+4930555123"
    assert rules.outward("called", "123") == "123"
    assert rules.inward("caller", "123") == "123"
    assert rules.inward("caller", "+4930555123") == "+4930555123"


def test_a_group_that_took_no_part_is_empty() -> None:
    rules = [{"match": r"(9)?(\d{3})", "replace": r"<\1\2>"}]
    assert numbering(rewrite=rules).inward("called", "123") == "<123>"
