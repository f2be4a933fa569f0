"""Reading a call's trace: who may, and how it is told."""

import base64
from typing import Any, Final

import structlog

from control_api.messages import iso
from control_api.permissions import Identity, Refusal, Right, Subject, check_right, check_visible
from mediaserver.signalling.house import House
from mediaserver.tracing.ladder import summary_of
from mediaserver.tracing.records import Traced
from sip.transport.flow import Address
from sip.uri import bracketed

_log = structlog.get_logger(__name__)

MOST_MESSAGES: Final = 200
"""In one answer."""


async def read_trace(house: House, identity: Identity, *, call: str, after: int, is_live: bool) -> dict[str, Any]:
    """A call's messages as `control_api.call_models.TraceResult`. Raises `Refusal`; a call that is not his to see does not exist."""
    check_right(identity, Right.TRACE)
    answer = await house.tracer.ask(call, after, MOST_MESSAGES)
    if answer.subject is None:
        raise Refusal("not_found", "no such call", "list shows the calls that you may see; ended ones by their id")
    check_visible(identity, Subject(*answer.subject, call))
    if after == 0:
        _log.info("trace.read", call=call, identity=identity.name)
    return {
        "messages": [_model(traced) for traced in answer.messages],
        "next": answer.next_place,
        "complete": answer.is_complete,
        "live": is_live,
    }


def _model(traced: Traced) -> dict[str, Any]:
    return {
        "place": traced.place,
        "at": iso(traced.wall),
        "sent": traced.is_sent,
        "transport": traced.transport,
        "local": _written(traced.local),
        "remote": _written(traced.remote),
        "sip_call_id": traced.sip_call_id,
        "leg": traced.leg,
        "role": traced.role,
        "summary": summary_of(traced.data),
        "data": base64.b64encode(traced.data).decode(),
    }


def _written(address: Address) -> str:
    return f"{bracketed(address[0])}:{address[1]}"
