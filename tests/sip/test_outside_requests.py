"""Requests of ours outside dialogs: answered, challenged, timed out, moved to the next flow."""

import pytest

from sip import asking
from sip.asking import OutsideRequest, OwnContact
from sip.errors import SipError
from sip.events import RequestAnswered
from sip.message import Header, Request
from sip.transport.flow import Flow
from tests.sip.network import BOB
from tests.sip.peer import PEER, Peer, methods

SECOND = ("192.0.2.78", 5070)


class Asked(Peer):
    """Bob asks the peer something."""

    def ask(self, method: str = "OPTIONS", *, flows: int = 1, user: str = "", **wishes: object) -> Request:
        """Send it; returns the request as it was sent first."""
        hops = tuple(Flow(self.network.transport, BOB, remote) for remote in (PEER, SECOND)[:flows])
        wish = OutsideRequest(
            method,
            "sip:peer@192.0.2.77",
            "sip:bob@192.0.2.2",
            "sip:peer@192.0.2.77",
            hops,
            user=user,
            secret="secret" if user else "",
            **wishes,  # type: ignore[arg-type]
        )
        self.number = self.bob.agent.request(wish, self.network.now)
        return self.requests()[0]

    def requests(self) -> list[Request]:
        """What Bob sent since the last look."""
        return [message for message in self.heard() if isinstance(message, Request)]

    @property
    def answers(self) -> list[RequestAnswered]:
        """What Bob was told."""
        self.network.settle()
        return self.bob.told_of(RequestAnswered)


def test_the_answer_is_told_once() -> None:
    peer = Asked()
    request = peer.ask()
    peer.answer(request, 200)
    peer.answer(request, 200)
    (answer,) = peer.answers
    assert (answer.request, answer.status) == (peer.number, 200)
    assert answer.response is not None
    assert answer.response.call_id == request.call_id


def test_a_provisional_answer_is_not_the_end() -> None:
    peer = Asked()
    request = peer.ask("MESSAGE", content_type="text/plain", body=b"hello")
    peer.answer(request, 100)
    assert peer.answers == []
    peer.answer(request, 202)
    assert [answer.status for answer in peer.answers] == [202]


def test_body_and_headers_are_sent_as_they_were_given() -> None:
    peer = Asked()
    request = peer.ask("MESSAGE", content_type="text/plain", body=b"hello", headers=(("Subject", "tea"),), route=("<sip:proxy;lr>",))
    assert (request.body, request.content_type, request.header("Subject"), request.header("Route")) == (
        b"hello",
        "text/plain",
        "tea",
        "<sip:proxy;lr>",
    )
    assert request.values("Contact") == ()


def test_a_contact_names_its_user_and_its_parameters() -> None:
    peer = Asked()
    request = peer.ask("REGISTER", contact=OwnContact("line 1", ";expires=60"))
    assert request.header("Contact") == "<sip:line%201@192.0.2.2:5060>;expires=60"


def test_a_challenge_is_met_and_not_told() -> None:
    peer = Asked()
    first = peer.ask("REGISTER", user="bob", call_id="mine", cseq=7)
    challenge = 'WWW-Authenticate: Digest realm="peer", nonce="n1", algorithm=MD5, qop="auth"'
    (second,) = [message for message in peer.answer(first, 401, headers=(challenge,)) if isinstance(message, Request)]
    assert second.call_id == "mine"
    assert second.cseq.number == 8
    assert 'username="bob"' in (second.header("Authorization") or "")
    peer.answer(second, 200)
    assert [(answer.status, answer.sequence) for answer in peer.answers] == [(200, 8)]


def test_a_challenge_without_credentials_is_the_answer() -> None:
    peer = Asked()
    peer.answer(peer.ask(), 401, headers=('WWW-Authenticate: Digest realm="peer", nonce="n1"',))
    assert [answer.status for answer in peer.answers] == [401]


def test_silence_is_408() -> None:
    peer = Asked()
    peer.ask()
    peer.wait(31)
    assert peer.answers == []
    peer.wait(2)
    assert [(answer.status, answer.response) for answer in peer.answers] == [(408, None)]


def test_patience_ends_it_earlier_and_nothing_more_is_sent() -> None:
    peer = Asked()
    peer.ask(patience=3)
    peer.wait(3.1)
    assert [answer.status for answer in peer.answers] == [408]
    assert peer.wait(40) == []
    assert peer.bob.agent.leftovers() == 0


def test_a_lost_flow_is_503() -> None:
    peer = Asked()
    peer.ask()
    peer.bob.agent.flow_lost(peer.flow, peer.network.now)
    assert [(answer.status, answer.response) for answer in peer.answers] == [(503, None)]


@pytest.mark.parametrize("trouble", ["503", "lost", "silence"])
def test_trouble_on_one_flow_moves_the_request_to_the_next(trouble: str) -> None:
    peer = Asked()
    first = peer.ask(flows=2)
    if trouble == "503":
        peer.answer(first, 503)
    elif trouble == "lost":
        peer.bob.agent.flow_lost(peer.flow, peer.network.now)
    else:
        peer.network.run(4.1)
    peer.network.settle()
    second = next(carried.message for carried in peer.network.carried if carried.receiver == SECOND)
    assert isinstance(second, Request)
    assert second.call_id == first.call_id
    assert second.via.branch != first.via.branch
    assert second.cseq == first.cseq
    assert peer.answers == []
    peer.answer(second, 200)
    assert [answer.status for answer in peer.answers] == [200]


def test_our_contact_moves_with_the_request() -> None:
    peer = Asked(advertised=lambda flow: (f"{flow.transport}.example.com", 5060))
    way = Flow("tcp", (BOB[0], 0), PEER)
    contact = OwnContact("bob", ";expires=600")
    peer.bob.agent.request(OutsideRequest("REGISTER", "sip:h", "sip:b@h", "sip:b@h", (peer.flow, way), contact=contact), peer.network.now)
    first = peer.requests()[0]
    peer.bob.agent.flow_lost(peer.flow, peer.network.now)
    (second,) = peer.requests()
    assert first.header("Contact") == "<sip:bob@udp.example.com:5060>;expires=600"
    assert second.header("Contact") == "<sip:bob@tcp.example.com:5060;transport=tcp>;expires=600"


def test_a_503_on_the_last_flow_is_the_answer() -> None:
    peer = Asked()
    peer.answer(peer.ask(), 503)
    (answer,) = peer.answers
    assert answer.status == 503
    assert answer.response is not None


def test_a_word_from_the_first_flow_keeps_the_request_there() -> None:
    peer = Asked()
    request = peer.ask(flows=2)
    peer.answer(request, 100)
    peer.network.run(10)
    assert all(carried.receiver != SECOND for carried in peer.network.carried)


def test_an_abandoned_request_is_silent() -> None:
    peer = Asked()
    request = peer.ask()
    peer.bob.agent.abandon(peer.number, peer.network.now)
    peer.answer(request, 200)
    assert methods(peer.wait(40)) == []
    assert peer.answers == []
    assert peer.bob.agent.leftovers() == 0


def test_a_request_without_a_flow_is_503() -> None:
    peer = Asked()
    wish = OutsideRequest("OPTIONS", "sip:peer@192.0.2.77", "sip:bob@192.0.2.2", "sip:peer@192.0.2.77", ())
    peer.bob.agent.request(wish, peer.network.now)
    assert [answer.status for answer in peer.answers] == [503]


def test_too_many_at_once_are_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_ASKED", 5)
    peer = Asked()
    wish = OutsideRequest("OPTIONS", "sip:peer@192.0.2.77", "sip:bob@192.0.2.2", "sip:peer@192.0.2.77", (peer.flow,))
    for _ in range(6):
        peer.bob.agent.request(wish, peer.network.now)
    assert [answer.status for answer in peer.answers] == [503]
    assert peer.bob.agent.counters["request_limit"] == 1


@pytest.mark.parametrize("header", [("Subject", "a\r\nX-Evil: 1"), ("Subject\r\nX-Evil", "1")])
def test_a_header_with_a_line_break_is_not_sent(header: Header) -> None:
    peer = Asked()
    with pytest.raises(SipError):
        peer.ask(headers=(header,))
    assert peer.heard() == []
    assert peer.bob.agent.leftovers() == 0
