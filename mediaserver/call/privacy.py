"""A call that its agent marks private: whoever supervises leaves, and nobody comes in until he takes it back or another agent has it."""

from mediaserver.call import lounging
from mediaserver.call.conversation import Conversation
from mediaserver.call.ending import Cause
from mediaserver.call.inputs import PrivacyMarked
from mediaserver.call.supervising import dismiss, go
from mixer.modes import Role


def marked(conversation: Conversation, happened: PrivacyMarked, now: float) -> None:
    """The agent wants to be alone with the customer, or does not any more."""
    leg = conversation.find(happened.leg)
    if leg is None or leg.role is not Role.AGENT or conversation.is_private is happened.is_private:
        return
    conversation.is_private = happened.is_private
    conversation.publish("call.private" if happened.is_private else "call.public", leg)
    if happened.is_private:
        for supervisor in tuple(conversation.supervisors.values()):
            if lounging.is_guest_here(conversation, supervisor):
                go(conversation, supervisor, supervisor.home, Cause.PRIVATE, now)
            else:
                dismiss(conversation, supervisor, Cause.PRIVATE, now)
