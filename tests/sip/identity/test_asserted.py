"""Asserted identities and privacy, read and written."""

import pytest

from sip.headers import parse_address
from sip.identity.asserted import Asserted, asserted_in, assertion
from sip.identity.privacy import PrivacyNotServed, is_anonymous, privacy_in
from sip.message import Request

PAI, PPI, RPID = "P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"


def request(*headers: tuple[str, str]) -> Request:
    """A request with these headers."""
    return Request("INVITE", "sip:1@192.0.2.1", headers)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ((), None),
        (((PAI, '"Carla" <sip:+4930123@carrier.example>'),), Asserted("+4930123", "Carla")),
        (((PAI, "tel:+49-30-123"),), Asserted("+4930123")),
        (((PAI, '"Carla" <sip:carla@carrier.example>, <tel:+4930123>'),), Asserted("+4930123", "Carla")),
        (((PAI, "<sip:a@b>"), (PAI, "<tel:+1>")), Asserted("+1")),
        (((PAI, "<sip:a@b>, <sip:c@d>, <tel:+1>"),), Asserted("a")),
        (((PPI, "<sip:100@pbx>"), (RPID, "<sip:200@pbx>")), Asserted("100")),
        (((RPID, '"Carla" <sip:200@pbx>;party=calling;privacy=off;screen=yes'),), Asserted("200", "Carla")),
        (((RPID, "<sip:200@pbx>;privacy=full"),), Asserted("200", "", True)),
        (((RPID, "<sip:200@pbx>;party=called"),), None),
        (((PAI, "nonsense"),), None),
        (((PAI, '"open <sip:a@b>'),), None),
        (((PAI, "<sip:carrier.example>"),), None),
    ],
)
def test_who_is_asserted(headers: tuple[tuple[str, str], ...], found: Asserted | None) -> None:
    assert asserted_in(request(*headers)) == found


def test_an_assertion_is_written_so_that_it_is_read_again() -> None:
    header = assertion("+4930123", 'Carla "C" Meyer', "192.0.2.1")
    assert header == (PAI, '"Carla \\"C\\" Meyer" <sip:+4930123@192.0.2.1>')
    assert asserted_in(request(header)) == Asserted("+4930123", 'Carla "C" Meyer')


def test_nothing_breaks_out_of_an_assertion() -> None:
    _, value = assertion("1>\r\nX-Evil: 1\r\n", "a\r\nX-Evil: 1", "192.0.2.1")
    assert "\r" not in value
    assert "\n" not in value
    assert parse_address(value).uri == "sip:1%3E%0D%0AX-Evil%3A%201%0D%0A@192.0.2.1"


@pytest.mark.parametrize(
    ("value", "hides_caller", "hides_history"),
    [
        ("", False, False),
        ("id", True, False),
        ("user;id", True, False),
        ("USER ; critical", True, False),
        ("none", False, False),
        ("none;id", False, False),
        ("header", False, True),
        ("session", False, False),
        ("history", False, True),
        ("id, history", True, True),
        ("unheard-of", False, False),
    ],
)
def test_what_a_caller_wants_hidden(value: str, hides_caller: bool, hides_history: bool) -> None:
    privacy = privacy_in(request(*([("Privacy", value)] if value else [])))
    assert (privacy.hides_caller, privacy.hides_history) == (hides_caller, hides_history)


def test_a_critical_wish_that_is_not_known_is_refused() -> None:
    with pytest.raises(PrivacyNotServed) as refused:
        privacy_in(request(("Privacy", "id;unheard-of;critical")))
    assert refused.value.status == 500


@pytest.mark.parametrize(
    ("value", "is_nobody"),
    [
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', True),
        ("<sip:4930123@anonymous.invalid>", True),
        ("<sip:Anonymous@gateway.example>", True),
        ("<sip:restricted@gateway.example>", True),
        ("<sip:4930123@gateway.example>", False),
        ("<mailto:a@b>", False),
    ],
)
def test_a_from_that_names_nobody(value: str, is_nobody: bool) -> None:
    assert is_anonymous(parse_address(value)) is is_nobody
