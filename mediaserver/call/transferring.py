"""Blind transfer while supervisors listen (RFC 3515): a party's place becomes another's, and the call stays the same one.

- Only the agent may ask. Whom nobody whispers to (a customer, an outside party) and a supervisor are declined (603); a second
  REFER, and one before both parties were answered, has to wait (491).
- The new targets are hunted like a call's own. Until one answers, nothing about the old agent changes: he keeps his leg, his
  hold and his supervisors; where it fails, the call goes on with him. Nobody hears the target, and he hears nobody.
- Who waits hears the target ring where the agent holds him mutely or has left; else what the agent sends.
- The agent may hang up meanwhile: the transfer goes on, and his phone is told all the same (RFC 5057 §4.3). If it fails
  then, he is rung again where a setting says so; else the party who waits hears the busy tone, and the call ends.
- With the answer, in one turn: every supervisor is in listen, the old leg is closed, the new one is let in. A leg that moves
  in is AGENT if it is a known agent and no other leg is the agent, else OUTSIDE: heard, never whispered to.
- The old leg has two seconds to say BYE by itself, as phones do; its audio ends with the transfer.
"""

from collections import deque
from typing import Final

from mediaserver.call import supervising, talking
from mediaserver.call.actions import AcceptTransfer, CloseLeg, EndLeg, MergeCalls, OpenLeg, RefuseTransfer
from mediaserver.call.conversation import Conversation, Hunt, Transfer
from mediaserver.call.ending import ENDINGS, Cause, failure_of, parting
from mediaserver.call.ending import party_ended as end_call_as_party_ended
from mediaserver.call.ending import party_hung_up as end_call_as_party_hung_up
from mediaserver.call.holding import reconnect
from mediaserver.call.hunting import GLOBAL_FAILURE, RELAYED, agent_of, note_failure, place, take_contacts
from mediaserver.call.inputs import Accepted, HangUpRequested, LegEnded, Progressed, Rejected, Target, TransferRequested
from mediaserver.call.legs import Leg, Part
from mediaserver.call.tables import Step
from mixer.modes import Role

DECLINED: Final = 603
PENDING: Final = 491
MOST_TRANSFERS: Final = 50
"""Of one call; agents who pass a call round and round come to an end."""
BUSY_SECONDS: Final = 3.0
"""How long the party who waited hears the busy tone before the call ends."""


def role_of_newcomer(conversation: Conversation, agent: str, leaving: Leg | None) -> Role:
    """The role of a leg that takes the place of ``leaving``: AGENT for a known agent, as long as there is no other."""
    others = (*conversation.parties(), *((conversation.successor,) if conversation.successor else ()))
    is_taken = any(leg.role is Role.AGENT for leg in others if leg is not leaving)
    return Role.AGENT if agent and not is_taken else Role.OUTSIDE


def requested(conversation: Conversation, leg: Leg, happened: TransferRequested, now: float) -> None:
    """A REFER: take it, or say why not."""
    refused = _refusal(conversation, leg, happened)
    if refused is not None:
        status, why = refused
        conversation.do(RefuseTransfer(leg.leg, happened.transfer, status))
        conversation.count("transfers_refused", why)
        return
    conversation.transfers += 1
    way = "blind" if happened.consultation is None else "attended"
    hunt = Hunt(deque(happened.targets))
    conversation.transfer = Transfer(happened.transfer, leg.leg, happened.to, way, leg, hunt)
    conversation.do(AcceptTransfer(leg.leg, happened.transfer))
    conversation.publish("call.transferring", leg, to=happened.to, way=way)
    if happened.consultation is None:
        _ring_next(conversation, now)
    else:
        conversation.do(MergeCalls(leg.leg, happened.transfer, happened.consultation))


def _refusal(conversation: Conversation, leg: Leg, happened: TransferRequested) -> tuple[int, str] | None:
    """The code and the counted reason with which a REFER is refused; the role comes first: to others we say nothing of targets."""
    other = conversation.other(leg)
    if leg.role is not Role.AGENT:
        return DECLINED, f"from_{leg.role}"
    if conversation.transfer is not None:
        return PENDING, "pending"
    if conversation.taker is not None:
        return PENDING, "taken_over"
    if not conversation.is_answered or not leg.is_answered or other is None or not other.is_answered:
        return PENDING, "not_answered"
    if conversation.transfers >= MOST_TRANSFERS:
        return DECLINED, "too_many"
    if not happened.targets and happened.consultation is None:
        return happened.refusal, "target"
    return None


def _ring_next(conversation: Conversation, now: float) -> None:
    """Ring the next target, or give the transfer up."""
    transfer, survivor = conversation.transfer, waiting(conversation)
    if transfer is None or survivor is None:
        return
    if not transfer.hunt.untried:
        fail(conversation, Cause(transfer.hunt.failure or Cause.NOT_FOUND), now)
        return
    target = transfer.hunt.untried.popleft()
    agent = agent_of(target)
    leg = Leg(
        leg=conversation.allocate_leg(),
        part=Part.SUCCESSOR,
        role=role_of_newcomer(conversation, agent, transfer.referrer),
        party=agent or target.value,
        agent=agent,
        team=target.team or "",
    )
    transfer.successor = leg
    conversation.do(OpenLeg(leg.leg, leg.role))
    place(conversation, leg, target, now, like=survivor.leg)


def waiting(conversation: Conversation) -> Leg | None:
    """The party who is to be connected with somebody else."""
    transfer = conversation.transfer
    return next((party for party in conversation.parties() if transfer is not None and party is not transfer.referrer), None)


def progressed(conversation: Conversation, leg: Leg, happened: Progressed, now: float) -> None:
    """The new target says 18x: who waits hears it ring, and who asked is told each kind once. Its early media is heard by nobody."""
    status = RELAYED.get(happened.status)
    if status is not None:
        tell_progress(conversation, status)


def tell_progress(conversation: Conversation, status: int) -> None:
    """Tell who asked for the transfer how it goes."""
    transfer = conversation.transfer
    if transfer is None:
        return
    transfer.has_rung = True
    if status not in transfer.hunt.relayed:
        transfer.hunt.relayed.add(status)
        conversation.notify(status)


def accepted(conversation: Conversation, leg: Leg, happened: Accepted, now: float) -> None:
    """The new target answers."""
    conversation.choose(leg, happened.fork, happened.media)
    leg.move(Step.ANSWER)
    succeed(conversation, leg, now)


def succeed(conversation: Conversation, leg: Leg, now: float) -> None:
    """The successor is there: it takes the place of who asked for the transfer."""
    transfer = conversation.transfer
    if transfer is None:
        return
    conversation.notify(200)
    conversation.transfer = None
    conversation.count("transfers", transfer.way)
    take_place(conversation, transfer.referrer, leg, now, Cause.TRANSFERRED)
    conversation.publish("call.transferred", leg, to=transfer.to, way=transfer.way, role=leg.role)


def take_place(conversation: Conversation, old: Leg | None, leg: Leg, now: float, cause: Cause) -> None:
    """Put an answered leg in the place of another (None: it is empty already), with every supervisor in listen before it is heard."""
    leg.ring_until = None
    if leg.part is Part.SUCCESSOR:
        leg.part = Part.TARGET
    supervising.listen_again(conversation, "transfer")
    if old is not None:
        conversation.do(parting(old, cause))
        old.move(Step.END)
    if old is not None and old is conversation.first:
        conversation.first = leg
    else:
        conversation.second = leg
    name_agent(conversation, leg)
    if old is not None:
        conversation.do(CloseLeg(old.leg))
    conversation.admit(leg)
    reconnect(conversation, now)


def name_agent(conversation: Conversation, newcomer: Leg) -> None:
    """The call's agent is whoever has that role now; ceilings are checked against him. Where nobody has, the newcomer is named."""
    agent = next((party for party in conversation.parties() if party.role is Role.AGENT), None)
    name, team = ("", "") if agent is None else (agent.agent, agent.team)
    supervising.agent_becomes(conversation, name, team, (agent or newcomer).party)


def rejected(conversation: Conversation, leg: Leg, happened: Rejected, now: float) -> None:
    """The new target refuses: what it names, or the next one, is tried."""
    transfer = conversation.transfer
    cause = Cause.NO_RESOURCES if happened.is_ours else failure_of(happened.status)
    if transfer is not None and cause is Cause.REDIRECTED:
        take_contacts(conversation, transfer.hunt, happened.contacts)
    if transfer is not None and (happened.status >= GLOBAL_FAILURE or happened.is_ours):
        transfer.hunt.untried.clear()
    _give_up(conversation, leg, cause, now)


def target_lost(conversation: Conversation, leg: Leg, happened: LegEnded, now: float) -> None:
    """The new target's signalling died while it rang."""
    _give_up(conversation, leg, Cause.UNREACHABLE, now)


def target_hung_up(conversation: Conversation, leg: Leg, happened: HangUpRequested, now: float) -> None:
    """Somebody with the right to do so ends the leg that rings."""
    conversation.do(EndLeg(leg.leg, ENDINGS[Cause.REQUESTED].reason))
    _give_up(conversation, leg, Cause.NO_ANSWER, now)


def rang_too_long(conversation: Conversation, leg: Leg, now: float) -> None:
    """The new target's ring timer ended."""
    conversation.do(EndLeg(leg.leg, ENDINGS[Cause.NO_ANSWER].reason))
    _give_up(conversation, leg, Cause.NO_ANSWER, now)


def _give_up(conversation: Conversation, leg: Leg, cause: Cause, now: float) -> None:
    if conversation.transfer is not None:
        note_failure(conversation, conversation.transfer.hunt, cause)
    conversation.close(leg)
    _ring_next(conversation, now)


def fail(conversation: Conversation, cause: Cause, now: float, *, status: int | None = None) -> None:
    """Nobody answered. With the old agent the call goes on as before; without him he is rung, or who waits is let go."""
    transfer = conversation.transfer
    if transfer is None:
        return
    conversation.count("transfers_failed", cause)
    conversation.publish("call.transfer_failed", transfer.referrer, to=transfer.to, cause=cause)
    conversation.notify(status or ENDINGS[cause].status)
    if transfer.referrer is not None:
        conversation.transfer = None
    elif transfer.home is not None and conversation.limits.return_to_referrer:
        transfer.way, transfer.to = "returned", transfer.home.value
        transfer.hunt, transfer.home = Hunt(deque([transfer.home])), None
        _ring_next(conversation, now)
    else:
        transfer.ends_at = now + BUSY_SECONDS


def ends_at(conversation: Conversation) -> float | None:
    """When a call ends whose transfer failed with nobody left to talk to; None: not so."""
    return None if conversation.transfer is None else conversation.transfer.ends_at


def abandon(conversation: Conversation) -> None:
    """Give up a transfer whose agent has been replaced: its target is let go, and he is told."""
    conversation.notify(ENDINGS[Cause.CANCELLED].status)
    successor = conversation.successor
    if successor is not None:
        conversation.do(parting(successor, Cause.CANCELLED))
        conversation.close(successor)
    conversation.transfer = None


def party_ended(conversation: Conversation, leg: Leg, happened: LegEnded, now: float) -> None:
    """A party hung up: the call's end, unless somebody is rung in its place."""
    if leg.is_aside:
        talking.agent_gone(conversation, leg, happened.cause)
    elif _goes_on_without(conversation, leg):
        _left(conversation, leg, now)
    else:
        end_call_as_party_ended(conversation, leg, happened, now)


def party_hung_up(conversation: Conversation, leg: Leg, happened: HangUpRequested, now: float) -> None:
    """A party is hung up: the call's end, unless somebody is rung in its place."""
    if leg.is_aside:
        conversation.do(EndLeg(leg.leg, ENDINGS[Cause.REQUESTED].reason))
        talking.agent_gone(conversation, leg, happened.cause)
    elif _goes_on_without(conversation, leg):
        conversation.do(EndLeg(leg.leg, ENDINGS[Cause.REQUESTED].reason))
        _left(conversation, leg, now)
    else:
        end_call_as_party_hung_up(conversation, leg, happened, now)


def _goes_on_without(conversation: Conversation, leg: Leg) -> bool:
    transfer = conversation.transfer
    return transfer is not None and transfer.referrer is leg and transfer.successor is not None


def _left(conversation: Conversation, leg: Leg, now: float) -> None:
    """The referring agent is gone before the outcome; where he is known, he can be rung again."""
    transfer = conversation.transfer
    if transfer is None:
        return
    transfer.referrer = None
    if leg.agent:
        transfer.home = Target("agent", leg.agent, agent=leg.agent, team=leg.team)
    conversation.close(leg)
    reconnect(conversation, now)
