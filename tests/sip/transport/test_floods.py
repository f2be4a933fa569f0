"""A flood at the sockets: dropped before it costs a trace or an answer, over UDP, STUN and streams."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from sip.guard import GuardSettings
from sip.transport.flow import Flow
from sip.transport.listeners import Listener
from sip.transport.shell import SipShell
from sip.useragent import UserAgent, UserAgentSettings
from tests.sip.network import ha1_of, seeded_entropy

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
        guard = GuardSettings(rate=0.01, burst=BURST)
        self.agent = UserAgent(UserAgentSettings(guard=guard), ha1_of=ha1_of, entropy=seeded_entropy(1))
        self.traced: list[bytes] = []
        self.shell = SipShell(self.agent, on_event=lambda event, now: None, tap=self._tap)

    def _tap(self, data: bytes, flow: Flow, is_ours: bool, now: float) -> None:
        if not is_ours:
            self.traced.append(data)

    async def counted(self, reason: str, count: int) -> None:
        """Wait until it was counted so often."""
        async with asyncio.timeout(10):
            while self.agent.counters.get(reason, 0) < count:
                await asyncio.sleep(0.005)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    await made.shell.open([Listener("udp", "127.0.0.1", 0), Listener("tcp", "127.0.0.1", 0)])
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
    heard = await reader.read(65_536)
    assert heard.count(b"SIP/2.0 200 ") == BURST
    assert len(house.traced) == BURST
    writer.transport.abort()
