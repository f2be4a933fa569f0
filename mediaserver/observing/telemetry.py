"""Traces by OpenTelemetry: spans of commands, calls, supervision, and of what media workers do for them.

Imported only where traces are on. Nothing runs in the media loop: a worker's span goes from when it was told to when it said that it was
done, and names the turn. A call's trace begins with the call, or goes on from the command that made it; a command's goes on from the
``traceparent`` that it brought (W3C Trace Context), and is linked with what it does to a call that has a trace already.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from control_api.command import Command
from control_api.idempotency import Outcome
from control_api.permissions import Identity
from control_api.spans import Told
from mediaserver.call.actions import Publish
from mediaserver.call.inputs import LegId
from mediaserver.call.view import CallView
from mediaserver.link.messages import Command as WorkerCommand
from mediaserver.link.messages import Refused
from mediaserver.signalling.media.worker import Replied, Reply

MOST_ENDED: Final = 1000
"""Calls whose trace is still known after their end, for what is told of them late."""
_FIELD: Final = "traceparent"
_WORDS: Final = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(slots=True)
class _Call:
    """The open spans of a call."""

    span: Span
    set_up: Span
    supervisions: dict[LegId, Span] = field(default_factory=dict)
    joins: dict[LegId, Span] = field(default_factory=dict)
    legs: set[LegId] = field(default_factory=set)
    """All that it ever had."""

    def spans(self) -> Iterator[Span]:
        """All of them, the outermost last."""
        yield from (self.set_up, *self.joins.values(), *self.supervisions.values(), self.span)


class Telemetry:
    """Keeps the spans that are open, of calls that live."""

    def __init__(self, provider: TracerProvider, clock: Callable[[], float], wall: Callable[[], int] = time.time_ns) -> None:
        """clock: that of calls, in seconds. wall: nanoseconds since 1970."""
        self._provider = provider
        self._tracer = provider.get_tracer("mediaserver")
        self._clock = clock
        self._wall = wall
        self._traces = TraceContextTextMapPropagator()
        self._calls: dict[str, _Call] = {}
        self._legs: dict[LegId, str] = {}
        """The call of each leg."""
        self._ended: OrderedDict[str, Span] = OrderedDict()

    @contextmanager
    def command(self, command: Command, identity: Identity) -> Iterator[Told]:
        """The span of a command of the API; what is done meanwhile hangs under it."""
        parent = self._traces.extract({_FIELD: command.traceparent} if command.traceparent else {}, Context())
        named = {name: value for name in ("call", "agent", "leg") if (value := getattr(command, name, None)) is not None}
        attributes = {f"mediaserver.{name}": value for name, value in named.items()}
        attributes |= {"mediaserver.identity": identity.name, "mediaserver.tenant": identity.tenant}
        name = f"command {getattr(command, 'type', '')}"
        with self._tracer.start_as_current_span(name, parent, SpanKind.SERVER, attributes) as span:

            def told(outcome: Outcome) -> None:
                if not outcome["ok"]:
                    span.set_attribute("error.type", outcome["error"]["code"])
                    span.set_status(Status(StatusCode.ERROR, outcome["error"]["text"]))

            yield told

    def happened(self, view: CallView, told: Publish) -> None:
        """A call told something of itself."""
        if view.call in self._ended:
            return
        call = self._calls.get(view.call) or self._begin(view)
        for leg in view.legs:
            self._legs[leg.leg] = view.call
            call.legs.add(leg.leg)
        match told.kind:
            case "call.answered":
                call.set_up.end(self._wall())
            case "call.ended":
                self._end(view, call)
            case kind if kind.startswith("supervisor.") and told.leg is not None:
                self._supervised(view, call, kind.removeprefix("supervisor."), told.leg)
            case kind:
                call.span.add_event(kind, timestamp=self._wall())

    def asked(self, worker: int, command: WorkerCommand, replied: Replied) -> Replied:
        """A worker is told something; what it replies goes to whoever waits for it, and ends a span."""
        began, asking = self._wall(), get_current_span()

        def heard(reply: Reply) -> None:
            leg = getattr(command, "leg", -1)
            call = self._calls.get(self._legs.get(leg, ""))
            parent = asking if asking.get_span_context().is_valid or call is None else call.span
            name = f"worker {_WORDS.sub('_', type(command).__name__).lower()}"
            attributes: dict[str, str | int] = {"mediaserver.worker": worker, "mediaserver.leg": leg}
            span = self._tracer.start_span(name, set_span_in_context(parent, Context()), SpanKind.CLIENT, attributes, start_time=began)
            if isinstance(reply, Refused):
                span.set_status(Status(StatusCode.ERROR, reply.text))
            else:
                span.set_attribute("mediaserver.turn", reply.turn)
            span.end(self._wall())
            replied(reply)

        return heard

    def traceparent(self, call: str) -> str:
        """The trace of a call, as other programs are told of it; empty where it has none."""
        found = self._calls.get(call)
        span = found.span if found is not None else self._ended.get(call)
        carried: dict[str, str] = {}
        if span is not None:
            self._traces.inject(carried, set_span_in_context(span, Context()))
        return carried.get(_FIELD, "")

    def close(self) -> None:
        """End what is open, and send what is left; takes as long as the exporter may."""
        for call in self._calls.values():
            for span in call.spans():
                span.end()
        self._calls.clear()
        self._provider.shutdown()

    def _begin(self, view: CallView) -> _Call:
        asking = get_current_span()
        parent = set_span_in_context(asking, Context())
        began = self._wall() - round((self._clock() - view.started) * 1e9)
        attributes = {"mediaserver.call": view.call, "mediaserver.tenant": view.tenant, "mediaserver.trunk": view.trunk}
        span = self._tracer.start_span("call", parent, SpanKind.SERVER, attributes, start_time=began)
        set_up = self._tracer.start_span("call set-up", set_span_in_context(span, Context()), start_time=began)
        self._calls[view.call] = made = _Call(span, set_up)
        return made

    def _supervised(self, view: CallView, call: _Call, what: str, leg: LegId) -> None:
        if what in ("ringing", "joined") and leg not in call.supervisions:
            self._enter(view, call, leg)
        span, join = call.supervisions.get(leg), call.joins.get(leg)
        if span is None:
            return
        seen = next((each for each in view.legs if each.leg == leg), None)
        facts = {} if seen is None else {"mediaserver.mode": str(seen.mode), "mediaserver.target": str(seen.target)}
        span.add_event(what, facts, timestamp=self._wall())
        if what in ("joined", "left") and join is not None:
            call.joins.pop(leg).end(self._wall())
        if what == "left":
            call.supervisions.pop(leg).end(self._wall())

    def _enter(self, view: CallView, call: _Call, leg: LegId) -> None:
        asking = get_current_span().get_span_context()
        identity = next((each.identity for each in view.legs if each.leg == leg), "")
        attributes: dict[str, str | int] = {"mediaserver.call": view.call, "mediaserver.leg": leg, "mediaserver.identity": identity}
        links = [Link(asking)] if asking.is_valid else []
        parent = set_span_in_context(call.span, Context())
        span = self._tracer.start_span("supervision", parent, attributes=attributes, links=links, start_time=self._wall())
        call.supervisions[leg] = span
        call.joins[leg] = self._tracer.start_span("supervision join", set_span_in_context(span, Context()), start_time=self._wall())

    def _end(self, view: CallView, call: _Call) -> None:
        call.span.set_attributes({"mediaserver.agent": view.agent, "mediaserver.cause": view.cause})
        for span in call.spans():
            span.end(self._wall())
        del self._calls[view.call]
        for leg in call.legs:
            if self._legs.get(leg) == view.call:  # else it went to another call
                del self._legs[leg]
        self._ended[view.call] = call.span
        if len(self._ended) > MOST_ENDED:
            self._ended.popitem(last=False)
