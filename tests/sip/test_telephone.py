"""Telephone numbers in URIs."""

import pytest

from sip.telephone import is_number_text, is_telephone, number_in
from sip.uri import Uri


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("tel:+49-30-1234.56(7)", "+49301234567"),
        ("tel:+12125551234;ext=55", "+12125551234"),
        ("tel:7042;phone-context=example.com", "7042"),
        ("tel:7042;phone-context=+1914555", "7042"),
        ("tel:*31%231234", "*31#1234"),
        ("sip:+49-30-1234567@gateway.example", "+49301234567"),
        ("sip:+4930(12)34@gateway.example;user=phone", "+49301234"),
        ("sip:030-1234@gateway.example;user=phone", "0301234"),
        ("sips:+4930123;phone-context=+49@gateway.example;user=phone", "+4930123"),
        ("sip:1234;npdi;rn=555@gateway.example", "1234"),
        ("sip:030-1234@gateway.example", "030-1234"),
        ("sip:robert@example.com", "robert"),
        ("sip:robert@example.com;user=phone", "robert"),
        ("sip:john.doe@example.com", "john.doe"),
        ("sip:example.com", ""),
        ("mailto:robert@example.com", ""),
        ("nonsense", ""),
    ],
)
def test_the_number_of_a_uri(uri: str, number: str) -> None:
    assert number_in(uri) == number


@pytest.mark.parametrize(
    ("text", "is_number"), [("+4930", True), ("*31#", True), ("", False), ("+", False), ("1A", True), ("a1", False), ("1x", False)]
)
def test_what_is_a_number(text: str, is_number: bool) -> None:
    assert is_number_text(text) is is_number


@pytest.mark.parametrize(("uri", "says"), [("tel:1", True), ("sip:1@a;user=phone", True), ("sip:1@a;user=ip", False), ("sip:1@a", False)])
def test_what_says_that_it_is_a_telephone(uri: str, says: bool) -> None:
    assert is_telephone(Uri.parse(uri)) is says
