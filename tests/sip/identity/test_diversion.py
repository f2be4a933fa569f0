"""Diversion and History-Info: read, bounded, kept, and added to."""

import pytest

from sip.identity.diversion import MOST, Diversion, diversion_header, diversions_in
from sip.identity.history import MOST as MOST_ENTRIES
from sip.identity.history import Entry, history_header, history_in, went_on, without_users
from sip.message import Request


def request(name: str, *values: str) -> Request:
    """A request with these values of one header."""
    return Request("INVITE", "sip:1@192.0.2.1", [(name, value) for value in values])


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (
            "<sip:+4930123@carrier.example>;reason=user-busy;counter=2;privacy=off;screen=yes",
            Diversion("+4930123", "user-busy", 2, "off", "yes"),
        ),
        ("<tel:+49-30-123>", Diversion("+4930123")),
        ('"Boss" <sip:100@pbx>;reason="no-answer";privacy=full', Diversion("100", "no-answer", 1, "full")),
        ("<sip:100@pbx>;privacy=strange", Diversion("100", "unknown", 1, "full")),
        ("<sip:100@pbx>;counter=99999;reason=a b", Diversion("100", "unknown", 1)),
        ("<sip:100@pbx>;counter=9999", Diversion("100", "unknown", 99)),
    ],
)
def test_a_diversion_is_read(value: str, found: Diversion) -> None:
    assert diversions_in(request("Diversion", value)) == (found,)


@pytest.mark.parametrize("value", ["nonsense", "<sip:pbx.example>", f"<sip:{'1' * 65}@pbx>", "<mailto:a@b>"])
def test_a_diversion_by_nobody_is_left_out(value: str) -> None:
    assert [found.number for found in diversions_in(request("Diversion", value, "<sip:1@pbx>"))] == ["1"]


def test_the_newest_are_kept() -> None:
    found = diversions_in(request("Diversion", *(f"<sip:{number}@pbx>" for number in range(MOST + 5))))
    assert [one.number for one in found] == [str(number) for number in range(MOST)]


def test_a_diversion_is_written_under_our_own_host() -> None:
    header = diversion_header(Diversion("+4930123", "user-busy", 2, "off", "yes"), "192.0.2.1")
    assert header == ("Diversion", "<sip:+4930123@192.0.2.1>;reason=user-busy;counter=2;privacy=off;screen=yes")


HISTORY = ("<sip:100@a.example>;index=1", "<sip:200@b.example?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1")


def test_a_history_is_read_in_its_order() -> None:
    assert history_in(request("History-Info", ", ".join(HISTORY))) == (
        Entry("100", "1"),
        Entry("200", "1.1", "SIP%3Bcause%3D302", "mp=1"),
    )


def test_a_private_entry_goes_on_without_its_user() -> None:
    (entry,) = history_in(request("History-Info", "<sip:100@a.example?Privacy=history>;index=1"))
    assert history_header(entry, "192.0.2.1") == ("History-Info", "<sip:anonymous@anonymous.invalid>;index=1")


@pytest.mark.parametrize("value", ["nonsense", "<sip:1@a>", "<sip:1@a>;index=x", "<sip:1@a>;index=1.1.", "<mailto:a@b>;index=1"])
def test_a_history_with_a_broken_entry_is_none(value: str) -> None:
    assert history_in(request("History-Info", HISTORY[0], value)) == ()


def test_a_history_that_is_too_long_is_none() -> None:
    assert history_in(request("History-Info", *[HISTORY[0]] * (MOST_ENTRIES + 1))) == ()


def test_our_hop_is_added_to_where_the_call_was_for_us() -> None:
    went = went_on((Entry("100", "1"), Entry("200", "1.1")), "200", "300")
    assert went[2:] == (Entry("300", "1.1.1", change="mp=1.1"),)


def test_an_address_that_was_not_noted_is_added_first() -> None:
    went = went_on((Entry("100", "1"),), "200", "200")
    assert went[1:] == (Entry("200", "1.1"), Entry("200", "1.1.1", change="rc=1.1"))


def test_a_history_begins_with_the_address_that_was_called() -> None:
    assert went_on((), "200", "300") == (Entry("200", "1"), Entry("300", "1.1", change="mp=1"))


def test_an_entry_is_written_so_that_it_is_read_again() -> None:
    entries = history_in(request("History-Info", *HISTORY))
    assert history_in(Request("INVITE", "sip:1@a", [history_header(entry, "192.0.2.1") for entry in entries])) == entries


def test_a_history_without_users_keeps_its_tree() -> None:
    assert [entry.index for entry in without_users(history_in(request("History-Info", *HISTORY)))] == ["1", "1.1"]
    assert {entry.number for entry in without_users(history_in(request("History-Info", *HISTORY)))} == {""}
