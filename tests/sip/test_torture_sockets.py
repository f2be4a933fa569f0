"""The torture messages of RFC 4475 and RFC 5118 over real sockets, UDP and TCP: the answer, a server that is alive, nothing left behind.

The timers run a thousandth of their usual time, so that what a message began is over while its test waits for it.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from sip.events import Event, InviteReceived
from sip.guard import GuardSettings
from sip.transport.flow import Address
from sip.transport.listeners import Listener
from sip.transport.shell import SipShell
from sip.useragent import UserAgent, UserAgentSettings
from tests.sip.corpus import CORPUS
from tests.sip.network import ANSWER, ha1_of, seeded_entropy
from tests.sip.test_torture_corpus import MESSAGES, NEVER_COMPLETE_ON_TCP, judge

PATIENCE = 30.0
PROBE = (
    b"OPTIONS sip:probe@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKprobe%d\r\nFrom: <sip:p@h>;tag=p\r\n"
    b"To: <sip:a@h>\r\nCall-ID: probe-%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
ROUNDS = 3
"""Probes answered in turn, after which what came before them has been read, told, accepted and answered."""


class House:
    """A user agent on loopback that accepts every call."""

    def __init__(self) -> None:
        self.agent = UserAgent(
            UserAgentSettings(t1=0.0005, guard=GuardSettings(trusted=("127.0.0.1",))), ha1_of=ha1_of, entropy=seeded_entropy(7)
        )
        self.shell = SipShell(self.agent, on_event=self._heard)
        self._probes = 0

    def _heard(self, event: Event, now: float) -> None:
        if isinstance(event, InviteReceived):
            self.agent.accept(event.session, ANSWER, now)

    def address(self, transport: str) -> Address:
        """Where it listens."""
        address = self.shell.address(transport)
        assert address is not None
        return address

    async def is_alive(self) -> None:
        """Ask for the server's abilities, and wait for them; TimeoutError where it is dead."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            for _ in range(ROUNDS):
                self._probes += 1
                await loop.sock_sendto(client, PROBE % (self._probes, self._probes), self.address("udp"))
                async with asyncio.timeout(PATIENCE):
                    assert (await loop.sock_recv(client, 65_536)).startswith(b"SIP/2.0 200 ")

    async def answers_to(self, data: bytes, transport: str) -> list[int]:
        """The statuses of the final answers to what one sender sends."""
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        loop, heard = asyncio.get_running_loop(), b""
        with socket.socket(socket.AF_INET, kind) as client:
            client.setblocking(False)
            await loop.sock_connect(client, self.address(transport))
            await loop.sock_sendall(client, data)
            await self.is_alive()
            with suppress(BlockingIOError, ConnectionResetError):
                while read := client.recv(65_536):
                    heard += read
        lines = [line.split() for line in heard.split(b"\r\n") if line.startswith(b"SIP/2.0 ")]
        return [int(words[1]) for words in lines if int(words[1]) >= 200]

    async def is_empty(self) -> bool:
        """Whether everything that was begun runs out."""
        deadline = time.monotonic() + PATIENCE
        while self.agent.leftovers() and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        return self.agent.leftovers() == 0


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    await made.shell.open([Listener("udp", "127.0.0.1", 0), Listener("tcp", "127.0.0.1", 0)])
    try:
        yield made
    finally:
        await made.shell.close()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_every_message_has_its_answer_and_leaves_nothing(house: House, transport: str) -> None:
    """One server meets all of them, one after the other."""
    disagreements, left = [], []
    for entry in MESSAGES:
        answers = await house.answers_to((CORPUS / entry["file"]).read_bytes(), transport)
        never_whole = transport == "tcp" and entry["name"] in NEVER_COMPLETE_ON_TCP
        if answers if never_whole else not judge(entry, answers):
            disagreements.append((entry["name"], answers))
        if not await house.is_empty():
            left.append(entry["name"])
    assert disagreements == []
    assert left == []
    assert len(MESSAGES) == 62


async def test_all_messages_at_once_leave_a_server_that_is_alive_and_empty(house: House) -> None:
    async with asyncio.TaskGroup() as tasks:
        for entry in MESSAGES:
            for transport in ("udp", "tcp"):
                tasks.create_task(house.answers_to((CORPUS / entry["file"]).read_bytes(), transport))
    await house.is_alive()
    assert await house.is_empty()
