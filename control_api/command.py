"""What every command of the control API has, whatever it asks for."""

from typing import Annotated, ClassVar

from pydantic import Field

from control_api.messages import DoneResult, Message, RequestId


class Command(Message):
    """What all commands share."""

    gives: ClassVar[type[Message]] = DoneResult
    """The model of what comes back."""

    id: RequestId
    key: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Makes the command safe to send again: the same identity's same key gets the first one's reply."""
    traceparent: Annotated[str, Field(max_length=256)] | None = None
    """The caller's place in a trace (W3C Trace Context); without traces, and where it cannot be read, it means nothing."""


def check_one(call: str | None, agent: str | None) -> None:
    """Raise ValueError unless a call is named by its id, or by its agent."""
    if (call is None) == (agent is None):
        raise ValueError("name either the call or the agent")
