"""Whatever a peer sends in whatever order: documented answers only, and nothing is left when all is over."""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.events import Event, OfferReceived, ProvisionalAcknowledged, RefreshDue
from sip.message import Request, Response
from tests.sip.caller import Callee
from tests.sip.network import ANSWER, OFFER, Network
from tests.sip.peer import SDP_ANSWER, SDP_OFFER, Peer

ANSWERS = {100, 180, 183, 200, 400, 405, 415, 420, 422, 480, 481, 482, 486, 487, 488, 491, 500, 504}
"""Everything that a user agent of ours may say to a peer within one call."""

CAUSES = {"bye", "cancelled", "no_ack", "no_prack", "unacceptable", "expired", "timeout", "transport"}

REQUESTS = st.sampled_from(["PRACK", "UPDATE", "INVITE", "CANCEL", "BYE", "ACK", "INFO"])
BODIES = st.sampled_from([b"", b"", SDP_OFFER, SDP_OFFER, SDP_ANSWER, b"nonsense"])
TIMED = st.sampled_from([(), ("Supported: timer", "Session-Expires: 90;refresher=uac"), ("Supported: timer", "Session-Expires: 10")])


@dataclass(frozen=True)
class Said:
    """The peer says a request."""

    method: str
    body: bytes
    headers: tuple[str, ...]
    misses: bool
    """A PRACK or ACK: of something that was not said."""


@dataclass(frozen=True)
class Answered:
    """The peer answers the newest request of Bob's."""

    status: int
    body: bytes
    tag: str
    reliably: bool


@dataclass(frozen=True)
class Done:
    """Bob's owner does something."""

    what: str


@dataclass(frozen=True)
class Waited:
    """Time passes."""

    seconds: float


SAID = st.builds(Said, REQUESTS, BODIES, TIMED, st.sampled_from([False, False, False, True]))
STATUSES = st.sampled_from([100, 180, 183, 183, 200, 200, 200, 401, 405, 408, 422, 481, 486, 488, 491, 500, 503])
ANSWERED = st.builds(Answered, STATUSES, BODIES, st.sampled_from(["one", "one", "two"]), st.booleans())
DONE = st.builds(Done, st.sampled_from(["progress", "progress_with_media", "accept", "reject", "end", "reoffer", "acknowledge", "info"]))
WAITED = st.builds(Waited, st.sampled_from([0.05, 0.05, 0.6, 5.0, 40.0, 700.0]))
STEPS = st.lists(SAID | ANSWERED | DONE | WAITED, max_size=30)

RINGS_RELIABLY = [Done("progress_with_media"), Said("PRACK", b"", (), False)]
TALKS = [Done("accept"), Said("ACK", SDP_ANSWER, (), False)]
CALLERS = st.sampled_from([[], [Done("progress")], RINGS_RELIABLY, TALKS, [*RINGS_RELIABLY, *TALKS]])
"""How far a call of the peer's is when things begin to happen."""

RANG_RELIABLY = [Answered(183, SDP_ANSWER, "one", True), Answered(200, b"", "one", False)]
TALKED = [Answered(200, SDP_ANSWER, "one", False), Done("acknowledge")]
CALLED = st.sampled_from([[], [Answered(180, b"", "one", False)], RANG_RELIABLY, TALKED])
"""The same for a call of Bob's."""


@pytest.fixture(autouse=True, scope="module")
def _nobody_collects() -> Iterator[None]:
    """What is over is let go of by those who held it, or it stays."""
    gc.disable()
    yield
    gc.enable()


class Play:
    """One peer and Bob, and what they do to each other."""

    def __init__(self, peer: Peer, session: int) -> None:
        self.peer = peer
        self.session = session
        self.itself = weakref.ref(peer.bob.agent._core.sessions[session])
        self.sequence = 1
        self.heard: list[Request | Response] = peer.heard()
        peer.bob.react = self.react

    def react(self, event: Event) -> None:
        """What an owner does about an event, not always."""
        agent, now = self.peer.bob.agent, self.peer.network.now
        if isinstance(event, OfferReceived) and self.sequence % 3:
            agent.accept(event.session, ANSWER, now)
        if isinstance(event, RefreshDue) and self.sequence % 3:
            agent.reoffer(event.session, OFFER, now)
        if isinstance(event, ProvisionalAcknowledged) and event.answer is None:
            agent.end(event.session, now)

    def step(self, step: Said | Answered | Done | Waited) -> None:
        """One of them does something."""
        match step:
            case Said():
                self.say(step)
            case Answered():
                self.answer(step)
            case Done(what=what):
                self.do(what)
            case Waited(seconds=seconds):
                self.peer.network.run(seconds)
        self.heard += self.peer.heard()

    def tags(self) -> dict[str, Any]:
        """Call-ID and tags of the dialog as the peer knows them."""
        if isinstance(self.peer, Callee):
            return {"call_id": self.peer.invite.call_id, "from_tag": "one", "to_tag": self.peer.invite.from_.tag}
        answers = [message for message in self.heard if isinstance(message, Response) and message.to.tag]
        return {"to_tag": answers[-1].to.tag if answers else "none"}

    def say(self, said: Said) -> None:
        """A request of the peer's."""
        headers = said.headers
        if said.method == "PRACK":
            reliable = [message.header("RSeq") for message in self.heard if message.header("RSeq")]
            headers = (*headers, f"RAck: {int((reliable or ['5'])[-1] or 0) + said.misses} 1 INVITE")
        if said.method in ("CANCEL", "ACK"):
            cseq = 1 if said.method == "CANCEL" or said.misses else self.newest_invite()
            self.peer.say(said.method, cseq=cseq, headers=headers, body=said.body, branch="z9hG4bKfirst", **self.tags())
            return
        self.sequence += 1
        self.peer.say(said.method, cseq=self.sequence, headers=headers, body=said.body, **self.tags())

    def newest_invite(self) -> int:
        """Sequence number of the newest INVITE of the peer's that was answered."""
        invites = [message.cseq.number for message in self.heard if isinstance(message, Response) and message.cseq.method == "INVITE"]
        return invites[-1] if invites else 1

    def answer(self, answered: Answered) -> None:
        """An answer of the peer's."""
        requests = [message for message in self.heard if isinstance(message, Request) and message.method != "ACK"]
        # A later 18x or 200 of the first call may come any time; else it is the newest request that is answered.
        if requests:
            asked = requests[0] if answered.reliably else requests[-1]
            reliably = ("Require: 100rel", f"RSeq: {self.sequence}") if answered.reliably and 100 < answered.status < 200 else ()
            headers = (*reliably, "Allow: INVITE, ACK, BYE, UPDATE", "Min-SE: 100")
            self.peer.answer(asked, answered.status, tag=answered.tag, body=answered.body, headers=headers)

    def do(self, what: str) -> None:
        """A command of Bob's owner."""
        agent, session, now = self.peer.bob.agent, self.session, self.peer.network.now
        match what:
            case "progress":
                agent.progress(session, 180, now)
            case "progress_with_media":
                agent.progress(session, 183, now, description=ANSWER)
            case "accept":
                agent.accept(session, ANSWER, now)
            case "reject":
                agent.reject(session, 488, now)
            case "end":
                agent.end(session, now)
            case "reoffer":
                agent.reoffer(session, OFFER, now)
            case "acknowledge":
                agent.acknowledge(session, ANSWER, now)
            case _:
                agent.info(session, "application/dtmf", b"1", now)

    def run_out(self) -> None:
        """The owner ends it, the peer falls silent, all timers fire."""
        self.peer.bob.react = lambda event: None
        self.peer.bob.agent.end(self.session, self.peer.network.now)
        self.peer.network.run(20_000)
        self.heard += self.peer.heard()


def judge(play: Play) -> None:
    """Nothing is left, nothing undocumented was said or told."""
    play.run_out()
    agent = play.peer.bob.agent
    said = {message.status for message in play.heard if isinstance(message, Response)}
    ended = [event.cause for event in play.peer.bob.told if type(event).__name__ == "SessionEnded"]  # type: ignore[union-attr]
    assert said <= ANSWERS
    assert set(ended) <= CAUSES
    assert len(ended) <= 1
    assert (agent.leftovers(), agent.live_sessions, agent.in_hand) == (0, 0, 0)
    assert play.itself() is None


@given(
    CALLERS,
    STEPS,
    st.sampled_from([(), ("Supported: 100rel, timer",), ("Require: 100rel",), ("Session-Expires: 100",)]),
    st.sampled_from([b"", SDP_OFFER]),
    st.sampled_from(["udp", "tcp"]),
)
@settings(max_examples=250, deadline=None)
def test_a_caller_may_say_anything_in_any_order(
    start: list[Any], steps: list[Any], headers: tuple[str, ...], body: bytes, transport: str
) -> None:
    peer = Peer(Network(transport=transport))
    peer.say("INVITE", headers=("Allow: INVITE, ACK, BYE, UPDATE", *headers), body=body, branch="z9hG4bKfirst")
    play = Play(peer, peer.session)
    for step in [*start, *steps]:
        play.step(step)
    judge(play)


@given(CALLED, STEPS, st.booleans(), st.sampled_from(["udp", "tcp"]))
@settings(max_examples=250, deadline=None)
def test_a_called_one_may_say_anything_in_any_order(start: list[Any], steps: list[Any], has_offer: bool, transport: str) -> None:
    peer = Callee(Network(transport=transport), offer=OFFER if has_offer else None, user="bob")
    play = Play(peer, peer.called)
    play.heard.append(peer.invite)
    for step in [*start, *steps]:
        play.step(step)
    judge(play)
