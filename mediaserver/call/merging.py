"""Attended transfer (RFC 3515 with RFC 3891): an agent's consultation becomes a part of the call that it was about.

- The call in which the REFER counts goes on, under its id; the consultation ends, cause ``merged``.
- The consultation's far leg moves over, ringing or answered, and with it the supervisors: in listen, where their ceiling covers
  the call as it then is and a seat is free. Who may not come along leaves and is told why.
- A leg that moves is as new in the mix: silent until it is let in, in the role that it has here.
"""

from typing import Final

from mediaserver.call import supervising
from mediaserver.call.actions import AdoptLeg, CloseLeg, EndLeg, HandOver, RefuseMerge
from mediaserver.call.conversation import Conversation
from mediaserver.call.ending import ENDINGS, Cause, end_call
from mediaserver.call.inputs import LegHandedOver, MergeRefused, MergeRequested
from mediaserver.call.legs import Leg, Part, SupervisorLeg
from mediaserver.call.transferring import PENDING, fail, role_of_newcomer, succeed, tell_progress

NO_DIALOG: Final = 481


def requested(conversation: Conversation, leg: Leg, happened: MergeRequested, now: float) -> None:
    """This call is the consultation: hand over whom the agent talks to, or rings, and end."""
    other = conversation.other(leg)
    is_busy = conversation.transfer is not None or conversation.taker is not None
    if other is None or (other.is_ringing and other.part is not Part.TARGET) or is_busy:
        status = NO_DIALOG if other is None else PENDING
        conversation.do(RefuseMerge(leg.leg, happened.into, happened.transfer, status))
        return
    for moved in (other, *conversation.supervisors.values()):
        conversation.do(HandOver(moved.leg, happened.into, moved))
    for supervisor in tuple(conversation.supervisors.values()):
        conversation.forget(supervisor)
        conversation.publish("supervisor.left", supervisor, cause=Cause.MERGED, into=happened.into)
    conversation.forget(other)
    conversation.publish("call.merged", leg, into=happened.into)
    end_call(conversation, Cause.MERGED, now)


def refused(conversation: Conversation, happened: MergeRefused, now: float) -> None:
    """The consultation has nobody for us: the call goes on as before."""
    transfer = conversation.transfer
    if transfer is None or transfer.number != happened.transfer or transfer.successor is not None:
        conversation.count("call_inputs_absorbed", type(happened).__name__)
    else:
        fail(conversation, Cause.NOT_FOUND, now, status=happened.status)


def handed_over(conversation: Conversation, happened: LegHandedOver, now: float) -> None:
    """A leg of the consultation arrives."""
    leg = happened.moved
    leg.sound = None
    if conversation.find(leg.leg) is not None:
        conversation.count("call_inputs_absorbed", type(happened).__name__)
    elif conversation.is_over:
        conversation.do(EndLeg(leg.leg, ENDINGS[Cause.HANG_UP].reason), CloseLeg(leg.leg))
    elif isinstance(leg, SupervisorLeg):
        supervising.handed_over(conversation, leg, now, is_covered=happened.is_covered)
    else:
        _party_handed_over(conversation, leg, now)


def _party_handed_over(conversation: Conversation, leg: Leg, now: float) -> None:
    transfer = conversation.transfer
    if transfer is None or transfer.successor is not None or transfer.way != "attended":
        conversation.do(EndLeg(leg.leg, ENDINGS[Cause.HANG_UP].reason), CloseLeg(leg.leg))
        return
    leg.part = Part.SUCCESSOR
    leg.role = role_of_newcomer(conversation, leg.agent, transfer.referrer)
    leg.is_admitted = False
    transfer.successor = leg
    conversation.do(AdoptLeg(leg.leg, leg.role))
    if leg.is_answered:
        succeed(conversation, leg, now)
    else:
        tell_progress(conversation, 180)
