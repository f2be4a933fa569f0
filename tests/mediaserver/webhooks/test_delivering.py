"""Which event goes to which webhook, and what becomes of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.webhooks import WebhookSettings
from mediaserver.observing.counters import Counters
from mediaserver.webhooks import outbox
from mediaserver.webhooks.delivering import AT_ONCE, Line, wants
from mediaserver.webhooks.envelopes import Envelopes
from mediaserver.webhooks.posting import Answer, Undelivered
from tests.mediaserver.webhooks.posts import HOOK, OtherProgram, event

ENVELOPES = Envelopes("server", lambda: 1_900_000_000.0)


def hook(**changes: Any) -> WebhookSettings:
    return HOOK.model_copy(update=changes)


@pytest.mark.parametrize(
    ("events", "kind", "is_wanted"),
    [
        (("call.ended",), "call.ended", True),
        (("call.ended",), "call.started", False),
        (("call.*",), "call.started", True),
        (("call.*",), "supervisor.joined", False),
        (("*",), "trunk.down", True),
        (("*",), "meters", False),
    ],
)
def test_events_are_filtered_by_kind(events: tuple[str, ...], kind: str, is_wanted: bool) -> None:
    assert wants(hook(events=events), event(kind)) is is_wanted


@pytest.mark.parametrize(("tenant", "is_wanted"), [("default", True), ("second", False), ("*", True)])
def test_events_are_filtered_by_tenant(tenant: str, is_wanted: bool) -> None:
    assert wants(hook(tenant=tenant), event()) is is_wanted


def test_an_event_is_a_cloud_event() -> None:
    told = json.loads(Envelopes("server", lambda: 1_900_000_000.0).wrap("call.ended", "default", "c1", {"call": {"call": "c1"}}).body)
    assert told == {
        "specversion": "1.0",
        "id": "server-1",
        "source": "/mediaserver/server",
        "type": "mediaserver.call.ended",
        "time": "2030-03-17T17:46:40.000Z",
        "datacontenttype": "application/json",
        "subject": "c1",
        "tenant": "default",
        "sequence": "000000000001",
        "data": {"call": {"call": "c1"}},
    }


@asynccontextmanager
async def delivering(program: OtherProgram, **changes: Any) -> AsyncIterator[tuple[Line, Counters]]:
    """A webhook that works until left."""
    counters = Counters()
    line = Line(hook(**changes), counters)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(line.run(program))
        yield line, counters
        task.cancel()


async def settled(line: Line) -> None:
    """Until nothing is under way."""
    async with asyncio.timeout(30):
        while not line.is_idle:
            await asyncio.sleep(0)


async def test_an_event_is_delivered_once() -> None:
    program = OtherProgram()
    async with delivering(program) as (line, counters):
        line.put(event(), ENVELOPES)
        await program.gets(1)
        await settled(line)
    assert (len(program.got), counters.value("webhooks_delivered", "crm")) == (1, 1)
    assert json.loads(program.got[0].body)["data"]["call"]["agent"] == "robert"


@pytest.mark.parametrize("failure", [Undelivered("refused"), Answer(500), Answer(302), Answer(404)], ids=str)
async def test_a_failed_event_comes_again_under_the_same_id(monkeypatch: pytest.MonkeyPatch, failure: Answer | Undelivered) -> None:
    monkeypatch.setattr(outbox, "WAITS", (0.0,))
    program = OtherProgram(failure, failure, Answer(200))
    async with delivering(program) as (line, counters):
        line.put(event(), ENVELOPES)
        await program.gets(3)
        await settled(line)
    assert len({envelope.id for envelope in program.got}) == 1
    assert len({envelope.body for envelope in program.got}) == 1
    assert (counters.value("webhooks_failed", "crm"), counters.value("webhooks_delivered", "crm")) == (2, 1)


async def test_who_answers_gone_is_not_asked_again() -> None:
    program = OtherProgram(Answer(410))
    async with delivering(program) as (line, counters):
        line.put(event(), ENVELOPES)
        await program.gets(1)
        await settled(line)
    assert (len(line.outbox), counters.value("webhooks_dropped", "gone")) == (0, 1)


async def test_a_webhook_that_stands_still_has_a_bounded_queue() -> None:
    program = OtherProgram()
    program.gate.clear()
    async with delivering(program, queue=10) as (line, counters):
        for _ in range(AT_ONCE):
            line.put(event(), ENVELOPES)
        await program.gets(AT_ONCE)
        for _ in range(100):
            line.put(event(), ENVELOPES)
        assert (len(line.outbox), counters.value("webhooks_dropped", "full")) == (10, 90)


async def test_a_failing_webhook_is_one_line_in_the_log_and_one_when_it_works_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "WAITS", (0.0,))
    program = OtherProgram(Answer(500), Answer(500), Answer(500), Answer(200))
    with capture_logs() as logs:
        async with delivering(program) as (line, _):
            line.put(event(), ENVELOPES)
            await program.gets(4)
            await settled(line)
    assert [(entry["event"], entry["webhook"]) for entry in logs] == [("webhook.failing", "crm"), ("webhook.works_again", "crm")]
