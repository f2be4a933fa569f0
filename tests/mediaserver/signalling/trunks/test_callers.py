"""Who calls, and what the next leg is told of him."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.trunks import TrunkSettings
from mediaserver.signalling.trunks.callers import LONGEST_PASSED, MOST_PASSED, Caller, agent_numbers, caller_of_trunk, caller_of_user
from mediaserver.signalling.trunks.numbers import Numbering
from mediaserver.signalling.trunks.presenting import Listener, Presentation, present
from sip.errors import SipError
from sip.identity.diversion import Diversion
from sip.identity.privacy import PrivacyNotServed
from sip.message import Header, Request

PAI: Header = ("P-Asserted-Identity", '"Carla Meyer" <sip:+4930123@carrier.example>')
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'


def trunk(**keys: Any) -> TrunkSettings:
    """A trunk with these settings."""
    return TrunkSettings.model_validate({"name": "carrier", "host": "192.0.2.1", **keys})


def request(*headers: Header, from_: str = '"Carla" <sip:030123@carrier.example>;tag=1', uri: str = "sip:200@192.0.2.9") -> Request:
    """An INVITE."""
    return Request("INVITE", uri, [("From", from_), *headers])


def caller(*headers: Header, from_: str = '"Carla" <sip:030123@carrier.example>;tag=1', **keys: Any) -> Caller:
    """Who calls by way of a trunk with these settings."""
    settings = trunk(**keys)
    return caller_of_trunk(settings, Numbering(settings), request(*headers, from_=from_))


def listener(**keys: Any) -> Listener:
    """A trunk that is called."""
    settings = trunk(**keys)
    return Listener("198.51.100.1", None, settings, Numbering(settings), "0309")


PHONE = Listener("198.51.100.1", 5060, number="robert")


def headers(told: Presentation, name: str) -> list[str]:
    """The values of a header."""
    return [value for key, value in told.headers if key == name]


# who calls


def test_an_untrusted_trunks_assertion_is_not_looked_at() -> None:
    found = caller(PAI)
    assert (found.shown, found.display, found.is_asserted) == ("030123", "Carla", False)


def test_a_trusted_trunks_assertion_counts_before_its_from() -> None:
    found = caller(PAI, trusted=True)
    assert (found.shown, found.display, found.is_asserted) == ("+4930123", "Carla Meyer", True)


def test_numbers_and_tel_uris_are_written_as_the_house_does() -> None:
    found = caller(from_="<tel:030-12(3);phone-context=+49>;tag=1", numbers={"country": "49"})
    assert found.shown == "+4930123"


@pytest.mark.parametrize(
    ("extra", "from_"),
    [
        ((PAI, ("Privacy", "id")), '"Carla" <sip:030123@carrier.example>;tag=1'),
        ((PAI, ("Privacy", "user;critical")), '"Carla" <sip:030123@carrier.example>;tag=1'),
        ((PAI,), ANONYMOUS),
        ((("Remote-Party-ID", '"Carla" <sip:+4930123@carrier.example>;privacy=full'),), '"Carla" <sip:030123@c.example>;tag=1'),
    ],
)
def test_who_wants_to_be_anonymous_is_shown_as_that(extra: tuple[Header, ...], from_: str) -> None:
    found = caller(*extra, from_=from_, trusted=True)
    assert found.shown == "anonymous"
    assert found.number == "+4930123"


def test_an_anonymous_caller_of_an_untrusted_trunk_has_no_number() -> None:
    found = caller(PAI, from_=ANONYMOUS)
    assert (found.shown, found.number, found.display) == ("anonymous", "", "")


def test_a_wish_of_none_hides_nothing() -> None:
    assert caller(("Privacy", "none")).shown == "030123"


def test_a_critical_wish_that_is_unknown_is_an_error() -> None:
    with pytest.raises(PrivacyNotServed):
        caller(("Privacy", "secret;critical"))


def test_a_user_is_who_his_digest_proved() -> None:
    found = caller_of_user("1001", request(PAI, from_='"Boss" <sip:boss@example.com>;tag=1'))
    assert (found.number, found.display, found.is_asserted) == ("1001", "Boss", True)


def test_a_user_may_hide_too() -> None:
    assert caller_of_user("1001", request(("Privacy", "id"))).is_private


def test_what_strangers_write_is_bounded_and_printable() -> None:
    found = caller(from_=f'"a\x00b{"c" * 500}" <sip:{"1" * 900}@carrier.example>;tag=1')
    assert found.display.startswith("abc")
    assert (len(found.display), len(found.number)) == (63, 128)


@pytest.mark.parametrize(
    ("agents_by", "numbers"),
    [("none", ()), ("from", ("030123", "+4930123")), ("asserted", ("+4930123", "+4930123"))],
)
def test_by_which_numbers_a_caller_may_be_an_agent(agents_by: str, numbers: tuple[str, ...]) -> None:
    settings = trunk(trusted=True, agents_by=agents_by, numbers={"country": "49"})
    assert agent_numbers(settings, Numbering(settings), request(PAI)) == numbers


def test_an_untrusted_trunks_callers_are_no_agents() -> None:
    settings = trunk(agents_by="from")
    assert agent_numbers(settings, Numbering(settings), request(PAI)) == ()


# passed headers


def test_only_the_headers_that_are_named_go_on() -> None:
    found = caller(("X-Account", "4711"), ("x-account", "4712"), ("X-Other", "1"), ("Subject", "tea"), pass_headers=["X-Account"])
    assert found.passed == (("X-Account", "4711"), ("X-Account", "4712"))


@pytest.mark.parametrize("value", ["a" * (LONGEST_PASSED + 1), "a\x00b", "a\r\nX-Evil: 1"])
def test_a_value_that_could_not_be_sent_whole_is_left_out(value: str) -> None:
    assert caller(("X-Account", value), ("X-Account", "1"), pass_headers=["X-Account"]).passed == (("X-Account", "1"),)


def test_so_many_values_go_on_and_no_more() -> None:
    found = caller(*[("X-Account", str(number)) for number in range(MOST_PASSED + 9)], pass_headers=["X-Account"])
    assert len(found.passed) == MOST_PASSED


# what the next leg is told


KNOWN = Caller(number="+4930123", display="Carla", is_asserted=True, called="200")


def test_a_phone_is_told_number_and_name_under_our_address() -> None:
    assert present(KNOWN, PHONE) == Presentation("sip:+4930123@198.51.100.1:5060", "Carla", ())


def test_nobody_is_anonymous() -> None:
    assert present(Caller(), PHONE).from_uri == "sip:anonymous@198.51.100.1:5060"


def test_a_trusted_trunk_is_told_the_assertion() -> None:
    told = present(KNOWN, listener(trusted=True))
    assert told.headers == (("P-Asserted-Identity", '"Carla" <sip:+4930123@198.51.100.1>'),)


def test_what_nobody_vouched_for_is_not_asserted() -> None:
    assert present(Caller(number="+4930123"), listener(trusted=True)).headers == ()


@pytest.mark.parametrize("who", [PHONE, listener()])
def test_an_untrusted_listener_learns_nothing_of_a_private_caller(who: Listener) -> None:
    private = Caller(number="+4930123", display="Carla", is_private=True, is_asserted=True)
    assert present(private, who) == Presentation("sip:anonymous@anonymous.invalid", "Anonymous", ())


def test_a_trusted_trunk_gets_a_private_callers_number_with_his_wish() -> None:
    private = Caller(number="+4930123", display="", is_private=True, is_asserted=True)
    told = present(private, listener(trusted=True))
    assert told.from_uri == "sip:anonymous@anonymous.invalid"
    assert told.headers == (("P-Asserted-Identity", "<sip:+4930123@198.51.100.1>"), ("Privacy", "id"))


def test_numbers_are_told_in_the_listeners_own_way() -> None:
    who = listener(trusted=True, numbers={"country": "49", "send": "national", "user_phone": True})
    told = present(KNOWN, who)
    assert told.from_uri == "sip:030123@198.51.100.1;user=phone"
    assert headers(told, "P-Asserted-Identity") == ['"Carla" <sip:030123@198.51.100.1>']


DIVERTED = Caller(number="1", called="200", diversions=(Diversion("300", "no-answer"), Diversion("400", "user-busy", privacy="full")))


def test_diversions_go_on_in_their_order_under_our_host() -> None:
    assert headers(present(DIVERTED, listener(trusted=True)), "Diversion") == [
        "<sip:300@198.51.100.1>;reason=no-answer;counter=1;privacy=off",
        "<sip:400@198.51.100.1>;reason=user-busy;counter=1;privacy=full",
    ]


def test_private_diversions_are_for_trusted_trunks() -> None:
    assert [value.partition("@")[0] for value in headers(present(DIVERTED, PHONE), "Diversion")] == ["<sip:300"]


def test_who_sent_a_call_on_is_the_newest_diversion() -> None:
    told = present(DIVERTED.diverted_by("200"), listener())
    assert headers(told, "Diversion")[0] == "<sip:200@198.51.100.1>;reason=deflection;counter=1;privacy=off"


def test_a_history_goes_on_with_our_hop() -> None:
    found = caller(("History-Info", "<sip:100@pbx.internal>;index=1, <sip:200@pbx.internal?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1"))
    assert headers(present(found, listener()), "History-Info") == [
        "<sip:100@198.51.100.1>;index=1",
        "<sip:200@198.51.100.1?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1",
        "<sip:0309@198.51.100.1>;index=1.1.1;mp=1.1",
    ]


def test_a_private_history_keeps_its_tree_alone() -> None:
    found = caller(("History-Info", "<sip:100@pbx.internal>;index=1"), ("Privacy", "history"))
    values = headers(present(found, PHONE), "History-Info")
    assert all(value.startswith("<sip:anonymous@anonymous.invalid>;index=1") for value in values)
    assert "100" in headers(present(found, listener(trusted=True)), "History-Info")[0]


def test_a_call_without_a_history_begins_none() -> None:
    assert headers(present(KNOWN, listener(trusted=True)), "History-Info") == []


def test_passed_headers_reach_the_next_leg() -> None:
    assert present(Caller(number="1", passed=(("X-Account", "4711"),)), PHONE).headers == (("X-Account", "4711"),)


# whatever strangers write

TELLING = ("From", "Privacy", "P-Asserted-Identity", "Remote-Party-ID", "Diversion", "History-Info", "X-Account")
MARKS = ["<sip:", "tel:", "@", ">", '"', ";", "=", ",", "?Reason=", "%0D%0A", "\x00", "\udc80", "ü"]
PIECES = st.sampled_from([*MARKS, "+49", "300", "pbx.internal", "index=1", "id", "critical"])
VALUES = st.lists(PIECES, max_size=12).map("".join)


@given(st.lists(st.tuples(st.sampled_from(TELLING), VALUES), max_size=8), st.booleans())
def test_whatever_a_trunk_writes_can_be_told_or_is_refused(written: list[Header], trusted: bool) -> None:
    settings = trunk(trusted=trusted, agents_by="asserted" if trusted else "none", pass_headers=["X-Account"], numbers={"country": "49"})
    message = Request("INVITE", "tel:+49-30-1", written)
    try:
        found = caller_of_trunk(settings, Numbering(settings), message)
        agent_numbers(settings, Numbering(settings), message)
    except SipError:
        return
    for who in (PHONE, listener(), listener(trusted=True)):
        told = present(found.diverted_by("1"), who)
        sent = Request("INVITE", "sip:1@192.0.2.1", [("From", f"<{told.from_uri}>"), *told.headers]).serialize()
        assert sent.count(b"\r\n") == len(told.headers) + 4
        # What was named is passed on as it stands; elsewhere no name of the other leg is left.
        rest = b"\r\n".join(line for line in sent.split(b"\r\n") if not line.startswith(b"X-Account"))
        assert b"@pbx.internal" not in rest
