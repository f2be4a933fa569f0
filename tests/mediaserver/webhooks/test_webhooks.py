"""The whole of it: events in, deliveries and lookups out, and an orderly end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.settings import Settings
from control_api.ports import HouseEvent
from mediaserver.observing.counters import Counters
from mediaserver.signalling.desk.publishing import Publisher
from mediaserver.webhooks import outbox, webhooks
from mediaserver.webhooks.envelopes import Envelope
from mediaserver.webhooks.posting import Answer, Post
from mediaserver.webhooks.spool import Spool
from mediaserver.webhooks.webhooks import Webhooks
from tests.mediaserver.webhooks.posts import HOOK, LOOKUP, OtherProgram, event

BOTH = Settings(webhooks=(HOOK,), lookups=(LOOKUP,))


@asynccontextmanager
async def running(settings: Settings, program: OtherProgram) -> AsyncIterator[tuple[Webhooks, Publisher, list[tuple[str, dict[str, str]]]]]:
    publisher, told = Publisher(), list[tuple[str, dict[str, str]]]()
    hooks = Webhooks(settings, "server", Counters(), lambda call, found: told.append((call, found)), program.reached)
    hooks.listen(publisher.subscribe)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hooks.run())
        await asyncio.sleep(0)
        yield hooks, publisher, told
        task.cancel()


async def test_a_call_that_begins_is_told_and_looked_up() -> None:
    program = OtherProgram(Answer(200, b'{"name": "Ada"}'))
    async with running(BOTH, program) as (_, publisher, told):
        publisher.tell(event())
        await program.gets(2)
        async with asyncio.timeout(30):
            while not told:
                await asyncio.sleep(0)
    assert {envelope.kind for envelope in program.got} == {"call.started", "caller.lookup"}
    assert told == [("c1", {"caller_name": "Ada"})]


async def test_events_of_before_the_start_are_delivered_after_it() -> None:
    program, publisher = OtherProgram(), Publisher()
    hooks = Webhooks(BOTH, "server", Counters(), lambda call, found: None, program.reached)
    hooks.listen(publisher.subscribe)
    publisher.tell(event("call.ended"))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hooks.run())
        await program.gets(1)
        task.cancel()
    assert program.got[0].kind == "call.ended"


async def test_a_server_without_webhooks_does_not_listen() -> None:
    heard: list[Callable[[HouseEvent], None]] = []
    hooks = Webhooks(Settings(), "server", Counters(), lambda call, found: None)
    hooks.listen(lambda listener, _: heard.append(listener) or (lambda: None))  # type: ignore[func-returns-value]
    await hooks.run()
    assert heard == []


async def test_a_server_that_stops_lets_the_last_events_go_out() -> None:
    program = OtherProgram()
    async with running(BOTH, program) as (hooks, publisher, _):
        publisher.tell(event("call.ended"))
        await hooks.farewell()
        assert [envelope.kind for envelope in program.got] == ["call.ended"]


async def test_what_could_not_go_out_at_the_end_is_told_in_the_log() -> None:
    program = OtherProgram(Answer(500))
    with capture_logs() as logs:
        async with running(BOTH, program) as (hooks, publisher, _):
            publisher.tell(event("call.ended"))
            await hooks.farewell()
    assert [(entry["webhook"], entry["events"]) for entry in logs if entry["event"] == "webhook.undelivered"] == [("crm", 1)]


async def test_a_server_that_stops_does_not_wait_for_who_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "FAREWELL", 0.0)
    program = OtherProgram()
    program.gate.clear()
    async with running(BOTH, program) as (hooks, publisher, _):
        publisher.tell(event("call.ended"))
        await program.gets(1)
        await hooks.farewell()
        (waiting,) = hooks.metrics()
        assert [(sample.labels, sample.value) for sample in waiting.samples] == [({"webhook": "crm"}, 1)]


async def test_what_could_not_be_delivered_comes_after_a_restart_under_the_same_id(tmp_path: Path) -> None:
    away, back = OtherProgram(Answer(500)), OtherProgram()
    settings = Settings(webhooks=(HOOK,))
    for server, program in (("first", away), ("second", back)):
        hooks = Webhooks(settings, server, Counters(), lambda call, found: None, program.reached, tmp_path)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(hooks.run())
            if program is away:
                hooks.heard(event("call.ended"))
            await program.gets(1)
            await hooks.farewell()
            task.cancel()
        hooks.close()
    assert [envelope.id for envelope in back.got] == [away.got[0].id]
    assert [kept.envelope.id for kept in Spool(tmp_path / HOOK.name, Counters()).open()] == []


async def test_what_was_refused_is_sent_again_to_whom_its_tenants_administrator_names() -> None:
    program = OtherProgram(Answer(410), Answer(204))
    async with running(Settings(webhooks=(HOOK,)), program) as (hooks, publisher, _):
        publisher.tell(event("call.ended"))
        await program.gets(1)
        await hooks.farewell()
        assert (hooks.again("second", "crm"), hooks.again("default", "other"), hooks.again("default", "crm")) == (None, None, 1)
        await program.gets(2)
    assert program.got[0].id == program.got[1].id


async def test_a_fault_amid_a_delivery_loses_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "WAITS", (0.0,))
    program, faults = OtherProgram(), [ValueError("a fault")]

    async def faulty(url: str, secret: str, envelope: Envelope, timeout: float) -> Answer:
        if faults:
            raise faults.pop()
        return await program(url, secret, envelope, timeout)

    @asynccontextmanager
    async def reached() -> AsyncIterator[Post]:
        yield faulty

    hooks = Webhooks(Settings(webhooks=(HOOK,)), "server", Counters(), lambda call, found: None, reached)
    hooks.heard(event("call.ended"))
    with pytest.raises(ExceptionGroup):
        await hooks.run()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hooks.run())
        await program.gets(1)
        task.cancel()
    assert [envelope.kind for envelope in program.got] == ["call.ended"]


async def test_a_webhook_of_all_tenants_is_sent_again_what_is_the_asking_tenants() -> None:
    program = OtherProgram(Answer(410), Answer(410), Answer(204))
    async with running(Settings(webhooks=(HOOK.model_copy(update={"tenant": "*"}),)), program) as (hooks, publisher, _):
        for tenant in ("default", "second"):
            publisher.tell(event("call.ended", tenant=tenant))
        await program.gets(2)
        await hooks.farewell()
        assert (hooks.again("second", "crm"), hooks.again("third", "crm")) == (1, 0)
        await program.gets(3)
    assert [envelope.tenant for envelope in program.got] == ["default", "second", "second"]
