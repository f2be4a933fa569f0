"""The tracer process: told, asked, killed, too slow."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from config.settings import TraceSettings
from control_api.permissions import Refusal, Subject
from mediaserver.observing.counters import Counters
from mediaserver.signalling import tracer as module
from mediaserver.signalling.tracer import Tracer
from sip.transport.flow import Flow

FLOW = Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 5070))
MOST_BY_SELECT = 1024
"""Descriptors with a number below this are all that `select` takes."""
MESSAGE = b"INVITE sip:*1robert*4711@h SIP/2.0\r\nCall-ID: a1\r\n\r\n"


@pytest.fixture
async def tracer(tmp_path: Path) -> AsyncIterator[Tracer]:
    made = Tracer(TraceSettings(folder=str(tmp_path / "trace")), Counters())
    made.start()
    yield made
    made.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_what_was_heard_of_a_call_is_told_masked(tracer: Tracer) -> None:
    tracer.heard(MESSAGE, FLOW, False, 1.0)
    tracer.tie("a1", "c1", 1, "supervisor")
    tracer.know("c1", Subject("default", "robert", "support"))
    answer = await tracer.ask("c1", 0, 10)
    assert answer.subject == ("default", "robert", "support")
    assert [(traced.role, traced.remote) for traced in answer.messages] == [("supervisor", ("127.0.0.1", 5070))]
    assert answer.messages[0].data == MESSAGE.replace(b"4711", b"***")


async def test_what_is_kept_is_readable_by_nobody_else_whoever_made_the_folder(tmp_path: Path) -> None:
    tracer = Tracer(TraceSettings(folder=str(tmp_path)), Counters())
    tracer.start()
    try:
        await tracer.ask("c1", 0, 1)
        assert [path.stat().st_mode & 0o077 for path in tmp_path.glob("trace-*")] == [0]
    finally:
        tracer.close()


async def test_a_call_that_nobody_heard_of_has_no_subject(tracer: Tracer) -> None:
    assert (await tracer.ask("c9", 0, 10)).subject is None


async def test_a_tracer_that_dies_is_replaced_and_counted(tmp_path: Path) -> None:
    counters = Counters()
    tracer = Tracer(TraceSettings(folder=str(tmp_path / "trace")), counters)
    tracer.start()
    try:
        await tracer.ask("c1", 0, 1)
        first = tracer.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: counters.value("tracers_died") == 1)
        for _ in range(3):
            tracer.heard(MESSAGE, FLOW, False, 1.0)
        assert counters.value("trace_dropped", "tracer_gone") == 3
        await until(lambda: tracer.pid != first)
        tracer.know("c1", Subject("default", "robert", ""))
        assert (await tracer.ask("c1", 0, 1)).subject == ("default", "robert", "")
    finally:
        tracer.close()


async def test_a_tracer_that_the_system_cannot_start_again_yet_is_started_when_it_can(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, refusals = subprocess.Popen, [OSError("no memory")]

    def started(*given: Any, **more: Any) -> "subprocess.Popen[bytes]":
        if refusals:
            raise refusals.pop()
        return start(*given, **more)

    monkeypatch.setattr(module, "RESTARTS_AFTER", 0.01)
    monkeypatch.setattr("subprocess.Popen", started)
    first = tracer.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: tracer.pid != first)
    assert (await tracer.ask("c1", 0, 1)).subject is None


async def test_a_tracer_that_is_started_amid_many_calls_has_a_link_of_a_high_number(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * MOST_BY_SELECT), hard))
    tracer = Tracer(TraceSettings(folder=str(tmp_path / "trace")), Counters())
    with ExitStack() as sockets:
        for _ in range(MOST_BY_SELECT):
            sockets.enter_context(open(os.devnull))
        tracer.start()
        try:
            tracer.know("c1", Subject("default", "robert", ""))
            assert (await tracer.ask("c1", 0, 1)).subject == ("default", "robert", "")
        finally:
            tracer.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_tracer_that_does_not_read_costs_messages_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 1_000_000)
    counters = Counters()
    tracer = Tracer(TraceSettings(folder=str(tmp_path / "trace")), counters)
    tracer.start()
    try:
        await tracer.ask("c1", 0, 1)
        assert tracer.pid is not None
        os.kill(tracer.pid, signal.SIGSTOP)
        for _ in range(200):
            tracer.heard(MESSAGE + b"x" * 60_000, FLOW, False, 1.0)
        lost = counters.value("trace_dropped", "tracer_too_slow")
        assert lost > 0
        for _ in range(10):  # in one packet
            tracer.heard(MESSAGE + b"x" * 5_000, FLOW, False, 1.0)
        await until(lambda: counters.value("trace_dropped", "tracer_too_slow") == lost + 10)
        os.kill(tracer.pid, signal.SIGCONT)
        tracer.tie("a1", "c1", 1, "customer")
        await tracer.ask("c1", 0, 1)
    finally:
        tracer.close()


async def test_homer_gets_every_message_masked(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as homer:
        homer.bind(("127.0.0.1", 0))
        homer.setblocking(False)
        tracer = Tracer(TraceSettings(folder=str(tmp_path / "trace"), homer=f"127.0.0.1:{homer.getsockname()[1]}"), Counters())
        tracer.start()
        try:
            tracer.heard(MESSAGE, FLOW, True, 1.0)
            async with asyncio.timeout(20):
                packet = await asyncio.get_running_loop().sock_recv(homer, 65_535)
        finally:
            tracer.close()
    assert packet.startswith(b"HEP3")
    assert MESSAGE.replace(b"4711", b"***") in packet


async def test_without_a_trace_nothing_runs_and_who_asks_is_told() -> None:
    tracer = Tracer(TraceSettings(enabled=False), Counters())
    tracer.start()
    tracer.heard(MESSAGE, FLOW, False, 1.0)
    assert tracer.pid is None
    with pytest.raises(Refusal, match="nothing is traced"):
        await tracer.ask("c1", 0, 1)
    tracer.close()


async def test_the_folder_goes_with_a_server_that_was_given_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tracer = Tracer(TraceSettings(), Counters())
    tracer.start()
    await tracer.ask("c1", 0, 1)
    assert len(list(tmp_path.iterdir())) == 1
    tracer.close()
    assert list(tmp_path.iterdir()) == []
