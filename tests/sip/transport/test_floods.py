"""A flood at the sockets: dropped before it costs a trace or an answer, over UDP, STUN and streams."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect

from sip.guard import GuardSettings
from sip.transport.flow import Flow
from sip.transport.framing import PING, PONG
from sip.transport.listeners import Listener
from sip.transport.shell import SipShell
from sip.transport.websocket import SUBPROTOCOL
from sip.useragent import UserAgent, UserAgentSettings
from tests.sip.network import ha1_of, seeded_entropy
from tests.sip.transport.phone import PATIENCE

BURST = 5
SENT = 40
STUN = bytes.fromhex("000100002112a442") + bytes(12)


def options(number: int, transport: str) -> bytes:
    return (
        f"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1;rport;branch=z9hG4bK{number}\r\nFrom: <sip:p@h>;tag=p\r\n"
        f"To: <sip:a@h>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


class House:
    """A user agent that hears little at once, and what it traced."""

    def __init__(self) -> None:
        guard = GuardSettings(rate=0.01, burst=BURST, failures=1)
        self.agent = UserAgent(UserAgentSettings(guard=guard), ha1_of=ha1_of, entropy=seeded_entropy(1))
        self.traced: list[bytes] = []
        self.shell = SipShell(self.agent, on_event=lambda event, now: None, tap=self._tap)

    def _tap(self, data: bytes, flow: Flow, is_ours: bool, now: float) -> None:
        if not is_ours:
            self.traced.append(data)

    async def counted(self, reason: str, count: int) -> None:
        """Wait until it was counted so often."""
        async with asyncio.timeout(PATIENCE):
            while self.agent.counters.get(reason, 0) < count:
                await asyncio.sleep(0.005)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    await made.shell.open([Listener(transport, "127.0.0.1", 0) for transport in ("udp", "tcp", "ws")])
    try:
        yield made
    finally:
        await made.shell.close()


@pytest.mark.parametrize("kind", ["SIP", "STUN"])
async def test_what_is_too_much_over_udp_is_neither_answered_nor_traced(house: House, kind: str) -> None:
    address = house.shell.address("udp")
    assert address is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        for number in range(SENT):
            client.sendto(STUN if kind == "STUN" else options(number, "UDP"), address)
        await house.counted("dropped_flood", SENT - BURST)
        client.setblocking(False)
        answers = 0
        while True:
            try:
                client.recv(2000)
            except BlockingIOError:
                break
            answers += 1
    assert answers == BURST
    assert len(house.traced) == (BURST if kind == "SIP" else 0)


async def test_what_is_too_much_on_a_stream_is_neither_answered_nor_traced(house: House) -> None:
    address = house.shell.address("tcp")
    assert address is not None
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"".join(options(number, "TCP") for number in range(SENT)))
    await house.counted("dropped_flood", SENT - BURST)
    heard = b""
    async with asyncio.timeout(PATIENCE):
        while heard.count(b"SIP/2.0 200 ") < BURST:
            heard += await reader.read(65_536)
    assert heard.count(b"SIP/2.0 200 ") == BURST
    assert len(house.traced) == BURST
    writer.transport.abort()


async def test_pings_on_a_stream_cost_as_much_as_messages(house: House) -> None:
    address = house.shell.address("tcp")
    assert address is not None
    reader, writer = await asyncio.open_connection(*address)
    writer.write(PING * SENT)
    await house.counted("dropped_flood", 1)
    assert await reader.readexactly(BURST * len(PONG)) == PONG * BURST
    writer.write(options(1, "TCP"))
    await house.counted("dropped_flood", 2)
    writer.write_eof()
    assert await reader.read() == b""
    writer.transport.abort()


async def test_pings_of_a_browser_cost_as_much_as_messages(house: House) -> None:
    address = house.shell.address("ws")
    assert address is not None
    async with connect("ws://{}:{}/".format(*address), subprotocols=[SUBPROTOCOL]) as browser:
        for _ in range(BURST + 1):
            await browser.send(PING.decode())
        await house.counted("dropped_flood", 1)
        assert [await browser.recv() for _ in range(BURST)] == [PONG.decode()] * BURST


async def guess(house: House, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask to register, and prove wrong: enough for a ban."""
    register = (
        "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;rport;branch=z9hG4bKg{0}\r\nFrom: <sip:alice@h>;tag=p\r\n"
        "To: <sip:alice@h>\r\nCall-ID: guess\r\nCSeq: {0} REGISTER\r\n{1}Content-Length: 0\r\n\r\n"
    )
    writer.write(register.format(1, "").encode())
    challenge = (await reader.readuntil(b"\r\n\r\n")).decode()
    found = re.search(r'realm="([^"]+)", nonce="([^"]+)"', challenge)
    assert found is not None
    proof = f'Digest username="alice", realm="{found[1]}", nonce="{found[2]}", uri="sip:127.0.0.1", response="{"0" * 32}", algorithm=MD5'
    writer.write(register.format(2, f"Authorization: {proof}\r\n").encode())
    await house.counted("banned", 1)


async def test_who_is_kept_out_loses_his_connections_and_gets_no_new_one(house: House) -> None:
    address = house.shell.address("tcp")
    assert address is not None
    idle, of_idle = await asyncio.open_connection(*address)
    reader, writer = await asyncio.open_connection(*address)
    await guess(house, reader, writer)
    async with asyncio.timeout(PATIENCE):
        assert await idle.read() == b""
    await house.counted("tcp_banned", 2)
    refused, of_refused = await asyncio.open_connection(*address)
    assert await refused.read() == b""
    assert house.agent.counters["tcp_banned"] == 3
    for each in (of_idle, writer, of_refused):
        each.transport.abort()
