"""A third one in the conversation: rung on a supervisor's request, heard by all, and hearing all but what is whispered.

- One guest at a time, once the parties were answered; he takes a seat, and is an outside party whoever he is.
- His targets are tried in turn; while they ring, nobody hears them. What his phone sends while it holds is heard by nobody.
- He leaves alone; the call ends with a party, as ever. Of a call that was taken over and has no agent any more, he is a party's worth:
  it goes on as long as two are there to talk.
"""

from collections import deque

from mediaserver.call.actions import Admit, EndLeg, OpenLeg, RefuseRequest
from mediaserver.call.conversation import Conversation, Invitation
from mediaserver.call.ending import ENDINGS, Cause, failure_of
from mediaserver.call.hunting import place
from mediaserver.call.inputs import Accepted, GuestInvited, HangUpRequested, LegEnded, MediaAgreed, MediaMissing, Rejected
from mediaserver.call.legs import Leg, Part
from mediaserver.call.tables import Step
from mixer.modes import Role


def invited(conversation: Conversation, happened: GuestInvited, now: float) -> None:
    """Ring a guest, or say why not."""
    refused = _refusal(conversation)
    if refused is not None:
        conversation.do(RefuseRequest(happened.request, *refused))
        return
    conversation.invitation = Invitation(happened.to, deque(happened.targets))
    _ring_next(conversation, happened.leg, Cause.NOT_FOUND, now)


def _refusal(conversation: Conversation) -> tuple[str, str] | None:
    if conversation.is_over or conversation.first is None:
        return "not_found", "the call is over"
    if not conversation.is_answered:
        return "conflict", "the call was not answered yet"
    if conversation.invitation is not None:
        return "conflict", f"{conversation.invitation.to} was invited already"
    if conversation.seats_left <= 0:
        return "too_many", "every seat of the call is taken"
    return None


def _ring_next(conversation: Conversation, number: int, cause: Cause, now: float) -> None:
    invitation, first = conversation.invitation, conversation.first
    if invitation is None or first is None:
        return
    if not invitation.untried:
        conversation.invitation = None
        conversation.publish("guest.failed", to=invitation.to, cause=cause)
        return
    target = invitation.untried.popleft()
    leg = invitation.leg = Leg(leg=number, part=Part.GUEST, role=Role.OUTSIDE, party=invitation.to)
    conversation.do(OpenLeg(leg.leg, leg.role))
    place(conversation, leg, target, now, like=first.leg)
    conversation.publish("guest.ringing", leg, to=invitation.to)


def accepted(conversation: Conversation, leg: Leg, happened: Accepted, now: float) -> None:
    """The guest answers."""
    conversation.choose(leg, happened.fork, happened.media)
    leg.move(Step.ANSWER)
    leg.ring_until = None
    leg.quiet_since = now
    _let_in(conversation, leg)
    conversation.publish("guest.joined", leg, to=leg.party)


def _let_in(conversation: Conversation, leg: Leg) -> None:
    """Let him in, or while he holds out."""
    if leg.hears is not leg.is_admitted:
        leg.is_admitted = leg.hears
        conversation.do(Admit(leg.leg, leg.hears))


def media_agreed(conversation: Conversation, leg: Leg, happened: MediaAgreed, now: float) -> None:
    """The guest's phone holds, resumes, or changes its media."""
    leg.agree(happened.media, now)
    _let_in(conversation, leg)


def media_missing(conversation: Conversation, leg: Leg, happened: MediaMissing, now: float) -> None:
    """The guest's phone sends nothing: it is dead."""
    if min(happened.seconds, now - leg.quiet_since) >= conversation.limits.no_rtp:
        conversation.do(EndLeg(leg.leg, ENDINGS[Cause.NO_RTP].reason))
        _left(conversation, leg, Cause.NO_RTP, now)


def rejected(conversation: Conversation, leg: Leg, happened: Rejected, now: float) -> None:
    """He refuses: the next target's turn."""
    _give_up(conversation, leg, Cause.NO_RESOURCES if happened.is_ours else failure_of(happened.status), now)


def lost(conversation: Conversation, leg: Leg, happened: LegEnded, now: float) -> None:
    """His signalling died while he rang."""
    _give_up(conversation, leg, Cause.UNREACHABLE, now)


def rang_too_long(conversation: Conversation, leg: Leg, now: float) -> None:
    """He did not answer."""
    conversation.do(EndLeg(leg.leg, ENDINGS[Cause.NO_ANSWER].reason))
    _give_up(conversation, leg, Cause.NO_ANSWER, now)


def _give_up(conversation: Conversation, leg: Leg, cause: Cause, now: float) -> None:
    conversation.close(leg)
    _ring_next(conversation, conversation.allocate_leg(), cause, now)


def ended(conversation: Conversation, leg: Leg, happened: LegEnded, now: float) -> None:
    """The guest hung up."""
    _left(conversation, leg, Cause.HANG_UP, now)


def hung_up(conversation: Conversation, leg: Leg, happened: HangUpRequested, now: float) -> None:
    """Somebody with the right to do so ends the guest's leg, ringing or not."""
    conversation.do(EndLeg(leg.leg, ENDINGS[Cause.REQUESTED].reason))
    _left(conversation, leg, Cause.REQUESTED, now)


def _left(conversation: Conversation, leg: Leg, cause: Cause, now: float) -> None:
    conversation.close(leg)
    conversation.invitation = None
    conversation.publish("guest.left", leg, to=leg.party, cause=cause)
