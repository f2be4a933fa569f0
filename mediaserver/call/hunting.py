"""From the INVITE to the answer: targets tried in turn, early media, forks, failures.

- A target that is busy, refuses, redirects, fails or rings too long gives way to the next; a 6xx stops the hunt (RFC 3261 §21.6).
- Contacts of a 3xx come before the targets not yet tried, each once, and only so many in a call.
- Among forks the one whose media is agreed first is heard; a 200 of another one wins over it.
- The caller is told each kind of 18x once, and none after early media; then a target without media rings by our own tone.
- A target's role is settled before it rings: the one agent of the call, his customer, or an outside party.
"""

from typing import Final

from mediaserver.call import supervising
from mediaserver.call.actions import AcceptLeg, EndLeg, OpenLeg, PlaceLeg, ProgressLeg
from mediaserver.call.conversation import Conversation, Hunt
from mediaserver.call.ending import ENDINGS, MOST_TELLING, Cause, end_call, failure_of
from mediaserver.call.holding import connect
from mediaserver.call.inputs import Accepted, HangUpRequested, Invited, LegEnded, LegId, Originated, Progressed, Rejected, Target
from mediaserver.call.legs import Leg, Part
from mediaserver.call.tables import Step
from mediaserver.call.view import LegState
from mixer.modes import Role
from sip.reason import relayed

MOST_CONTACTS: Final = 8
"""Contacts of 3xx answers that one call follows."""

RELAYED: Final = {180: 180, 181: 180, 182: 180, 183: 183}
"""What a caller is told of a target's 18x; others say nothing that concerns him."""

GLOBAL_FAILURE: Final = 600


def agent_of(target: Target) -> str:
    """The known agent behind a target, or empty."""
    return target.agent or (target.value if target.kind == "agent" else "")


def role_of(target: Target, first: Role) -> Role:
    """The role of a target's leg. One agent a call, so that a whisper reaches one leg: an agent rung by an agent is outside."""
    if first is Role.AGENT:
        return Role.OUTSIDE if agent_of(target) else Role.CUSTOMER
    return Role.AGENT if agent_of(target) else Role.OUTSIDE


def invited(conversation: Conversation, happened: Invited, now: float) -> None:
    """A call comes in: open its leg and ring the first target."""
    party = happened.agent if happened.role is Role.AGENT and happened.agent else happened.caller
    first = Leg(leg=happened.leg, part=Part.CALLER, role=happened.role, party=party)
    if happened.role is Role.AGENT:
        first.agent, first.team = happened.agent or "", happened.team or ""
    _start(conversation, first, happened, now)
    _ring_next(conversation, now)


def originated(conversation: Conversation, happened: Originated, now: float) -> None:
    """A call is to be made for an agent: ring him first."""
    agent = agent_of(happened.target)
    first = Leg(
        leg=happened.leg,
        part=Part.ORIGIN,
        role=Role.AGENT if agent else Role.OUTSIDE,
        party=agent or happened.target.value,
        agent=agent,
        team=happened.target.team or "",
    )
    _start(conversation, first, happened, now)
    _place(conversation, first, happened.target, now, auto_answer=happened.auto_answer)


def _start(conversation: Conversation, first: Leg, happened: Invited | Originated, now: float) -> None:
    conversation.first = first
    conversation.started = now
    conversation.caller, conversation.called = happened.caller, happened.called
    conversation.agent, conversation.team = first.agent, first.team
    conversation.metadata = dict(happened.metadata)
    conversation.hunt.untried.extend(happened.targets)
    conversation.do(OpenLeg(first.leg, first.role))
    conversation.publish("call.started", first)


def _place(conversation: Conversation, leg: Leg, target: Target, now: float, *, auto_answer: bool = False) -> None:
    like = None if leg is conversation.first or conversation.first is None else conversation.first.leg
    place(conversation, leg, target, now, like=like, auto_answer=auto_answer)


def place(conversation: Conversation, leg: Leg, target: Target, now: float, *, like: LegId | None, auto_answer: bool = False) -> None:
    """Send a leg's INVITE; the ring timer runs from here."""
    leg.ring_until = now + (target.ring_timeout or conversation.limits.ring_timeout)
    conversation.do(PlaceLeg(leg.leg, target, like, auto_answer))


def _ring_next(conversation: Conversation, now: float) -> None:
    """Ring the next target, or end the call where none is left."""
    first, hunt = conversation.first, conversation.hunt
    if first is None or not hunt.untried:
        end_call(conversation, Cause(hunt.failure or Cause.NOT_FOUND), now, reason=hunt.reason)
        return
    target = hunt.untried.popleft()
    agent = agent_of(target)
    leg = Leg(
        leg=conversation.allocate_leg(),
        part=Part.TARGET,
        role=role_of(target, first.role),
        party=agent or target.value,
        agent=agent,
        team=target.team or "",
    )
    conversation.second = leg
    if first.role is not Role.AGENT:
        supervising.agent_becomes(conversation, leg.agent, leg.team, leg.party)
    conversation.do(OpenLeg(leg.leg, leg.role))
    _place(conversation, leg, target, now)


def _rung(conversation: Conversation, leg: Leg) -> None:
    """The first 18x of the call: from now on it can be joined."""
    if conversation.move(Step.RING):
        conversation.publish("call.ringing", leg)


def progressed(conversation: Conversation, leg: Leg, happened: Progressed, now: float) -> None:
    """A target says 18x, perhaps with media."""
    status = RELAYED.get(happened.status)
    if status is None:
        return
    _rung(conversation, leg)
    if happened.media is None:
        _relay_ringing(conversation, status)
    elif leg.move(Step.GET_EARLY_MEDIA):
        conversation.choose(leg, happened.fork, happened.media)
        _bridge_early(conversation, leg, status)


def _relay_ringing(conversation: Conversation, status: int) -> None:
    first, relayed = conversation.first, conversation.hunt.relayed
    if first is not None and first.part is Part.CALLER and first.state is LegState.RINGING and status not in relayed:
        relayed.add(status)
        conversation.do(ProgressLeg(first.leg, status))


def _bridge_early(conversation: Conversation, leg: Leg, status: int) -> None:
    first = conversation.first
    if first is None:
        return
    if first.part is Part.CALLER and first.move(Step.GET_EARLY_MEDIA):
        conversation.do(ProgressLeg(first.leg, status, like=leg.leg))
    conversation.admit(first)
    conversation.admit(leg)


def origin_progressed(conversation: Conversation, leg: Leg, happened: Progressed, now: float) -> None:
    """The agent's phone rings, for a call that is to be made for him."""
    if happened.status in RELAYED:
        _rung(conversation, leg)


def origin_accepted(conversation: Conversation, leg: Leg, happened: Accepted, now: float) -> None:
    """The agent is there; now ring whom he wants."""
    conversation.choose(leg, happened.fork, happened.media)
    leg.move(Step.ANSWER)
    leg.ring_until = None
    conversation.admit(leg)
    _rung(conversation, leg)
    _ring_next(conversation, now)


def accepted(conversation: Conversation, leg: Leg, happened: Accepted, now: float) -> None:
    """A target answers: so does the call."""
    first = conversation.first
    if first is None:
        return
    conversation.choose(leg, happened.fork, happened.media)
    leg.move(Step.ANSWER)
    leg.ring_until = None
    if happened.agent and first.role is not Role.AGENT:
        leg.party = leg.agent = happened.agent
        leg.team = happened.team or leg.team
        supervising.agent_becomes(conversation, leg.agent, leg.team, leg.party)
    answer(conversation, leg, now)


def answer(conversation: Conversation, leg: Leg, now: float) -> None:
    """Connect the first leg with whoever answered for it."""
    first = conversation.first
    if first is None:
        return
    if first.is_ringing:
        first.move(Step.ANSWER)
        conversation.do(AcceptLeg(first.leg, like=leg.leg))
    conversation.admit(first)
    conversation.admit(leg)
    conversation.move(Step.ANSWER)
    conversation.answered = now
    conversation.ends_at = now + conversation.limits.longest_call
    conversation.publish("call.answered", leg)
    connect(conversation, now)


def rejected(conversation: Conversation, leg: Leg, happened: Rejected, now: float) -> None:
    """A target refuses: try what it names, or the next one."""
    cause = Cause.NO_RESOURCES if happened.is_ours else failure_of(happened.status)
    if cause is Cause.REDIRECTED:
        take_contacts(conversation, conversation.hunt, happened.contacts)
    if happened.status >= GLOBAL_FAILURE or happened.is_ours:
        conversation.hunt.untried.clear()
    _give_up(conversation, leg, cause, now, happened.reason)


def take_contacts(conversation: Conversation, hunt: Hunt, contacts: tuple[Target, ...]) -> None:
    """Put the contacts of a 3xx before the targets not yet tried."""
    fresh = [contact for contact in dict.fromkeys(contacts) if contact.value not in hunt.contacts]
    taken = fresh[: MOST_CONTACTS - len(hunt.contacts)]
    if len(taken) < len(contacts):
        conversation.count("contacts_refused", "3xx")
    hunt.contacts.update(contact.value for contact in taken)
    hunt.untried.extendleft(reversed(taken))


def _give_up(conversation: Conversation, leg: Leg, cause: Cause, now: float, reason: str = "") -> None:
    """A target failed: ring the next."""
    note_failure(conversation, conversation.hunt, cause, reason)
    conversation.close(leg)
    _ring_next(conversation, now)


def note_failure(conversation: Conversation, hunt: Hunt, cause: Cause, reason: str = "") -> None:
    """Remember how a target failed, and why by its own words, if nothing more telling is known."""
    if hunt.failure is None or MOST_TELLING.index(cause) < MOST_TELLING.index(Cause(hunt.failure)):
        hunt.failure, hunt.reason = cause, relayed(reason)
    conversation.count("targets_failed", cause)


def target_lost(conversation: Conversation, leg: Leg, happened: LegEnded, now: float) -> None:
    """A target's signalling died while it rang."""
    _give_up(conversation, leg, Cause.UNREACHABLE, now)


def target_hung_up(conversation: Conversation, leg: Leg, happened: HangUpRequested, now: float) -> None:
    """Somebody with the right to do so ends a leg that rings: the next target's turn."""
    conversation.do(EndLeg(leg.leg, ENDINGS[Cause.REQUESTED].reason))
    _give_up(conversation, leg, Cause.NO_ANSWER, now)


def rang_too_long(conversation: Conversation, leg: Leg, now: float) -> None:
    """A party's ring timer ended."""
    if leg.part is Part.ORIGIN:
        end_call(conversation, Cause.NO_ANSWER, now)
        return
    conversation.do(EndLeg(leg.leg, ENDINGS[Cause.NO_ANSWER].reason))
    _give_up(conversation, leg, Cause.NO_ANSWER, now)
