"""Floods, guessed secrets and searches for users, against a whole user agent on a virtual clock."""

import re
import time
from gc import collect
from weakref import ref

import pytest

from sip.digest import authorize
from sip.events import InviteReceived, Registered, SourceBanned
from sip.guard import GuardSettings
from sip.late import MOST_WAITING, LateAnswers
from sip.message import Request, Response
from sip.timers import Timers
from sip.transport.flow import Flow
from tests.sip.network import BOB, Network
from tests.sip.peer import PEER, SDP_OFFER, Peer, statuses

FEW = GuardSettings(rate=2, burst=5)
STRICT = GuardSettings(failures=3, failure_window=60, ban=100, slowest=1)
BEHIND_PROXY = GuardSettings(trusted=(PEER[0],), failures=3, failure_window=60, ban=100, slowest=1)


class Phone(Peer):
    """A peer that registers, or tries to."""

    def __init__(self, guard: GuardSettings = STRICT, network: Network | None = None) -> None:
        super().__init__(network, guard=guard)
        self._cseq = 0

    def asks(self, method: str = "REGISTER", user: str = "alice", *headers: str) -> list[Request | Response]:
        """A request of this user, a new one each time."""
        self._cseq += 1
        text = [
            f"{method} sip:{user}@192.0.2.2 SIP/2.0",
            f"Via: SIP/2.0/UDP 192.0.2.77:5070;branch=z9hG4bK{user}{self._cseq}",
            f"From: <sip:{user}@192.0.2.2>;tag=r{self._cseq}",
            f"To: <sip:{user}@192.0.2.2>",
            f"Call-ID: {method}-{self._cseq}",
            f"CSeq: {self._cseq} {method}",
            f"Contact: <sip:{user}@192.0.2.77:5070>;expires=60",
            *headers,
            "Content-Length: 0",
        ]
        return self.send("\r\n".join(text).encode() + b"\r\n\r\n")

    def challenge(self, method: str = "REGISTER", user: str = "alice") -> Response:
        """What a request without credentials gets."""
        (answer,) = self.asks(method, user)
        assert isinstance(answer, Response)
        return answer

    def tries(self, secret: str, user: str = "alice", method: str = "REGISTER") -> list[Request | Response]:
        """Meet a new challenge with this secret; what comes at once."""
        return self.asks(method, user, self.proof(self.challenge(method, user), secret, user, method))

    def proof(self, challenge: Response, secret: str, user: str = "alice", method: str = "REGISTER") -> str:
        """The header that meets a challenge."""
        value = authorize(
            list(challenge.values("WWW-Authenticate")),
            method=method,
            uri="sip:192.0.2.2",
            user=user,
            secret=secret,
            body=b"",
            cnonce="c",
            nonce_count=1,
        )
        return f"Authorization: {value}"

    def registers(self) -> None:
        """Alice registers from this peer's flow."""
        (answer,) = self.tries("wonderland")
        assert isinstance(answer, Response)
        assert answer.status == 200


# -- floods by way of us (RFC 3261 §26.3.2.4)


def test_who_has_proved_nothing_is_challenged_with_one_datagram_and_again_when_he_asks_again() -> None:
    peer = Phone()
    peer.say("INVITE", body=SDP_OFFER, branch="z9hG4bKonce")
    peer.bob.agent.challenge(peer.session, peer.network.now)
    assert statuses(peer.heard()) == [401]
    assert statuses(peer.wait(20)) == []
    assert statuses(peer.say("INVITE", body=SDP_OFFER, branch="z9hG4bKonce")) == [401]
    peer.wait(40)
    assert peer.bob.agent.leftovers() == 0


@pytest.mark.parametrize(
    ("status", "headers", "tag"),
    [(420, ("Require: nothing",), ""), (481, (), "unknown"), (400, ("Contact: <sip:",), ""), (406, ("Accept: a/b",), "")],
)
def test_an_invite_that_cannot_be_taken_is_refused_with_one_datagram(status: int, headers: tuple[str, ...], tag: str) -> None:
    peer = Phone()
    assert statuses(peer.say("INVITE", headers=headers, to_tag=tag, body=SDP_OFFER)) == [status]
    assert statuses(peer.wait(40)) == []
    assert peer.bob.agent.leftovers() == 0


def test_a_caller_who_was_told_100_asks_no_more_and_is_told_until_he_acknowledges() -> None:
    peer = Phone()
    peer.say("INVITE", body=SDP_OFFER)
    peer.bob.agent.challenge(peer.session, peer.network.now, after=0.5)
    assert statuses(peer.wait(0.4)) == [100]
    assert len(peer.wait(10)) > 3


# -- floods


def test_what_is_too_much_is_dropped_without_a_word_and_counted() -> None:
    peer = Phone(FEW)
    answers = [statuses(peer.asks("OPTIONS")) for _ in range(8)]
    assert answers == [[200]] * 5 + [[]] * 3
    assert peer.bob.agent.counters["dropped_flood"] == 3
    assert peer.bob.told == []


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\0", b"SIP/2.0 200 OK\r\n\r\n", b"not SIP at all"])
def test_keep_alives_stray_responses_and_rubbish_count_too(data: bytes) -> None:
    peer = Phone(FEW)
    for _ in range(5):
        peer.send(data)
    assert peer.asks("OPTIONS") == []
    assert peer.bob.agent.counters["dropped_flood"] == 1


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws", "wss"])
def test_every_transport_is_limited(transport: str) -> None:
    peer = Phone(FEW, network=Network(transport=transport))
    assert [statuses(peer.asks("OPTIONS")) for _ in range(6)] == [[200]] * 5 + [[]]


def test_a_call_goes_on_while_its_source_floods() -> None:
    peer = Phone(FEW)
    tag = peer.confirm()
    for _ in range(50):
        peer.asks("OPTIONS")
    assert statuses(peer.say("INFO", to_tag=tag, cseq=2, headers=("Content-Type: application/dtmf-relay",), body=b"Signal=1\r\n")) == [200]
    assert statuses(peer.say("BYE", to_tag=tag, cseq=3)) == [200]


def test_a_call_that_is_not_accepted_yet_exempts_nobody() -> None:
    peer = Phone(FEW)
    peer.ring()
    for _ in range(50):
        peer.asks("OPTIONS")
    assert peer.say("INFO", cseq=2) == []


def test_a_refused_invite_keeps_its_answer_and_not_its_session() -> None:
    peer = Phone()
    peer.ring(branch="z9hG4bKgone")
    session = ref(peer.bob.agent._core.sessions[peer.session])
    peer.bob.agent.reject(peer.session, 403, peer.network.now)
    peer.wait()
    collect()
    assert session() is None
    assert statuses(peer.wait(1)) == [403]
    tags = {answer.header("To") for answer in (*peer.say("CANCEL", branch="z9hG4bKgone"), *peer.wait(2)) if isinstance(answer, Response)}
    assert len(tags) == 1


def test_beyond_the_room_for_new_requests_everybody_is_told_503() -> None:
    peer = Phone(GuardSettings(new_rate=1, new_burst=4))
    answers = [answer for _ in range(5) for answer in peer.asks("OPTIONS")]
    assert statuses(answers) == [200, 200, 200, 503, 503]
    assert answers[-1].header("Retry-After") == "5"
    assert peer.bob.agent.counters["refused_rate_limit"] == 2
    assert len(peer.bob.agent._core.transactions) == 3


def test_requests_inside_dialogs_find_room_when_new_ones_do_not() -> None:
    peer = Phone(GuardSettings(new_rate=1, new_burst=4))
    tag = peer.confirm()
    for _ in range(10):
        peer.asks("OPTIONS")
    assert statuses(peer.say("BYE", to_tag=tag, cseq=2)) == [200]


# -- guessed secrets


def test_a_second_wrong_secret_is_answered_later_and_a_third_later_still() -> None:
    peer = Phone(GuardSettings(failures=0, slowest=1))
    assert statuses(peer.tries("wrong")) == [401]
    assert peer.tries("wrong") == []
    assert statuses(peer.wait(0.24)) == []
    assert statuses(peer.wait(0.02)) == [401]
    assert peer.tries("wrong") == []
    assert statuses(peer.wait(0.4)) == []
    assert statuses(peer.wait(0.2)) == [401]


def test_a_wrong_secret_in_an_invite_is_answered_as_late() -> None:
    peer = Phone(GuardSettings(failures=0, slowest=1))
    for _ in range(2):
        peer.tries("wrong")
    peer.wait(1)
    peer.say("INVITE", headers=(), body=SDP_OFFER)
    (invite,) = peer.bob.told_of(InviteReceived)
    peer.bob.agent.challenge(invite.session, peer.network.now)
    (challenge,) = [answer for answer in peer.heard() if isinstance(answer, Response)]
    peer.say("INVITE", cseq=2, headers=(peer.proof(challenge, "wrong", method="INVITE"),), body=SDP_OFFER)
    retry = peer.bob.told_of(InviteReceived)[-1]
    who = peer.bob.agent.authenticate(retry.request, retry.flow, peer.network.now)
    assert (who.user, who.after) == (None, 0.5)
    peer.bob.agent.challenge(retry.session, peer.network.now, after=who.after)
    assert statuses(peer.wait(0.4)) == [100]
    assert statuses([answer for answer in peer.wait(0.2) if answer.cseq.number == 2]) == [401]


def test_an_invite_that_is_given_up_before_its_late_answer_leaves_nothing() -> None:
    peer = Phone()
    peer.say("INVITE", body=SDP_OFFER, branch="z9hG4bKgiven")
    peer.bob.agent.challenge(peer.session, peer.network.now, after=1.0)
    assert sorted(statuses(peer.say("CANCEL", branch="z9hG4bKgiven"))) == [200, 487]
    peer.wait(100)
    assert peer.bob.agent.leftovers() == 0


def test_many_late_answers_are_said_at_once() -> None:
    timers = Timers()
    said: list[float] = []
    late = LateAnswers(timers)
    for _ in range(MOST_WAITING + 5):
        late.say(said.append, 1.0, 10.0)
    assert said == [10.0] * 5
    timers.run(11.0)
    assert len(said) == MOST_WAITING + 5


def test_whoever_guesses_too_often_is_kept_out_and_it_is_told() -> None:
    peer = Phone()
    for _ in range(3):
        peer.tries("wrong")
        peer.wait(1)
    assert peer.bob.told_of(SourceBanned) == [SourceBanned("192.0.2.77", "", 100.0)]
    assert peer.asks("OPTIONS") == []
    assert peer.bob.agent.counters["dropped_banned"] == 1
    assert [ban.source for ban in peer.bob.agent.bans(peer.network.now)] == ["192.0.2.77"]
    peer.wait(100)
    assert statuses(peer.asks("OPTIONS")) == [200]


def test_a_ban_can_be_lifted() -> None:
    peer = Phone()
    for _ in range(3):
        peer.tries("wrong")
        peer.wait(1)
    assert peer.bob.agent.lift_ban("192.0.2.77")
    assert statuses(peer.asks("OPTIONS")) == [200]


def test_forged_proofs_keep_nobody_out() -> None:
    """A victim's address in a forged datagram: its nonce was never given to that address."""
    peer = Phone()
    stolen = peer.challenge()
    forged = ("198.51.100.1", 5060)
    for number in range(20):
        text = (
            f"REGISTER sip:192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKf{number}\r\n"
            f"From: <sip:alice@h>;tag=f{number}\r\n"
            f"To: <sip:alice@h>\r\nCall-ID: f{number}\r\nCSeq: 1 REGISTER\r\n{peer.proof(stolen, 'wrong')}\r\nContent-Length: 0\r\n\r\n"
        )
        peer.network.inject(text.encode(), forged, BOB)
    assert peer.bob.agent.bans(peer.network.now) == []
    assert peer.bob.agent.counters["credentials_stale"] == 20


def test_a_ban_spares_calls_that_stand() -> None:
    peer = Phone()
    tag = peer.confirm()
    for _ in range(3):
        peer.tries("wrong")
        peer.wait(1)
    assert peer.asks("OPTIONS") == []
    assert statuses(peer.say("BYE", to_tag=tag, cseq=2)) == [200]


def test_a_ban_shuts_out_other_connections_of_the_source_only() -> None:
    peer = Phone()
    tag = peer.confirm()
    ours, other = Flow("udp", BOB, PEER), Flow("tcp", BOB, (PEER[0], 40_000))
    assert not peer.bob.agent.shuts_out(other, peer.network.now)
    for _ in range(3):
        peer.tries("wrong")
        peer.wait(1)
    assert peer.bob.agent.shuts_out(other, peer.network.now)
    assert not peer.bob.agent.shuts_out(Flow("tcp", BOB, ("192.0.2.78", 40_000)), peer.network.now)
    assert not peer.bob.agent.shuts_out(ours, peer.network.now)
    peer.say("BYE", to_tag=tag, cseq=2)
    peer.wait(40)
    assert peer.bob.agent.shuts_out(ours, peer.network.now)


def test_from_a_registered_phones_flow_it_is_the_user_who_is_kept_out() -> None:
    peer = Phone()
    peer.registers()
    for _ in range(3):
        peer.tries("wrong", "bob")
        peer.wait(1)
    assert peer.bob.told_of(SourceBanned) == [SourceBanned("192.0.2.77", "bob", 100.0)]
    peer.registers()


def test_behind_a_trusted_proxy_the_user_is_kept_out_whatever_he_proves() -> None:
    peer = Phone(BEHIND_PROXY)
    for _ in range(3):
        peer.tries("wrong")
        peer.wait(1)
    assert peer.bob.told_of(SourceBanned) == [SourceBanned("192.0.2.77", "alice", 100.0)]
    assert peer.tries("wonderland") == []
    assert statuses(peer.wait(1)) == [401]
    assert statuses(peer.tries("builder", "bob")) == [200]
    assert [event.user for event in peer.bob.told_of(Registered)] == ["bob"]


def test_many_credentials_in_one_request_are_one_guess() -> None:
    peer = Phone()
    challenge = peer.challenge()
    guesses = [peer.proof(challenge, secret) for secret in ("one", "two", "wonderland")]
    assert statuses(peer.asks("REGISTER", "alice", *guesses)) == [401]
    elsewhere = 'Authorization: Digest username="alice", realm="elsewhere", nonce="n", uri="sip:h", response="r"'
    assert statuses(peer.asks("REGISTER", "alice", *[elsewhere] * 20, guesses[-1])) == [200]


# -- searches for users

METHODS = ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "INFO", "NOTIFY", "PUBLISH")


def masked(answers: list[Request | Response]) -> list[bytes]:
    """Answers without what chance puts into them, and without the names that were asked for."""
    chance = rb'(nonce="|;tag=|branch=z9hG4bK|Call-ID: |CSeq: )[^"; \r]*'
    return [re.sub(rb"alice|malli", b"USER", re.sub(chance, rb"\1", answer.serialize())) for answer in answers]


def challenged(peer: Phone, method: str, user: str, *headers: str) -> list[Request | Response]:
    """What a request gets; an INVITE is challenged as its owner would do it."""
    answers = peer.asks(method, user, *headers)
    for invite in peer.bob.told_of(InviteReceived)[-1:] if method == "INVITE" else ():
        who = peer.bob.agent.authenticate(invite.request, invite.flow, peer.network.now)
        peer.bob.agent.challenge(invite.session, peer.network.now, stale=who.stale, after=who.after)
    return [*answers, *peer.wait(2)]


@pytest.mark.parametrize("method", METHODS)
def test_whether_a_user_exists_is_not_told_to_who_asks(method: str) -> None:
    known, unknown = (masked(challenged(Phone(), method, user)) for user in ("alice", "malli"))
    assert known == unknown
    assert known


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_secret_is_answered_like_an_unknown_user(method: str) -> None:
    told = []
    for user in ("alice", "malli"):
        peer = Phone(GuardSettings(failures=0))
        (challenge,) = peer.asks("REGISTER", user)
        assert isinstance(challenge, Response)
        told.append([masked(challenged(peer, method, user, peer.proof(challenge, "wrong", user, method))) for _ in range(4)])
    assert told[0] == told[1]
    assert all(told[0])


def test_options_are_told_alike_whomever_they_are_for() -> None:
    assert [statuses(Phone().asks("OPTIONS", user)) for user in ("alice", "malli", "1000")] == [[200]] * 3


@pytest.mark.parametrize("start", [b"i:", b"Call-id :"])
def test_a_datagram_of_blanks_costs_no_more_than_another(start: bytes) -> None:
    """While a call stands every datagram is searched for its Call-ID; who can make that slow stops all calls."""
    peer = Phone(GuardSettings())
    peer.confirm()
    began = time.process_time()
    assert peer.send(b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" + start + b" " * 1500) == []
    assert time.process_time() - began < 0.5


def test_connections_are_needed_while_a_registration_a_call_or_a_subscription_goes_by_them() -> None:
    peer = Phone(GuardSettings(trusted=("192.0.2.99",)), Network(transport="tcp"))
    proxy, stranger = (Flow("tcp", BOB, (host, 5070)) for host in ("192.0.2.99", "192.0.2.98"))
    asked = [peer.flow, proxy, stranger]
    assert peer.bob.agent.unneeded(asked) == [peer.flow, stranger]
    tag = peer.confirm()
    assert peer.bob.agent.unneeded(asked) == [stranger]
    peer.say("BYE", cseq=2, to_tag=tag)
    peer.wait(40)
    assert peer.bob.agent.unneeded(asked) == [peer.flow, stranger]
    peer.registers()
    assert peer.bob.agent.unneeded(asked) == [stranger]
