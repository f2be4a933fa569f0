"""Traces, kept in memory: of commands, calls, supervision and workers; and nothing of it where they are off."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from control_api.commands import failed
from control_api.encoding import Subprotocol, decode
from control_api.permissions import Refusal
from control_api.supervision_models import SuperviseCommand
from mediaserver.call.actions import Publish
from mediaserver.call.inputs import LegId
from mediaserver.call.view import CallState, CallView, LegState, LegView
from mediaserver.link.messages import Applied, Refused, SetMode
from mediaserver.observing.telemetry import Telemetry
from mediaserver.webhooks.envelopes import Envelopes
from mixer.modes import Mode, Role
from tests.control_api.desk import ANNA, call_model
from tests.control_api.serving import ask, serving
from tests.mediaserver.signalling.exchange import ROBERT, TRUNK, Exchange

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = 0x0AF7651916CD43DD8448EB211C80319C


class Kept:
    """Traces on a clock that is set: second 100 of calls is second 5,000 of the wall."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.now = 100.0
        self.telemetry = Telemetry(provider, lambda: self.now, lambda: round((self.now + 4900) * 1e9))

    def happens(self, kind: str, leg: int | None = None, mode: Mode = Mode.LISTEN) -> None:
        """A call that began in second 100, with anna's leg 3."""
        legs = (LegView(LegId(3), Role.SUPERVISOR, LegState.ANSWERED, "anna", "PCMU", identity="anna", mode=mode, target=Role.AGENT),)
        view = CallView("c1", "default", CallState.ANSWERED, "1", "2", "robert", "", "pbx", {}, 100.0, None, None, "bye", legs)
        self.telemetry.happened(view, Publish(kind, None if leg is None else LegId(leg)))

    def spans(self) -> dict[str, ReadableSpan]:
        """What has ended, by name."""
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Traces in memory."""
    made = Kept()
    yield made
    made.telemetry.close()


def seconds(span: ReadableSpan) -> tuple[float, float]:
    """When a span began and ended, on the calls' clock."""
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time / 1e9 - 4900, span.end_time / 1e9 - 4900


def is_under(span: ReadableSpan, other: ReadableSpan) -> bool:
    """Whether it hangs under the other one."""
    return span.parent is not None and other.context is not None and span.parent.span_id == other.context.span_id


def test_a_call_has_a_span_with_its_set_up_and_each_supervision_under_it(kept: Kept) -> None:
    for at, kind, leg in ((101.0, "call.started", None), (103.0, "call.answered", None), (110.0, "supervisor.ringing", 3)):
        kept.now = at
        kept.happens(kind, leg)
    for at, kind, mode in ((112.0, "supervisor.joined", Mode.LISTEN), (120.0, "supervisor.mode", Mode.WHISPER)):
        kept.now = at
        kept.happens(kind, 3, mode)
    kept.now = 130.0
    kept.happens("call.ended")
    spans = kept.spans()
    assert {name: seconds(span) for name, span in spans.items()} == {
        "call": (100.0, 130.0),
        "call set-up": (100.0, 103.0),
        "supervision": (110.0, 130.0),
        "supervision join": (110.0, 112.0),
    }
    assert is_under(spans["call set-up"], spans["call"])
    assert is_under(spans["supervision"], spans["call"])
    assert is_under(spans["supervision join"], spans["supervision"])
    [*_, changed] = spans["supervision"].events
    assert (changed.name, dict(changed.attributes or {})["mediaserver.mode"]) == ("mode", "whisper")


def test_a_supervisor_who_leaves_ends_his_span_and_not_the_calls(kept: Kept) -> None:
    kept.happens("supervisor.joined", 3)
    kept.happens("supervisor.left", 3)
    assert kept.spans().keys() == {"supervision", "supervision join"}


def test_what_is_told_of_a_call_after_its_end_opens_nothing(kept: Kept) -> None:
    for kind in ("call.started", "call.ended", "call.updated"):
        kept.happens(kind)
    kept.telemetry.close()
    assert [span.name for span in kept.exporter.get_finished_spans()] == ["call set-up", "call"]


def test_a_worker_is_timed_from_when_it_was_told_to_when_it_was_done(kept: Kept) -> None:
    kept.happens("call.started")
    answers: list[Applied | Refused] = []
    replied = kept.telemetry.asked(0, SetMode(3, "whisper", "agent"), answers.append)
    kept.now = 100.02
    replied(Applied(1, 20_817, -1))
    kept.happens("call.ended")
    span = kept.spans()["worker set_mode"]
    assert seconds(span) == pytest.approx((100.0, 100.02))
    assert (span.attributes or {})["mediaserver.turn"] == 20_817
    assert is_under(span, kept.spans()["call"])
    assert answers == [Applied(1, 20_817, -1)]


def test_a_worker_that_refuses_is_an_error(kept: Kept) -> None:
    kept.telemetry.asked(0, SetMode(3, "whisper", "agent"), lambda reply: None)(Refused(1, "no_leg", "no such leg"))
    assert kept.spans()["worker set_mode"].status.status_code is StatusCode.ERROR


def test_a_command_goes_on_in_its_callers_trace_and_what_it_does_is_tied_to_it(kept: Kept) -> None:
    kept.happens("call.started")
    command = SuperviseCommand(id=1, call="c1", traceparent=PARENT)
    with kept.telemetry.command(command, ANNA) as told:
        kept.happens("supervisor.ringing", 3)
        kept.telemetry.asked(0, SetMode(3, "listen", "agent"), lambda reply: None)(Applied(1, 7, -1))
        told({"ok": True, "result": {}})
    kept.happens("call.ended")
    spans = kept.spans()
    span = spans["command supervise"]
    assert span.context is not None
    assert span.context.trace_id == TRACE
    assert span.parent is not None
    assert span.parent.span_id == 0xB7AD6B7169203331
    assert is_under(spans["worker set_mode"], span)
    assert [link.context.span_id for link in spans["supervision"].links] == [span.context.span_id]
    assert (span.attributes or {})["mediaserver.call"] == "c1"


@pytest.mark.parametrize("parent", ["", "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01", None])
def test_a_trace_that_cannot_be_read_is_begun_anew(kept: Kept, parent: str | None) -> None:
    with kept.telemetry.command(SuperviseCommand(id=1, call="c1", traceparent=parent), ANNA) as told:
        told(failed(Refusal("forbidden", "no", "")))
    span = kept.spans()["command supervise"]
    assert span.parent is None
    assert (span.status.status_code, (span.attributes or {})["error.type"]) == (StatusCode.ERROR, "forbidden")


def test_webhooks_are_told_of_the_calls_trace_even_after_its_end(kept: Kept) -> None:
    envelopes = Envelopes("s1", lambda: 0.0)
    envelopes.trace_of = kept.telemetry.traceparent
    assert envelopes.wrap("call.started", "default", "c1", {}).traceparent == ""
    kept.happens("call.started")
    live = envelopes.wrap("call.answered", "default", "c1", {})
    kept.happens("call.ended")
    span = kept.spans()["call"].context
    assert span is not None
    assert live.traceparent.startswith(f"00-{span.trace_id:032x}-{span.span_id:016x}-")
    assert decode(live.body, Subprotocol.JSON)["traceparent"] == live.traceparent
    assert envelopes.wrap("call.ended", "default", "c1", {}).traceparent == live.traceparent


def test_a_call_by_sip_is_traced_to_its_end() -> None:
    kept, exchange = Kept(), Exchange()
    exchange.house.observers.append(kept.telemetry.happened)
    robert = exchange.phone(ROBERT).register("robert", "r")
    exchange.phone(TRUNK).dial("100")
    session = robert.answers()
    [entry] = exchange.switchboard.calls
    robert.hangs_up(session)
    exchange.run()
    span = kept.spans()["call"]
    assert ((span.attributes or {})["mediaserver.call"], (span.attributes or {})["mediaserver.agent"]) == (entry.view.call, "robert")
    assert kept.spans()["call set-up"].end_time is not None


async def test_rest_and_websocket_bring_their_trace_along(kept: Kept) -> None:
    import httpx

    async with serving() as served:
        served.app.state.reception.spans = kept.telemetry
        served.desk.put(call_model())
        async with httpx.AsyncClient(headers={"Authorization": "Bearer anna-token", "traceparent": PARENT}, timeout=30) as client:
            assert (await client.get(f"{served.url}/v1/calls/c1")).status_code == 200
        async with served.connect() as websocket:
            fields: dict[str, Any] = {"type": "list", "traceparent": PARENT}
            assert (await ask(websocket, **fields))["ok"] is True
    found = {name: span.context.trace_id for name, span in kept.spans().items() if span.context is not None}
    assert found == {"command get": TRACE, "command list": TRACE}


def test_nothing_of_it_is_loaded_where_traces_are_off() -> None:
    code = (
        "import sys, mediaserver.signalling.application, control_api.application\n"
        "off = ('opentelemetry.sdk', 'opentelemetry.exporter', 'mediaserver.observing.telemetry', 'mediaserver.observing.exporting')\n"
        "print([name for name in sys.modules if name.startswith(off)])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
