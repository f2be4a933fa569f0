"""An event of the house as CloudEvents 1.0 has it, in JSON."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from control_api.encoding import Subprotocol, encode
from control_api.messages import iso

MEDIA_TYPE: Final = "application/cloudevents+json; charset=utf-8"
TYPE_PREFIX: Final = "mediaserver."


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event, ready to be sent; it stays the same however often it is."""

    id: str
    kind: str
    tenant: str
    body: bytes
    traceparent: str = ""
    """Where in a trace it belongs (W3C Trace Context); empty: nowhere."""


class Envelopes:
    """Numbers events and wraps them."""

    def __init__(self, server: str, wall: Callable[[], float]) -> None:
        """server: names this process, so that ids are never used again after a restart."""
        self._server = server
        self._wall = wall
        self._numbers = itertools.count(1)
        self.trace_of: Callable[[str], str] = lambda call: ""
        """The trace of a call, where traces are kept."""

    def wrap(self, kind: str, tenant: str, call: str, data: dict[str, Any]) -> Envelope:
        """A new event. data: what happened, JSON-ready."""
        number = next(self._numbers)
        identity = f"{self._server}-{number}"
        event = {
            "specversion": "1.0",
            "id": identity,
            "source": f"/mediaserver/{self._server}",
            "type": TYPE_PREFIX + kind,
            "time": iso(self._wall()),
            "datacontenttype": "application/json",
            "tenant": tenant,
            "sequence": f"{number:012d}",
            "data": data,
        }
        if call:
            event["subject"] = call
        trace = self.trace_of(call)
        if trace:
            event["traceparent"] = trace
        return Envelope(identity, kind, tenant, encode(event, Subprotocol.JSON), trace)
