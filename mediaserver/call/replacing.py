"""INVITE with Replaces (RFC 3891): call pickup, and attended transfers that a PBX makes on its own side.

The named leg may be answered, or ring for us; a new leg takes its place and the old one is ended. A supervisor's leg cannot be
replaced, nor one that rings toward us (RFC 3891 §3). The newcomer's role is that of any leg that moves in.
"""

from typing import Final

from mediaserver.call import supervising
from mediaserver.call.actions import AcceptLeg, OpenLeg, RejectLeg
from mediaserver.call.conversation import Conversation
from mediaserver.call.ending import Cause, parting
from mediaserver.call.hunting import answer
from mediaserver.call.inputs import LegId, ReplacementArrived
from mediaserver.call.legs import Leg, Part
from mediaserver.call.tables import Step
from mediaserver.call.transferring import DECLINED, abandon, name_agent, role_of_newcomer, succeed, take_place, waiting

BUSY: Final = 486
NO_DIALOG: Final = 481


def arrived(conversation: Conversation, happened: ReplacementArrived, now: float) -> None:
    """A permitted newcomer: put it in the place that it named."""
    old = conversation.find(happened.replaces)
    refused = _refusal(conversation, old, happened)
    if old is None or refused is not None:
        status, why = refused or (NO_DIALOG, "no_dialog")
        conversation.do(RejectLeg(happened.leg, status, ""))
        conversation.count("replacements_refused", why)
        return
    conversation.count("replacements", old.part)
    if old is conversation.successor:
        _pick_up_transfer(conversation, old, happened, now)
    elif old.is_ringing:
        _pick_up(conversation, old, happened, now)
    else:
        if conversation.transfer is not None and conversation.transfer.referrer is old:
            abandon(conversation)
        new = _open(conversation, happened, old, like=conversation.other(old))
        take_place(conversation, old, new, now, Cause.REPLACED)
        conversation.publish("call.transferred", new, to=new.party, way="replaced", role=new.role)


def _refusal(conversation: Conversation, old: Leg | None, happened: ReplacementArrived) -> tuple[int, str] | None:
    if old is None:
        return NO_DIALOG, "no_dialog"
    if old.part is Part.SUPERVISOR:
        return DECLINED, "supervisor"
    if happened.is_early_only and old.is_answered:
        return BUSY, "not_early"
    if old.is_ringing and old.part not in (Part.TARGET, Part.SUCCESSOR):
        return NO_DIALOG, "not_ours"
    return None


def _open(conversation: Conversation, happened: ReplacementArrived, old: Leg, *, like: Leg | None) -> Leg:
    """Take the newcomer's INVITE: it is answered at once."""
    agent = happened.agent or ""
    role = role_of_newcomer(conversation, agent, old)
    leg = Leg(leg=happened.leg, part=Part.CALLER, role=role, party=happened.party, agent=agent, team=happened.team or "")
    leg.move(Step.ANSWER)
    likes: LegId | None = None if like is None else like.leg
    conversation.do(OpenLeg(leg.leg, role), AcceptLeg(leg.leg, like=likes))
    return leg


def _pick_up(conversation: Conversation, old: Leg, happened: ReplacementArrived, now: float) -> None:
    """The call rings: the newcomer answers it in the target's stead."""
    new = _open(conversation, happened, old, like=conversation.first)
    conversation.do(parting(old, Cause.REPLACED))
    conversation.close(old)
    conversation.hunt.untried.clear()
    conversation.second = new
    supervising.listen_again(conversation, "transfer")
    name_agent(conversation, new)
    answer(conversation, new, now)


def _pick_up_transfer(conversation: Conversation, old: Leg, happened: ReplacementArrived, now: float) -> None:
    """A transfer rings: the newcomer answers it."""
    transfer = conversation.transfer
    survivor = waiting(conversation)
    conversation.do(parting(old, Cause.REPLACED))
    conversation.close(old)
    new = _open(conversation, happened, old if transfer is None or transfer.referrer is None else transfer.referrer, like=survivor)
    succeed(conversation, new, now)
