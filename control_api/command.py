"""What every command of the control API has, whatever it asks for."""

from typing import Annotated

from pydantic import Field

from control_api.messages import Message, RequestId


class Command(Message):
    """What all commands share."""

    id: RequestId
    key: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Makes the command safe to send again: the same identity's same key gets the first one's reply."""
    traceparent: Annotated[str, Field(max_length=256)] | None = None
    """The caller's place in a trace (W3C Trace Context); without traces, and where it cannot be read, it means nothing."""
