"""Two worker processes, and legs that go from one to the other: real sockets, nothing lost, one SSRC."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from config.settings import MediaSettings
from mediaserver.link.messages import Admit, Applied, CloseLeg, Refused, SetMuted
from mediaserver.signalling.media.journeys import Move
from mediaserver.signalling.media.worker import Reply, Worker
from mediaserver.signalling.media.workers import Media
from tests.mediaserver.signalling.media.test_succession import Talker, is_near, talking_at
from tests.mediaserver.signalling.media.test_workers import running, until

pytestmark = pytest.mark.usefixtures("warm_workers")
TWO = MediaSettings(rows=16, seats=4, workers=2)


@asynccontextmanager
async def two_workers(suite: str = "", first: int = 0) -> AsyncIterator[tuple[Media, Worker, Worker, list[Talker]]]:
    """Media, both workers, and a call's customer (secured where a suite is named) and agent who talk at the first one."""
    async with running(TWO) as (media, dead):
        one, other = media.workers
        async with talking_at(media, one, suite=suite, first=first) as talkers:
            await asyncio.sleep(0.2)
            yield media, one, other, talkers
        assert dead == []


def together(talkers: list[Talker], replies: list[Reply]) -> list[Move]:
    """Moves of all of a call."""
    return [Move(talker.leg, 101, "customer" if talker.leg % 2 else "agent", is_new=False, replied=replies.append) for talker in talkers]


@pytest.mark.parametrize("suite", ["", "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"])
async def test_a_call_goes_to_another_process_and_loses_no_packet_past_a_rollover(suite: str) -> None:
    async with two_workers(suite, first=65_515) as (media, one, other, talkers):
        replies: list[Reply] = []
        for origin, target in ((one, other), (other, one), (one, other)):
            replies.clear()
            media.move(together(talkers, replies), origin, target)
            media.flush()
            await until(lambda: len(replies) == 2)
            assert all(isinstance(reply, Applied) for reply in replies)
            assert (list(origin.legs), sorted(target.legs)) == ([], [1, 2])
            await asyncio.sleep(0.2)
        await until(lambda: all(talker.sequence > 65_536 + 10 for talker in talkers) and is_near(*talkers) and is_near(*talkers[::-1]))
        for talker in talkers:
            assert len({ssrc for _, _, ssrc, _ in talker.got}) == 1
            for earlier, later in pairwise(talker.got):
                assert (later[1] - earlier[1]) % 65_536 == 1
                assert (int.from_bytes(later[3][:2], "big") - int.from_bytes(earlier[3][:2], "big")) % 65_536 == 1


async def test_what_is_told_on_the_way_follows_the_leg() -> None:
    async with two_workers() as (media, one, other, talkers):
        replies: list[Reply] = []
        media.move(together(talkers, replies), one, other)
        media.tell(other, SetMuted(1, True), replied=replies.append)
        media.tell(other, Admit(2, False))
        media.flush()
        await until(lambda: len(replies) == 3)
        assert all(isinstance(reply, Applied) for reply in replies)
        assert other.memory.view("leg.muted")[other.legs[1].row] == 1
        assert other.memory.view("leg.admitted")[other.legs[2].row] == 0


async def test_a_leg_that_is_closed_on_the_way_is_closed() -> None:
    async with two_workers() as (media, one, other, talkers):
        replies: list[Reply] = []
        media.move(together(talkers, replies), one, other)
        media.tell(other, CloseLeg(1), replied=replies.append)
        media.flush()
        await until(lambda: len(replies) == 3)
        assert list(other.legs) == [2]


async def test_the_old_workers_death_amid_the_move_costs_no_leg() -> None:
    async with two_workers() as (media, one, other, talkers):
        await until(lambda: media.spares == 1)
        replies: list[Reply] = []
        os.kill(one.pid, signal.SIGSTOP)
        media.move(together(talkers, replies), one, other)
        media.flush()
        os.kill(one.pid, signal.SIGKILL)
        await until(lambda: len(replies) == 2)
        assert sorted(other.legs) == [1, 2]
        heard = [len(talker.got) for talker in talkers]
        await until(lambda: all(len(talker.got) > before + 5 for talker, before in zip(talkers, heard, strict=True)))
        assert all(len({ssrc for _, _, ssrc, _ in talker.got}) == 1 for talker in talkers)


async def test_the_new_workers_death_amid_the_move_costs_no_leg() -> None:
    async with two_workers() as (media, one, other, talkers):
        await until(lambda: media.spares == 1)
        replies: list[Reply] = []
        os.kill(other.pid, signal.SIGSTOP)
        media.move(together(talkers, replies), one, other)
        media.flush()
        await until(lambda: sorted(other.legs) == [1, 2])
        os.kill(other.pid, signal.SIGKILL)
        await until(lambda: len(replies) == 2)
        heard = [len(talker.got) for talker in talkers]
        await until(lambda: all(len(talker.got) > before + 5 for talker, before in zip(talkers, heard, strict=True)))
        assert all(len({ssrc for _, _, ssrc, _ in talker.got}) == 1 for talker in talkers)


async def test_a_leg_that_nobody_has_cannot_go() -> None:
    async with two_workers() as (media, one, other, _):
        replies: list[Reply] = []
        media.move([Move(99, 101, "agent", is_new=True, replied=replies.append)], one, other)
        assert [type(reply) for reply in replies] == [Refused]
