"""An agent's call for help: told to those who may see the call, and shown with it until a supervisor is there or the agent needs none."""

from mediaserver.call.conversation import Conversation
from mediaserver.call.inputs import HelpRequested
from mediaserver.call.legs import Leg


def requested(conversation: Conversation, happened: HelpRequested) -> None:
    """The agent wants somebody, or nobody any more; asked again, only what he says anew is told."""
    if happened.text is None:
        over(conversation, happened.by)
    elif conversation.is_joinable and conversation.first is not None and happened.text != conversation.help:
        conversation.help = happened.text
        conversation.publish("call.help", text=happened.text, by=happened.by)


def over(conversation: Conversation, by: str, leg: Leg | None = None) -> None:
    """Somebody is there, with this leg; or the agent needs nobody any more."""
    if conversation.help is not None:
        conversation.help = None
        conversation.publish("call.help_over", leg, by=by)
