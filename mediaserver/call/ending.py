"""How a call ends: the causes, what the caller is told for each, and the one way every leg is let go.

Final codes of the inner side are mapped, never leaked: a caller learns what it means for him, not who said what.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from mediaserver.call import lounging
from mediaserver.call.actions import Action, EndLeg, RejectLeg
from mediaserver.call.conversation import Conversation
from mediaserver.call.inputs import HangUpRequested, LegEnded, Rejected
from mediaserver.call.legs import Leg, Part, SupervisorLeg
from mediaserver.call.tables import Step
from mediaserver.call.view import CallState
from mixer.modes import Mode
from sip.reason import relayed


class Cause(StrEnum):
    """Why a call ended, or why a target failed. The label of the counters ``calls_ended`` and ``targets_failed``."""

    HANG_UP = "hang_up"
    CANCELLED = "cancelled"
    LOST = "lost"
    """A party's signalling died: no ACK, no answer, a broken transport."""
    BUSY = "busy"
    REJECTED = "rejected"
    NO_ANSWER = "no_answer"
    NOT_ACCEPTABLE = "not_acceptable"
    NOT_FOUND = "not_found"
    UNREACHABLE = "unreachable"
    REDIRECTED = "redirected"
    """A target sent us elsewhere; never a call's cause unless nothing new was named."""
    NO_RESOURCES = "no_resources"
    LONGEST_CALL = "longest_call"
    NO_RTP = "no_rtp"
    REQUESTED = "requested"
    CEILING = "ceiling"
    """A supervisor's, which does not cover the agent whom the call has now."""
    WITHDRAWN = "withdrawn"
    """A supervisor's, whose access was taken back."""
    PRIVATE = "private"
    """A supervisor's, whose call the agent marked private."""
    FULL = "full"
    """A supervisor of a consultation, who found no seat in the call that it became a part of."""
    TRANSFERRED = "transferred"
    """A party's, whose place another one took."""
    REPLACED = "replaced"
    """A party's, whose place a newcomer took by INVITE with Replaces."""
    MERGED = "merged"
    """A consultation's, whose far party is in the other call now."""
    TRANSFER_FAILED = "transfer_failed"
    """The agent hung up amid his transfer, and nobody answered it."""


class Ending(NamedTuple):
    """What the legs are told."""

    status: int
    """Final code for a caller who was not answered."""
    reason: str
    """Reason header (RFC 3326), Q.850 causes where the telephone network has one."""
    patience: float = 0.0
    """Seconds that a leg has to say BYE by itself."""


_REFERRER_LEAVES_WITHIN: Final = 2.0
"""Phones say BYE themselves when they hear that their transfer succeeded."""


ALONE_FOR: Final = 30.0
"""Seconds that a party waits for the supervisor who talked in the gone agent's stead: as long as one who was lost may come back."""


ENDINGS: Final = {
    Cause.HANG_UP: Ending(480, 'Q.850;cause=16;text="normal clearing"'),
    Cause.CANCELLED: Ending(487, 'SIP;cause=487;text="caller gave up"'),
    Cause.LOST: Ending(480, 'Q.850;cause=41;text="connection lost"'),
    Cause.BUSY: Ending(486, 'Q.850;cause=17;text="busy"'),
    Cause.REJECTED: Ending(603, 'Q.850;cause=21;text="rejected"'),
    Cause.NO_ANSWER: Ending(480, 'SIP;cause=480;text="no answer"'),
    Cause.NOT_ACCEPTABLE: Ending(488, 'SIP;cause=488;text="no common media"'),
    Cause.NOT_FOUND: Ending(404, 'Q.850;cause=1;text="no such number"'),
    Cause.UNREACHABLE: Ending(480, 'Q.850;cause=20;text="not reachable"'),
    Cause.REDIRECTED: Ending(480, 'Q.850;cause=20;text="not reachable"'),
    Cause.NO_RESOURCES: Ending(503, 'Q.850;cause=34;text="no free media port"'),
    Cause.LONGEST_CALL: Ending(480, 'Q.850;cause=102;text="longest call reached"'),
    Cause.NO_RTP: Ending(480, 'Q.850;cause=41;text="no media"'),
    Cause.REQUESTED: Ending(480, 'Q.850;cause=16;text="ended on request"'),
    Cause.CEILING: Ending(403, 'SIP;cause=403;text="the call has another agent, beyond your ceiling"'),
    Cause.WITHDRAWN: Ending(403, 'SIP;cause=403;text="your access was withdrawn"'),
    Cause.PRIVATE: Ending(403, 'SIP;cause=403;text="the agent has marked this call private"'),
    Cause.FULL: Ending(486, 'SIP;cause=486;text="every seat of the call is taken"'),
    Cause.TRANSFERRED: Ending(480, 'Q.850;cause=16;text="transferred"', _REFERRER_LEAVES_WITHIN),
    Cause.REPLACED: Ending(480, 'SIP;cause=200;text="Call completed elsewhere"'),
    Cause.MERGED: Ending(480, 'Q.850;cause=16;text="consultation joined"', _REFERRER_LEAVES_WITHIN),
    Cause.TRANSFER_FAILED: Ending(480, 'Q.850;cause=31;text="transfer failed"'),
}

FAILURES: Final = {
    403: Cause.REJECTED,
    404: Cause.NOT_FOUND,
    410: Cause.NOT_FOUND,
    415: Cause.NOT_ACCEPTABLE,
    433: Cause.REJECTED,
    480: Cause.NO_ANSWER,
    484: Cause.NOT_FOUND,
    485: Cause.NOT_FOUND,
    486: Cause.BUSY,
    487: Cause.NO_ANSWER,
    488: Cause.NOT_ACCEPTABLE,
    600: Cause.BUSY,
    603: Cause.REJECTED,
    604: Cause.NOT_FOUND,
    606: Cause.NOT_ACCEPTABLE,
    607: Cause.REJECTED,
}
"""A target's final code, by what it means for the caller; every other one is `Cause.UNREACHABLE` (3xx: redirected)."""

MOST_TELLING: Final = (
    Cause.NO_RESOURCES,
    Cause.BUSY,
    Cause.NO_ANSWER,
    Cause.REJECTED,
    Cause.NOT_ACCEPTABLE,
    Cause.UNREACHABLE,
    Cause.REDIRECTED,
    Cause.NOT_FOUND,
)
"""When several targets failed, the caller is told the first of these: the one that most invites another try."""

GOODBYE: Final = "goodbye"
"""`LegEnded.cause` of a browser's page that was closed, or is loaded anew."""
DEPARTURES: Final = {"bye": Cause.HANG_UP, GOODBYE: Cause.HANG_UP, "cancelled": Cause.CANCELLED}
"""`LegEnded.cause` of a leg that left in good order; every other one is `Cause.LOST`."""

_RETRY_AFTER: Final = 5
"""Seconds until a caller may find a free port again (503)."""


def failure_of(status: int) -> Cause:
    """What a final code of an INVITE of ours means."""
    if status // 100 == 3:
        return Cause.REDIRECTED
    return FAILURES.get(status, Cause.UNREACHABLE)


def parting(leg: Leg, cause: Cause, reason: str = "") -> Action:
    """What ends a live leg's SIP: a final code for a caller who still waits, else BYE or CANCEL.

    ``reason`` is the far end's own where it means something here; a supervisor gets ours.
    """
    ending = ENDINGS[cause]
    said = ending.reason if leg.part is Part.SUPERVISOR else reason or ending.reason
    if leg.part is Part.CALLER and leg.is_ringing:
        retry_after = _RETRY_AFTER if cause is Cause.NO_RESOURCES else None
        return RejectLeg(leg.leg, ending.status, said, retry_after)
    return EndLeg(leg.leg, said, ending.patience)


def end_call(conversation: Conversation, cause: Cause, now: float, *, gone: Leg | None = None, label: str = "", reason: str = "") -> None:
    """End every leg at once, SIP first.

    ``gone`` ended by its own side; ``label`` names the cause where it came from outside; ``reason`` is for the other party.
    """
    _send_home(conversation)
    legs, was_lounge = conversation.legs(), conversation.state is CallState.LOUNGE
    conversation.notify(ENDINGS[Cause.CANCELLED].status)  # 487: given up (RFC 3261 §21.4.25)
    conversation.do(*(parting(leg, cause, reason) for leg in legs if leg is not gone))
    conversation.move(Step.END)
    conversation.ended = now
    conversation.cause = label or str(cause)
    for leg in legs:
        conversation.close(leg)
        if leg.part is Part.SUPERVISOR:
            conversation.publish("supervisor.left", leg, cause="call_ended")
    conversation.transfer = conversation.invitation = conversation.help = None
    if not was_lounge:
        conversation.count("calls_ended", conversation.cause)
        conversation.publish("call.ended", cause=conversation.cause)


def _send_home(conversation: Conversation) -> None:
    """Supervisors who only follow an agent wait for his next call."""
    for leg in tuple(conversation.supervisors.values()):
        if lounging.is_guest_here(conversation, leg):
            lounging.move(conversation, leg, leg.home, "call_ended")


def settle(conversation: Conversation, now: float) -> None:
    """A call whose agent is gone ends when nobody is left for the other party to talk to.

    While whoever took it over only listens, the party waits for him, with music, and not for long.
    """
    party = _without_agent(conversation)
    is_alone = party is not None and not any(_talks_to(leg, party) for leg in conversation.supervisors.values())
    if is_alone and conversation.taker is None:
        end_call(conversation, Cause.HANG_UP, now)
    elif not is_alone:
        conversation.alone_since = None
    elif conversation.alone_since is None:
        conversation.alone_since = now


def _without_agent(conversation: Conversation) -> Leg | None:
    """The only party of a conversation that was taken over, and has no guest; None: it is not so."""
    guest, parties = conversation.guest, conversation.parties()
    is_so = conversation.is_answered and conversation.transfer is None and len(parties) == 1
    return parties[0] if is_so and (guest is None or not guest.is_answered) else None


def _talks_to(leg: SupervisorLeg, party: Leg) -> bool:
    is_for_him = leg.mode is Mode.BARGE or (leg.mode is Mode.WHISPER and leg.target is party.role)
    return is_for_him and leg.is_answered and leg.sends


def alone_until(conversation: Conversation) -> float | None:
    """When a call ends whose only party waits for a supervisor to talk again; None: it does not."""
    return None if conversation.alone_since is None else conversation.alone_since + ALONE_FOR


def party_ended(conversation: Conversation, leg: Leg, happened: LegEnded, now: float) -> None:
    """A party hung up, or its signalling died."""
    end_call(conversation, DEPARTURES.get(happened.cause, Cause.LOST), now, gone=leg, reason=relayed(happened.reason))


def hold_lasted_too_long(conversation: Conversation) -> float | None:
    """When a hold in which no party sends has been silent for too long (no packet is ever missed in it); None: not so held."""
    if conversation.state is not CallState.HELD or any(party.sends for party in conversation.parties()):
        return None
    return conversation.quiet_since + conversation.limits.no_rtp_hold


def party_hung_up(conversation: Conversation, leg: Leg, happened: HangUpRequested, now: float) -> None:
    """Somebody with the right to do so ends a party's leg: the other one has nobody left."""
    end_call(conversation, Cause.REQUESTED, now, label=happened.cause)


def caller_has_no_room(conversation: Conversation, leg: Leg, happened: Rejected, now: float) -> None:
    """There is no port, row or seat for who called in."""
    end_call(conversation, Cause.NO_RESOURCES, now)


def origin_refused(conversation: Conversation, leg: Leg, happened: Rejected, now: float) -> None:
    """The agent for whom a call was to be made did not take it."""
    end_call(conversation, Cause.NO_RESOURCES if happened.is_ours else failure_of(happened.status), now, gone=leg)
