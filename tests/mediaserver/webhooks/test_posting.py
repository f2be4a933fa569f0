"""Requests over a real socket on loopback: signed, bounded, not redirected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from control_api.webhooks import verify
from mediaserver.webhooks.envelopes import Envelope
from mediaserver.webhooks.posting import LONGEST_ANSWER, Answer, Undelivered, posting
from tests.mediaserver.webhooks.posts import SECRET

ENVELOPE = Envelope("server-1", "call.started", "default", b'{"id": "server-1"}')


@dataclass
class Asked:
    """What a small server was asked."""

    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Asked]:
    """A server that says the same to everybody; nothing at all where the answer is empty."""
    asked = Asked()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines()[1:] if line)}
        asked.body = await reader.readexactly(int(asked.headers["content-length"]))
        writer.write(answer)
        if answer:
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        asked.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        yield asked


async def posted(url: str, timeout: float = 30.0) -> Answer:
    async with posting(lambda: 1_900_000_000.0) as post:
        return await post(url, SECRET, ENVELOPE, timeout)


async def test_a_message_is_signed_and_its_answer_read() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\nok") as asked:
        assert await posted(asked.url) == Answer(200, b"ok", 7.0)
    assert asked.body == ENVELOPE.body
    assert asked.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert verify(SECRET, asked.headers, asked.body, now=1_900_000_010.0) == "server-1"


async def test_a_redirection_is_not_followed() -> None:
    async with answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as asked:
        assert (await posted(asked.url)).status == 302


async def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000) as asked:
        assert len((await posted(asked.url)).body) == LONGEST_ANSWER


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n"], ids=["none", "no HTTP"])
async def test_what_is_no_answer_is_undelivered(answer: bytes) -> None:
    async with answering(answer) as asked:
        with pytest.raises(Undelivered):
            await posted(asked.url, timeout=0.05)


async def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.005)

    async with asyncio.timeout(30), await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        with pytest.raises(Undelivered):
            await posted(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", timeout=0.2)


async def test_where_nobody_listens_it_is_undelivered() -> None:
    with pytest.raises(Undelivered, match="Connect"):
        await posted("http://127.0.0.1:1/hook")
