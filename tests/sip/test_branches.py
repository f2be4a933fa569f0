"""One call to several phones: rung at once or one group after the other, the first who answers has it (RFC 3261 §16.7)."""

import pytest

from sip.events import Accepted, Progressed, Rejected
from sip.message import Request
from sip.session.settings import Branch
from sip.transport.flow import Address
from sip.useragent import Invitation
from tests.sip.elsewhere import FIRST, SECOND, THIRD, Ways, request_of, udp
from tests.sip.network import OFFER

PHONES = {FIRST: 1.0, SECOND: 1.0}


class Phones(Ways):
    """Bob, who calls several phones at once."""

    def call(self, phones: dict[Address, float] | None = None, **settings: object) -> dict[Address, Request]:
        """Place the call; the INVITEs by phone."""
        branches = tuple(Branch(f"sip:peer@{host}:{port}", (udp((host, port)),), q=q) for (host, port), q in (phones or PHONES).items())
        invitation = Invitation("", "sip:bob@192.0.2.2", "sip:peer@example.com", (), OFFER, branches=branches, **settings)  # type: ignore[arg-type]
        self.session = self.bob.agent.invite(invitation, self.network.now)
        return self.invites()

    def invites(self) -> dict[Address, Request]:
        """INVITEs since the last look."""
        return {carried.receiver: request_of(carried) for carried in self.sent() if carried.what == "INVITE"}

    @property
    def rejected(self) -> list[int]:
        """Failures that Bob was told."""
        return [event.status for event in self.bob.told_of(Rejected)]

    def is_clean(self) -> bool:
        """Whether nothing is left when all has run out."""
        return self.wait(200).bob.agent.leftovers() == 0


def test_all_phones_are_rung_at_once_with_branches_of_one_call() -> None:
    ways = Phones()
    invites = ways.call()
    first, second = invites[FIRST], invites[SECOND]
    assert (first.uri, second.uri) == ("sip:peer@192.0.2.11:5060", "sip:peer@192.0.2.12:5060")
    assert (first.call_id, first.from_.tag, first.cseq, first.to.uri) == (second.call_id, second.from_.tag, second.cseq, second.to.uri)
    assert first.via.branch != second.via.branch
    assert first.body == second.body == OFFER.serialize()


def test_the_first_to_answer_has_the_call_and_the_others_are_told_so() -> None:
    ways = Phones()
    invites = ways.call()
    for phone, invite in invites.items():
        ways.answer(invite, 180, phone)
    ways.answer(invites[SECOND], 200, SECOND)
    sent = ways.sent()
    assert [(carried.what, carried.receiver) for carried in sent] == [("CANCEL", FIRST), ("ACK", SECOND)]
    cancel = request_of(sent[0])
    assert cancel.header("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert cancel.via.branch == invites[FIRST].via.branch
    assert [event.fork for event in ways.bob.told_of(Progressed)] == [FIRST[0], SECOND[0]]
    assert [event.fork for event in ways.bob.told_of(Accepted)] == [SECOND[0]]
    ways.answer(cancel, 200, FIRST)
    ways.answer(invites[FIRST], 487, FIRST)
    assert ways.what() == [("ACK", FIRST)]
    ways.bob.agent.end(ways.session, ways.network.now)
    assert ways.what() == [("BYE", SECOND)]
    assert ways.rejected == []
    assert ways.is_clean()


def test_two_who_answer_at_the_same_time_leave_one_call() -> None:
    ways = Phones()
    invites = ways.call()
    for phone, invite in invites.items():
        ways.answer(invite, 180, phone)
    ways.answer(invites[FIRST], 200, FIRST)
    ways.answer(invites[SECOND], 200, SECOND)
    assert ways.what() == [("CANCEL", SECOND), ("ACK", FIRST), ("ACK", SECOND), ("BYE", SECOND)]
    assert len(ways.bob.told_of(Accepted)) == 1
    ways.answer(invites[SECOND], 200, SECOND)
    assert ways.what() == [("ACK", SECOND)]


def test_a_phone_that_has_not_rung_yet_is_cancelled_when_it_does() -> None:
    ways = Phones()
    invites = ways.call()
    ways.answer(invites[FIRST], 200, FIRST)
    assert ways.what() == [("ACK", FIRST)]
    ways.answer(invites[SECOND], 180, SECOND)
    assert ways.what() == [("CANCEL", SECOND)]


def test_a_phone_that_is_off_is_sent_nothing_more_once_another_answered() -> None:
    ways = Phones()
    ways.answer(ways.call()[FIRST], 200, FIRST)
    ways.sent()
    assert ways.wait(40).what() == []


def test_a_busy_phone_leaves_the_others_ringing() -> None:
    ways = Phones()
    invites = ways.call()
    ways.answer(invites[FIRST], 486, FIRST)
    assert (ways.what(), ways.rejected) == ([("ACK", FIRST)], [])
    ways.answer(invites[SECOND], 200, SECOND)
    assert [event.fork for event in ways.bob.told_of(Accepted)] == [SECOND[0]]


def test_where_all_are_busy_the_call_is() -> None:
    ways = Phones()
    for phone, invite in ways.call().items():
        ways.answer(invite, 486, phone)
    assert ways.rejected == [486]
    assert ways.is_clean()


@pytest.mark.parametrize(
    ("statuses", "best"),
    [
        ((480, 486), 486),
        ((486, 480), 486),
        ((500, 404), 404),
        ((503, 302), 302),
        ((404, 484), 484),
        ((408, 404), 404),
        ((486, 401), 401),
        ((500, 408), 408),
    ],
)
def test_the_best_failure_is_the_calls(statuses: tuple[int, int], best: int) -> None:
    ways = Phones()
    for (phone, invite), status in zip(ways.call().items(), statuses, strict=True):
        ways.answer(invite, status, phone)
    assert ways.rejected == [best]


def test_what_a_phone_said_counts_more_than_anothers_silence() -> None:
    ways = Phones()
    invites = ways.call()
    ways.answer(invites[FIRST], 503, FIRST)
    assert ways.wait(33).rejected == [503]
    assert ways.bob.told_of(Rejected)[0].response is not None


def test_who_declines_for_the_person_ends_all() -> None:
    ways = Phones()
    invites = ways.call({FIRST: 1.0, SECOND: 1.0, THIRD: 0.5})
    ways.answer(invites[SECOND], 180, SECOND)
    ways.answer(invites[FIRST], 603, FIRST)
    assert ways.what() == [("ACK", FIRST), ("CANCEL", SECOND)]
    assert ways.rejected == [603]
    assert ways.wait(40).invites() == {}
    assert ways.is_clean()


def test_the_phones_of_a_lower_q_are_rung_when_the_better_ones_failed() -> None:
    ways = Phones()
    invites = ways.call({THIRD: 0.5, FIRST: 1.0, SECOND: 1.0})
    assert set(invites) == {FIRST, SECOND}
    ways.answer(invites[FIRST], 486, FIRST)
    assert ways.invites() == {}
    ways.answer(invites[SECOND], 480, SECOND)
    assert set(ways.invites()) == {THIRD}
    assert ways.rejected == []


def test_the_phones_of_a_lower_q_join_when_the_better_ones_only_ring() -> None:
    ways = Phones(ring_next_after=10)
    invites = ways.call({FIRST: 1.0, SECOND: 0.5})
    ways.answer(invites[FIRST], 180, FIRST)
    assert ways.wait(9.9).invites() == {}
    joined = ways.wait(0.2).invites()
    assert set(joined) == {SECOND}
    ways.answer(joined[SECOND], 180, SECOND)
    ways.answer(invites[FIRST], 200, FIRST)
    assert ways.what() == [("CANCEL", SECOND), ("ACK", FIRST)]


def test_ending_the_call_ends_all_branches() -> None:
    ways = Phones()
    invites = ways.call()
    ways.answer(invites[FIRST], 180, FIRST)
    ways.answer(invites[SECOND], 180, SECOND)
    ways.bob.agent.end(ways.session, ways.network.now, reason="SIP;cause=487")
    assert sorted(ways.what()) == [("CANCEL", FIRST), ("CANCEL", SECOND)]
    for phone, invite in invites.items():
        ways.answer(invite, 487, phone)
    assert ways.rejected == []
    assert ways.bob.agent.live_sessions == 0
    assert ways.is_clean()


def test_a_call_that_was_ended_rings_no_further_phones() -> None:
    ways = Phones(ring_next_after=5)
    ways.answer(ways.call({FIRST: 1.0, SECOND: 0.5})[FIRST], 180, FIRST)
    ways.bob.agent.end(ways.session, ways.network.now)
    assert ways.wait(40).invites() == {}


def test_a_challenge_is_met_in_its_own_branch() -> None:
    ways = Phones()
    invites = ways.call(user="bob", secret="secret")
    ways.answer(invites[FIRST], 401, FIRST, headers=(("WWW-Authenticate", 'Digest realm="r", nonce="n", algorithm=MD5'),))
    assert ways.what() == [("ACK", FIRST), ("INVITE", FIRST)]
    ways.answer(invites[SECOND], 200, SECOND)
    assert ways.what() == [("ACK", SECOND)]


def test_a_branch_has_routes_of_its_own() -> None:
    ways = Phones()
    branches = (
        Branch("sip:peer@10.0.0.7", (udp(FIRST),), route=("<sip:192.0.2.11;lr>",)),
        Branch("sip:peer@10.0.0.8", (udp(SECOND),)),
    )
    invitation = Invitation("", "sip:bob@192.0.2.2", "sip:peer@example.com", (), OFFER, branches=branches)
    ways.bob.agent.invite(invitation, ways.network.now)
    invites = ways.invites()
    assert [invites[FIRST].values("Route"), invites[SECOND].values("Route")] == [("<sip:192.0.2.11;lr>",), ()]
