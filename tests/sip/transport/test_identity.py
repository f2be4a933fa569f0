"""The names in certificates, and which of them is good for a host (RFC 5922)."""

import pytest

from sip.transport.identity import names_of, shows

COMMON_NAME = ((("commonName", "cn.example.com"),),)


@pytest.mark.parametrize(
    ("certificate", "names"),
    [
        ({"subject": COMMON_NAME, "subjectAltName": (("DNS", "a.example.com"), ("URI", "sip:b.org"))}, ("b.org", "a.example.com")),
        ({"subject": COMMON_NAME, "subjectAltName": (("URI", "sip:alice@example.com"),)}, ()),
        ({"subject": COMMON_NAME, "subjectAltName": (("URI", "https://example.com"), ("DNS", "B.example.com"))}, ("b.example.com",)),
        ({"subjectAltName": (("IP Address", "192.0.2.1"), ("IP Address", "2001:DB8:0:0:0:0:0:1\n"))}, ("192.0.2.1", "2001:db8::1")),
        ({"subject": COMMON_NAME}, ("cn.example.com",)),
        ({}, ()),
    ],
    ids=["SIP first", "a person is no domain", "other URIs do not count", "addresses", "common name alone", "none shown"],
)
def test_names_are_the_alternative_ones_and_else_the_common_name(certificate: dict[str, object], names: tuple[str, ...]) -> None:
    assert names_of(certificate) == names


@pytest.mark.parametrize(
    ("name", "wanted", "strictly", "with_wildcards"),
    [
        ("sip.example.com", "SIP.Example.com.", True, True),
        ("*.example.com", "sip.example.com", False, True),
        ("*.example.com", "a.sip.example.com", False, False),
        ("*.example.com", "example.com", False, False),
        ("*.com", "example.com", False, False),
        ("s*.example.com", "sip.example.com", False, False),
        ("2001:db8::1", "2001:DB8:0::1", True, True),
        ("example.com", "sip.example.com", False, False),
    ],
)
def test_a_name_matches_whole_and_a_wildcard_where_it_may(name: str, wanted: str, strictly: bool, with_wildcards: bool) -> None:
    assert shows((name,), wanted) == strictly
    assert shows((name,), wanted, with_wildcards=True) == with_wildcards
