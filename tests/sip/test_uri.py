"""URIs: parts, escapes, addresses, equality."""

import pytest

from sip.errors import ParseError, UnsupportedScheme
from sip.uri import Uri


def test_all_parts_are_read() -> None:
    uri = Uri.parse("SIPS:alice:secret@Example.COM:5061;Transport=TCP;lr?Subject=x&Route=%3Csip:h%3E")
    assert (uri.scheme, uri.user, uri.password, uri.hostport) == ("sips", "alice", "secret", ("example.com", 5061))
    assert (uri.parameter("transport"), uri.is_loose_router, uri.parameter("maddr")) == ("TCP", True, None)
    assert uri.headers == "Subject=x&Route=%3Csip:h%3E"


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("sip:*1alice@h", "*1alice"),
        ("sip:%2A1alice@h", "*1alice"),
        ("sip:user;par=u%40example.net@example.com", "user;par=u@example.net"),
        ("sip:sips%3Auser%40example.com@example.net", "sips:user@example.com"),
        ("sip:null-%00-null@example.com", "null-\0-null"),
        ("sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com", "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"),
        ("sip:example.com", ""),
        ("tel:+43123456;phone-context=x", "+43123456"),
    ],
)
def test_users_are_read_without_escapes_and_written_again(text: str, user: str) -> None:
    uri = Uri.parse(text)
    assert uri.user == user
    assert Uri.parse(str(uri)) == uri


@pytest.mark.parametrize(
    ("text", "hostport"),
    [
        ("sip:[2001:db8::10]", ("2001:db8::10", 5060)),
        ("sip:u@[2001:db8::10]:5070", ("2001:db8::10", 5070)),
        ("sip:[2001:db8:::192.0.2.1]", ("2001:db8:::192.0.2.1", 5060)),
    ],
)
def test_ipv6_stands_in_brackets(text: str, hostport: tuple[str, int]) -> None:
    uri = Uri.parse(text)
    assert uri.hostport == hostport
    assert Uri.parse(str(uri)) == uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        "sip:@h",
        "sip:a@",
        "sip:a@b@c",
        "sip:a@h:x",
        "sip:a@h:70000",
        "sip:2001:db8::1",
        "sip:[::1",
        "sip:[]",
        "sip:a@h;;x",
        "sip:a b@h",
        "<sip:a@h>",
        "tel:",
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Uri.parse(text)


def test_another_scheme_is_refused_as_such() -> None:
    with pytest.raises(UnsupportedScheme):
        Uri.parse("http://example.com")


def test_a_long_uri_is_refused() -> None:
    with pytest.raises(ParseError, match="at most"):
        Uri.parse("sip:" + "a" * 3000 + "@h")
