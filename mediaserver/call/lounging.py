"""Supervisors who follow: where they wait between two calls, and how they go from one to the next.

- A lounge is a call without a conversation. Whoever is rung into it hears the comfort tone, and has his home there.
- From his home he goes to a call, as a leg that is handed over goes: in listen, silent until let in, where a seat is free.
- He leaves a call as anybody leaves it who hangs up: who talked in the agent's stead talks no more, and the agent is there again.
- When that call ends, has another agent beyond his ceiling, or has no seat for him, he goes home; when he hangs up, he is gone.
"""

from mediaserver.call.actions import HandOver, RefuseRequest
from mediaserver.call.conversation import Conversation
from mediaserver.call.inputs import LoungeOpened, ModeRequested
from mediaserver.call.legs import SupervisorLeg
from mediaserver.call.tables import Step
from mediaserver.call.view import CallState


def opened(conversation: Conversation, happened: LoungeOpened, now: float) -> None:
    """This is a lounge from now on."""
    if conversation.move(Step.WAIT):
        conversation.started = now
    else:
        conversation.count("call_inputs_absorbed", type(happened).__name__)


def is_guest_here(conversation: Conversation, leg: SupervisorLeg) -> bool:
    """Whether a supervisor's home is another call than this one, and he can go there."""
    return leg.home not in ("", conversation.call) and leg.is_answered


def move(conversation: Conversation, leg: SupervisorLeg, into: str, cause: str) -> None:
    """Take a supervisor's leg out of the call and hand it over; whatever hangs on his leaving is `mediaserver.call.supervising.go`'s."""
    conversation.forget(leg)
    conversation.do(HandOver(leg.leg, into, leg))
    conversation.count("supervisors_moved", cause)
    if conversation.state is not CallState.LOUNGE:
        conversation.publish("supervisor.left", leg, cause=cause, into=into)


def refuse_mode(conversation: Conversation, happened: ModeRequested) -> None:
    """Nobody is here who could hear him."""
    conversation.do(RefuseRequest(happened.request, "conflict", "you wait for a call; there is nobody to speak to yet"))
