"""Who of a call's supervisors talks, and how the talk changes hands.

- Of all supervisors of a call one whispers and one barges at most. Whoever asks for a talk that another has is refused, and told whose
  it is; a talk is free again as soon as its holder listens, leaves, or his phone holds.
- Whose phone only rings has no talk yet, whatever mode he asked for: where another has it when he answers, he listens.
- Handed over, a talk changes its holder in one turn: both gains ramp at once, so the two are never heard, or missing, together.
- Who takes a call over barges, and the agent stands aside in the same turn: he hears nobody but hold music, nobody hears him, and what his
  phone holds is no hold of the call. Given back, and whenever whoever took it over listens or leaves, the agent is there again at once.
- The agent aside may be dropped, or hang up: the other party stays with the supervisor, and the call ends with him. Whoever talks there
  next is the one who has taken it over; while nobody does, the party hears music, and after a while the call ends.
- Whose phone sends nothing takes nothing over.
"""

from mediaserver.call.actions import Admit, EndLeg, RefuseRequest, SetMode
from mediaserver.call.conversation import Conversation
from mediaserver.call.ending import ENDINGS, Cause
from mediaserver.call.holding import reconnect
from mediaserver.call.inputs import GiveBackRequested, TakeOverRequested, TalkHandedOver
from mediaserver.call.legs import Leg, SupervisorLeg
from mixer.modes import Mode, Role


def why_not(conversation: Conversation, mode: Mode, leg: SupervisorLeg | None) -> str:
    """Whose the talk of this mode is, where it is not free for ``leg`` (None: for somebody new); empty where it is."""
    if mode is Mode.LISTEN:
        return ""
    others = (other for other in conversation.supervisors.values() if other is not leg and not other.is_ringing)
    holder = next((other for other in others if other.mode is mode), None)
    if holder is None:
        return ""
    return f"{_name(conversation, holder)} {'whispers' if mode is Mode.WHISPER else 'barges'} in this call already"


def _name(conversation: Conversation, leg: SupervisorLeg) -> str:
    """What others are told of who he is."""
    return leg.party if conversation.limits.names_supervisors else "another supervisor"


def set_mode(conversation: Conversation, leg: SupervisorLeg, mode: Mode, target: Role, request: int | None, cause: str) -> None:
    """Change a supervisor's mode; the agent whose call he took over is there again unless he still barges."""
    leg.mode, leg.target = mode, target
    conversation.do(SetMode(leg.leg, mode, target, request))
    conversation.publish("supervisor.mode", leg, mode=mode, target=target, cause=cause)
    if mode is not Mode.BARGE:
        release(conversation, leg, cause)
    elif not leg.is_ringing and conversation.aside is None and (taker := conversation.taker) is not None:
        taker.has_taken_over, leg.has_taken_over = False, True


def release(conversation: Conversation, leg: SupervisorLeg, cause: str) -> None:
    """This supervisor talks in nobody's stead any more; where the agent is gone, there is nobody to whom the call could be given back."""
    agent = conversation.aside
    if not leg.has_taken_over or agent is None:
        return
    leg.has_taken_over = agent.is_aside = False
    conversation.admit(agent)
    reconnect(conversation, conversation.quiet_since)
    conversation.publish("call.given_back", leg, cause=cause)


def handed_over(conversation: Conversation, leg: SupervisorLeg, happened: TalkHandedOver, now: float) -> None:
    """The talk of one supervisor becomes another's."""
    to = conversation.supervisors.get(happened.to)
    if leg.mode is Mode.LISTEN:
        _refuse(conversation, happened.request, "you only listen; there is no talk to hand over")
    elif to is None or to is leg or not to.is_answered:
        conversation.do(RefuseRequest(happened.request, "not_found", f"leg {happened.to} is no other supervisor of this call"))
    elif not to.hears:
        _refuse(conversation, happened.request, f"{_name(conversation, to)}'s phone is on hold")
    elif leg.has_taken_over and not to.sends:
        _refuse(conversation, happened.request, f"{_name(conversation, to)}'s phone sends nothing")
    else:
        _pass_on(conversation, leg, to, happened)


def _pass_on(conversation: Conversation, leg: SupervisorLeg, to: SupervisorLeg, happened: TalkHandedOver) -> None:
    mode, target = leg.mode, leg.target
    if leg.has_taken_over:
        to.has_taken_over, leg.has_taken_over = True, False
    set_mode(conversation, leg, Mode.LISTEN, target, None, "handover")
    set_mode(conversation, to, mode, target, happened.request, "handover")


def take_over_requested(conversation: Conversation, leg: SupervisorLeg, happened: TakeOverRequested, now: float) -> None:
    """A supervisor wants to talk in the agent's stead, or to drop the agent in whose stead he talks."""
    agent = next((party for party in conversation.parties() if party.role is Role.AGENT), None)
    why = _why_not_taken_over(conversation, leg, agent, drops_agent=happened.drops_agent)
    if why:
        _refuse(conversation, happened.request, why)
        return
    if agent is None:
        set_mode(conversation, leg, Mode.BARGE, leg.target, happened.request, "take_over")
        return
    if not leg.has_taken_over:
        leg.has_taken_over = agent.is_aside = True
        agent.is_admitted = False
        conversation.do(Admit(agent.leg, False))
        conversation.publish("call.taken_over", leg, agent=agent.agent)
    set_mode(conversation, leg, Mode.BARGE, leg.target, happened.request, "take_over")
    if happened.drops_agent:
        conversation.do(EndLeg(agent.leg, ENDINGS[Cause.REQUESTED].reason))
        agent_gone(conversation, agent, "dropped")
    reconnect(conversation, now)


def _why_not_taken_over(conversation: Conversation, leg: SupervisorLeg, agent: Leg | None, *, drops_agent: bool) -> str:
    other = None if agent is None else conversation.other(agent)
    taker = conversation.taker
    if taker is not None and taker is not leg:
        return f"{_name(conversation, taker)} has taken the call over already"
    is_again = leg.has_taken_over and agent is None and not drops_agent
    if not is_again and (agent is None or not agent.is_answered or other is None or not other.is_answered):
        return "the call has no agent and other party who talk"
    if conversation.transfer is not None:
        return "the agent is transferring the call"
    if not leg.hears:
        return "the supervisor's phone is on hold; resume first"
    if not leg.sends:
        return "the supervisor's phone sends nothing; nobody would hear him"
    return why_not(conversation, Mode.BARGE, leg)


def give_back_requested(conversation: Conversation, leg: SupervisorLeg, happened: GiveBackRequested, now: float) -> None:
    """The agent is to talk again; who talked for him listens."""
    if not leg.has_taken_over:
        _refuse(conversation, happened.request, "you have not taken the call over")
    elif conversation.aside is None:
        _refuse(conversation, happened.request, "the agent has left the call")
    else:
        set_mode(conversation, leg, Mode.LISTEN, leg.target, happened.request, "given_back")


def agent_gone(conversation: Conversation, agent: Leg, cause: str) -> None:
    """The agent aside is out of the call: it is his no more. Its name stays, and with it who may supervise it."""
    conversation.agent_left = True
    conversation.close(agent)
    conversation.publish("call.agent_left", agent, agent=agent.agent, cause=cause)


def _refuse(conversation: Conversation, request: int, why: str) -> None:
    conversation.do(RefuseRequest(request, "conflict", why))
