"""Phones that do not keep to the letter, and what we do about it."""

from sip.events import Acknowledged, InviteReceived, SessionEnded
from tests.sip.network import ANSWER
from tests.sip.peer import SDP_OFFER, Peer, statuses


def test_an_ack_with_an_invented_to_tag_is_taken() -> None:
    peer = Peer()
    peer.confirm(ack=False)
    peer.say("ACK", to_tag="invented", branch="z9hG4bKpeer1")
    assert len(peer.bob.told_of(Acknowledged)) == 1
    assert statuses(peer.wait(40)) == []


def test_a_bye_that_forgot_our_tag_ends_the_call() -> None:
    peer = Peer()
    peer.confirm()
    assert statuses(peer.say("BYE", cseq=2)) == [200]
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["bye"]


def test_one_branch_for_everything_is_survived() -> None:
    peer = Peer()
    branch = "z9hG4bKsame"
    assert statuses(peer.say("REGISTER", branch=branch, call_id="registering")) == [401]
    assert statuses(peer.say("REGISTER", branch=branch, call_id="registering", cseq=2)) == [401]
    peer.say("INVITE", branch=branch, body=SDP_OFFER)
    peer.bob.agent.challenge(peer.session, peer.network.now)
    tag = peer.tag_of(peer.heard())
    peer.say("ACK", branch=branch, to_tag=tag)
    peer.say("INVITE", branch=branch, cseq=2, body=SDP_OFFER)
    assert len(peer.bob.told_of(InviteReceived)) == 2
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    tag = peer.tag_of(peer.heard())
    peer.say("ACK", branch=branch, cseq=2, to_tag=tag)
    assert len(peer.bob.told_of(Acknowledged)) == 1
    assert statuses(peer.say("BYE", branch=branch, cseq=3, to_tag=tag)) == [200]
    assert len(peer.bob.told_of(SessionEnded)) == 1


def test_line_feeds_alone_are_taken_as_line_ends() -> None:
    peer = Peer()
    text = (
        b"OPTIONS sip:a@192.0.2.2 SIP/2.0\nv: SIP/2.0/UDP 192.0.2.77:5070;branch=z9hG4bKlf\nf: <sip:p@h>;tag=1\n"
        b"t: sip:a@h\ni: lf\nCSeq: 1 OPTIONS\nl: 0\n\n"
    )
    assert statuses(peer.send(text)) == [200]


def test_a_phone_without_branch_cookie_is_matched_by_its_whole_via() -> None:
    peer = Peer()
    peer.say("INVITE", branch="old", body=SDP_OFFER)
    peer.say("INVITE", branch="old", body=SDP_OFFER)
    assert len(peer.bob.told_of(InviteReceived)) == 1


def test_keep_alives_are_silent() -> None:
    peer = Peer()
    for data in (b"\r\n\r\n", b"", b"\0"):
        assert peer.send(data) == []
    assert peer.bob.agent.counters == {"keep_alive": 3}


def test_an_invite_without_contact_is_answered_where_it_came_from() -> None:
    peer = Peer()
    tag = peer.confirm(contact="")
    peer.bob.agent.end(peer.session, peer.network.now)
    (bye,) = peer.heard()
    assert bye.from_.tag == tag
    assert peer.network.carried[-1].receiver == peer.address
