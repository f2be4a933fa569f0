"""Worker processes that die amid calls: real sockets go over to the heir, and the audio goes on."""

import asyncio
import os
import signal
import socket
import time
from bisect import bisect
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from bench.generator.secrecy import Keys, told_to_worker
from mediaserver.link.messages import Admit, Applied, CloseLeg, OpenLeg, OpenReports, OpenTap, Play, SetMedia, StopPlaying
from mediaserver.link.ring import TapReader, create_ring
from mediaserver.signalling.media.worker import Reply, Worker
from mediaserver.signalling.media.workers import Media
from mediaserver.worker.heir import SKIPPED
from rtp.rtcp.packets import SenderReport, SourceDescription
from rtp.rtcp.parsing import parse
from tests.mediaserver.signalling.media.test_workers import SETTINGS, running, until
from tests.mediaserver.worker.real import udp

pytestmark = pytest.mark.usefixtures("warm_workers")
PTIME = 0.02
GAP = 30
"""Numbers that a death may cost here beyond those of the time without a packet; `bench death` judges how long that is."""
AT_ONCE = 2.0
"""Seconds after a death within which what its worker had sent is read here; then comes the heir's leap."""
NEAR = 10
"""By so many packets at most the newest one that was heard is older than the newest one that was said."""


@dataclass
class Talker:
    """A leg with its lent port, and a phone that sends a packet each 20 ms and notes what it gets."""

    leg: int
    lent: socket.socket = field(default_factory=udp)
    phone: socket.socket = field(default_factory=udp)
    sequence: int = 0
    got: list[tuple[float, int, int, bytes]] = field(default_factory=list)
    """When, number, SSRC, payload."""
    keys: Keys | None = None
    """The phone's, where it has agreed on SRTP."""

    def secure(self, suite: str) -> None:
        """Agree on SRTP."""
        self.keys = Keys.draw(suite)
        self._close, self._open = self.keys.closing(), self.keys.opening()

    def beat(self) -> None:
        """Send the next packet, and read what came."""
        self.sequence += 1
        number = (self.sequence & 0xFFFF).to_bytes(2, "big")
        head = b"\x80\x00" + number + (160 * self.sequence).to_bytes(4, "big") + self.leg.to_bytes(4, "big")
        packet = head + number * 80
        self.phone.sendto(packet if self.keys is None else self._close(packet), self.lent.getsockname())
        while True:
            try:
                packet = self.phone.recv(2000)
            except BlockingIOError:
                return
            if self.keys is not None:
                packet = self._open(packet)
            self.got.append((time.monotonic(), int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[8:12], "big"), packet[12:]))

    def join(self, media: Media, worker: Worker, call: int, role: str, replies: list[Reply]) -> None:
        """Have the worker open the leg."""
        media.tell(worker, OpenLeg(self.leg, call, role, False), lend=self.lent.fileno(), replied=replies.append)
        host, port = self.phone.getsockname()
        media.tell(worker, SetMedia(self.leg, host, port, "PCMU", 0, 0, 20, 101, 101, True, True, **told_to_worker(self.keys)))
        media.tell(worker, Admit(self.leg, True))


def talking(media: Media, calls: int = 1) -> AbstractAsyncContextManager[list[Talker]]:
    """Calls whose two parties talk all the time, at the only worker."""
    (worker,) = media.workers
    return talking_at(media, worker, calls)


@asynccontextmanager
async def talking_at(media: Media, worker: Worker, calls: int = 1, *, suite: str = "", first: int = 0) -> AsyncIterator[list[Talker]]:
    """The same at one of several; with a suite, every other leg is secured. first: the number before the first that phones send."""
    replies: list[Reply] = []
    talkers = [Talker(leg, sequence=first) for leg in range(1, 2 * calls + 1)]
    for talker in talkers:
        if suite and talker.leg % 2:
            talker.secure(suite)
        talker.join(media, worker, 100 + (talker.leg + 1) // 2, "customer" if talker.leg % 2 else "agent", replies)
    media.flush()
    await until(lambda: len(replies) == len(talkers))
    assert all(isinstance(reply, Applied) for reply in replies)

    async def talk() -> None:
        while True:
            for talker in talkers:
                talker.beat()
            await asyncio.sleep(PTIME)

    task = asyncio.create_task(talk())
    try:
        yield talkers
    finally:
        task.cancel()
        for talker in talkers:
            talker.lent.close()
            talker.phone.close()


def is_near(talker: Talker, other: Talker) -> bool:
    """Whether who hears hears what the other says now."""
    return bool(talker.got) and (other.sequence - int.from_bytes(talker.got[-1][3][:2], "big")) % 65_536 < NEAR


def assert_unbroken(talker: Talker, died: Sequence[float]) -> None:
    """One SSRC, rising numbers, and what the other said, bit by bit, under one constant: but that each heir may have leapt once.

    died: when workers did.
    """
    assert len({ssrc for _, _, ssrc, _ in talker.got}) == 1
    heirs: list[int] = []
    for earlier, later in pairwise(talker.got):
        advanced = (later[1] - earlier[1]) % 65_536
        assert 1 <= advanced < GAP + (later[0] - earlier[0]) / PTIME
        leapt = advanced - (int.from_bytes(later[3][:2], "big") - int.from_bytes(earlier[3][:2], "big"))
        if leapt:
            heirs.append(bisect(died, later[0]))
            assert leapt == SKIPPED
            assert heirs[-1] > 0, "before any worker died"
            assert earlier[0] - died[heirs[-1] - 1] < AT_ONCE, "only where a worker died amid a turn"
    assert len(heirs) == len(set(heirs)), "once an heir"


async def test_a_call_outlives_its_worker_three_times() -> None:
    async with running(SETTINGS.model_copy(update={"rows": 16})) as (media, dead):
        (worker,) = media.workers
        async with talking(media, calls=3) as talkers:
            died: list[float] = []
            for _ in range(3):
                await until(lambda: media.spares == 1)
                await asyncio.sleep(0.2)
                pid = worker.pid
                died.append(time.monotonic())
                os.kill(pid, signal.SIGKILL)
                await until(lambda pid=pid: media.is_ready and worker.pid != pid)  # type: ignore[misc]
            others = [talkers[each ^ 1] for each in range(6)]
            await asyncio.sleep(0.3)
            await until(lambda: all(map(is_near, talkers, others)))
            for talker in talkers:
                assert_unbroken(talker, died)
        assert dead == []


async def test_a_hung_worker_is_replaced_amid_its_call() -> None:
    async with running() as (media, dead):
        (worker,) = media.workers
        async with talking(media) as (customer, agent):
            await until(lambda: media.spares == 1)
            pid = worker.pid
            os.kill(pid, signal.SIGSTOP)
            async with asyncio.timeout(20):
                while worker.pid == pid:
                    media.check()
                    await asyncio.sleep(0.02)
            heard = len(customer.got)
            await until(lambda: len(customer.got) > heard + 10 and is_near(customer, agent))
            assert len({ssrc for _, _, ssrc, _ in customer.got}) == 1
        assert dead == []


async def test_a_leg_that_was_being_closed_is_answered_for_and_stays_closed() -> None:
    async with running() as (media, _):
        (worker,) = media.workers
        async with talking(media) as (customer, agent):
            await until(lambda: media.spares == 1)
            replies: list[Reply] = []
            os.kill(worker.pid, signal.SIGSTOP)
            media.tell(worker, CloseLeg(agent.leg), replied=replies.append)
            media.flush()
            os.kill(worker.pid, signal.SIGKILL)
            await until(lambda: len(replies) == 1 and media.is_ready)
            assert isinstance(replies[0], Applied)
            assert list(worker.legs) == [customer.leg]
            agent.beat()  # reads what had been sent before
            heard = len(agent.got)
            await asyncio.sleep(0.2)
            assert len(agent.got) == heard


async def test_a_leg_that_cannot_be_adopted_is_opened_anew_and_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as (media, _):
        (worker,) = media.workers
        async with talking(media) as (customer, agent):
            await until(lambda: media.spares == 1)
            os.kill(worker.pid, signal.SIGSTOP)
            worker.memory.view("leg.role")[worker.legs[agent.leg].row] = 200
            os.kill(worker.pid, signal.SIGKILL)
            await until(lambda: media.is_ready)
            heard = len(customer.got)
            await until(lambda: len(customer.got) > heard + 10 and len({ssrc for _, _, ssrc, _ in agent.got}) == 2)


async def test_a_leg_that_is_opened_anew_is_played_what_loops_and_not_what_was_said_once_before_it() -> None:
    async with running() as (media, _):
        (worker,) = media.workers
        async with talking(media) as (customer, _agent):
            said = worker.legs[customer.leg].said
            for sound, loop, kept in (("tone", False, "tone"), ("music", True, "music"), ("tone", False, "music")):
                media.tell(worker, Play(customer.leg, sound, loop))
                assert said[Play] == Play(customer.leg, kept, kept == "music")
            media.tell(worker, StopPlaying(customer.leg))
            assert Play not in said


async def test_the_heir_reports_from_the_same_port_under_the_same_name() -> None:
    async with running() as (media, _):
        (worker,) = media.workers
        async with talking(media) as (customer, _agent):
            with udp() as lent, udp() as phone:
                host, port = customer.phone.getsockname()
                reports_host, reports_port = phone.getsockname()
                media.tell(worker, OpenReports(customer.leg), lend=lent.fileno())
                common = (customer.leg, host, port, "PCMU", 0, 0, 20, 101, 101, True, True)
                media.tell(worker, SetMedia(*common, rtcp_address=reports_host, rtcp_port=reports_port))
                media.flush()
                first = await reported(worker, customer, phone)
                await until(lambda: media.spares == 1)
                pid = worker.pid
                os.kill(pid, signal.SIGKILL)
                await until(lambda: media.is_ready and worker.pid != pid)
                second = await reported(worker, customer, phone)
                assert (first[0], first[1]) == (second[0], second[1])
                assert first[0] == lent.getsockname()


async def test_the_heir_goes_on_with_the_taps() -> None:
    async with running() as (media, _):
        (worker,) = media.workers
        ring = create_ring(2000)
        reader = TapReader(ring)
        async with talking(media) as (customer, agent):
            media.tell(worker, OpenTap(1, 101, "outside"), lend=ring)
            media.flush()
            await until(lambda: reader.waiting > 10 and media.spares == 1)
            pid = worker.pid
            os.kill(pid, signal.SIGKILL)
            await until(lambda: media.is_ready and worker.pid != pid)
            before = list(reader.read())
            await until(lambda: reader.waiting > 40)
            after = list(reader.read())
            assert {frame.leg for frame in after} == {customer.leg, agent.leg}
            assert min(frame.position for frame in after) > max(frame.position for frame in before)
        reader.close()
        os.close(ring)


async def reported(worker: Worker, talker: Talker, phone: socket.socket) -> tuple[object, list[object], int]:
    """Whence the next report comes to a phone, whom it is from, and how many packets it counts."""
    due = worker.memory.view("report.next_at")
    arrived: list[tuple[bytes, object]] = []

    def comes() -> bool:
        due[worker.legs[talker.leg].row] = 0.0
        with suppress(BlockingIOError):
            arrived.append(phone.recvfrom(2000))
        return bool(arrived)

    await until(comes)
    datagram, source = arrived[0]
    first, name, *_ = parse(datagram)
    assert isinstance(first, SenderReport)
    assert isinstance(name, SourceDescription)
    return source, list(name.names), first.packets


async def test_a_call_whose_packets_kill_two_workers_is_guilty_and_its_legs_are_not_adopted() -> None:
    async with running(SETTINGS.model_copy(update={"rows": 16})) as (media, dead):
        (worker,) = media.workers
        guilty: list[set[int]] = []
        media.on_guilty = lambda worker, calls: guilty.append(calls)
        async with talking(media, calls=2) as talkers:
            for deaths in range(2):
                await until(lambda: media.spares == 1 and media.is_ready)
                pid = worker.pid
                os.kill(pid, signal.SIGSTOP)
                worker.memory.view("worker.handling")[0] = worker.legs[1].row + 1
                os.kill(pid, signal.SIGSEGV)
                os.kill(pid, signal.SIGCONT)
                await until(lambda pid=pid: media.is_ready and worker.pid != pid)  # type: ignore[misc]
                assert len(guilty) == deaths
            assert guilty == [{101}]
            assert [leg.is_closing for leg in worker.legs.values()] == [True, True, False, False]
            heard = len(talkers[2].got)
            await until(lambda: len(talkers[2].got) > heard + 5)
        assert dead == []
