"""Connections to the control API that do not say who they are: how many, for how long, and who gives way."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn

from config.settings import ControlSettings
from control_api import manners
from control_api import server as server_module
from tests.control_api.serving import Served, ask, receive, serving

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
BODY = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"


class Stranger:
    """A connection without a token."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def says(self, data: bytes) -> bytes:
        """The head and body that answer it."""
        self.writer.write(data)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        return head + await self.reader.readexactly(length)

    async def hears_until_the_end(self) -> bytes:
        """What comes until the server ends the connection."""
        heard = bytearray()
        try:
            while data := await self.reader.read(65_536):
                heard += data
        except ConnectionResetError:
            pass
        return bytes(heard)


@asynccontextmanager
async def strangers(served: Served, count: int = 1) -> AsyncIterator[list[Stranger]]:
    """Connections, one after the other; bounded in time as the whole test is."""
    met: list[Stranger] = []
    async with asyncio.timeout(30):
        try:
            for _ in range(count):
                met.append(Stranger(*await asyncio.open_connection("127.0.0.1", served.port)))
            yield met
        finally:
            for stranger in met:
                stranger.writer.close()


def counted(served: Served, kind: str) -> int:
    """What the control API counted of its connections."""
    return int(served.app.state.reception.counters[f"connections_{kind}"])


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request has a fifth of a second."""
    monkeypatch.setattr(manners, "REQUEST_TIMEOUT", 0.2)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> ControlSettings:
    """Two connections, of which one may be a client."""
    monkeypatch.setattr(server_module, "SPARE_CONNECTIONS", 1)
    return ControlSettings(max_clients=1)


# Handshakes that cannot be read


@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        (lambda: b"GET /v1/control?resume=" + b"a" * 20_000 + b" HTTP/1.1\r\n" + UPGRADE + b"\r\n", b"414"),
        (lambda: b"GET /v1/control HTTP/1.1\r\n" + UPGRADE + b"X-Long: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (lambda: b"GET /v1/control HTTP/1.1\r\n" + UPGRADE + b"".join(b"X-%d: a\r\n" % n for n in range(300)) + b"\r\n", b"431"),
        (lambda: b"POST /v1/control HTTP/1.1\r\n" + UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n", b"400"),
    ],
    ids=["query", "header", "headers", "body"],
)
async def test_a_handshake_that_is_too_large_or_makes_no_sense_is_refused_at_once(request_of: Callable[[], bytes], status: bytes) -> None:
    async with serving() as served, strangers(served) as (stranger,):
        stranger.writer.write(request_of())
        assert (await stranger.hears_until_the_end()).startswith(b"HTTP/1.1 " + status)


# How long


async def test_a_connection_that_never_asks_is_given_up(short: None) -> None:
    async with serving() as served, strangers(served) as (stranger,):
        assert await stranger.hears_until_the_end() == b""
        assert counted(served, "timed_out") == 1


async def test_the_second_request_of_a_connection_has_no_more_time_than_the_first(short: None) -> None:
    async with serving() as served, strangers(served) as (stranger,):
        assert b"200 OK" in await stranger.says(HEALTH)
        stranger.writer.write(HEALTH[:-4])
        assert await stranger.hears_until_the_end() == b""
        assert counted(served, "timed_out") == 1


@pytest.mark.parametrize("path", [b"/v1/commands/list", b"/metrics", b"/v1/sign-in"])
async def test_a_body_has_no_more_time_than_its_request(short: None, path: bytes) -> None:
    async with serving() as served, strangers(served) as (stranger,):
        stranger.writer.write(BODY % path)
        await stranger.hears_until_the_end()
        assert counted(served, "timed_out") == 1


async def test_who_reads_an_answer_late_and_then_asks_on_is_served(short: None) -> None:
    async with serving() as served, strangers(served) as (stranger,):
        for _ in range(4):
            assert b"200 OK" in await stranger.says(HEALTH)
            await asyncio.sleep(0.08)
        assert counted(served, "timed_out") == 0


async def test_a_client_is_not_given_up_for_its_silence(short: None) -> None:
    async with serving() as served, served.connect() as websocket:
        await receive(websocket)
        await receive(websocket)
        await asyncio.sleep(0.4)
        assert (await ask(websocket, type="list"))["ok"]
        assert counted(served, "timed_out") == 0


async def test_a_connection_that_was_reset_is_not_counted_as_too_slow(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    brief: Any = 0.1
    monkeypatch.setattr(uvicorn, "Config", partial(uvicorn.Config, timeout_keep_alive=brief))
    async with serving() as served, strangers(served) as (stranger,):
        assert b"200 OK" in await stranger.says(HEALTH)
        stranger.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stranger.writer.transport.abort()
        for silent in range(1, 4):  # each after the time of the one before
            async with strangers(served) as (idle,):
                assert await idle.hears_until_the_end() == b""
            assert counted(served, "timed_out") == silent


# How many


async def test_the_eldest_that_asks_for_nothing_gives_way_to_a_new_one(tiny: ControlSettings) -> None:
    async with serving(tiny) as served, strangers(served, 2) as (first, second):
        assert b"200 OK" in await first.says(HEALTH)  # and so it is the younger one
        async with strangers(served) as (third,):
            assert b"200 OK" in await third.says(HEALTH)
            assert await second.hears_until_the_end() == b""
            assert b"200 OK" in await first.says(HEALTH)
        assert counted(served, "made_room") == 1


async def test_health_is_answered_while_strangers_hold_every_connection(tiny: ControlSettings) -> None:
    async with serving(tiny) as served, strangers(served, 2) as held:
        for stranger in held:
            assert b"200 OK" in await stranger.says(HEALTH)
            stranger.writer.write(BODY % b"/metrics")
        for _ in range(5):
            async with strangers(served) as (prober,):
                assert b"200 OK" in await prober.says(HEALTH)


async def test_who_was_let_in_gives_way_to_nobody(tiny: ControlSettings) -> None:
    async with serving(tiny) as served, served.connect() as websocket:
        for _ in range(4):
            async with strangers(served, 2) as (_, younger):
                assert b"200 OK" in await younger.says(HEALTH)
        assert (await ask(websocket, type="list"))["ok"]
        assert counted(served, "made_room") >= 1
