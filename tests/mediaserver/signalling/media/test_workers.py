"""Media workers as processes: they start, are told, die, hang, are replaced, and leave nothing behind."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from config.settings import MediaSettings
from mediaserver.link.messages import Applied, CloseLeg, Ping
from mediaserver.observing.counters import Counters
from mediaserver.signalling.media.workers import HUNG_AFTER_CHECKS, Media, Reply, Worker

SETTINGS = MediaSettings(rows=8, seats=4)


@asynccontextmanager
async def running(settings: MediaSettings = SETTINGS) -> AsyncIterator[tuple[Media, list[Worker]]]:
    """Workers that are up, and those that died."""
    media = Media(settings, {}, Counters())
    dead: list[Worker] = []
    media.on_death = dead.append
    await media.start()
    try:
        yield media, dead
    finally:
        await media.close()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.01)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_workers_end_with_their_owner_and_leave_no_descriptor() -> None:
    async with running():
        pass
    before = descriptors()
    async with running(SETTINGS.model_copy(update={"workers": 2})) as (media, dead):
        pids = [worker.pid for worker in media.workers]
        assert media.is_ready
    assert dead == []
    assert [is_alive(pid) for pid in pids] == [False, False]
    assert descriptors() == before


async def test_a_killed_worker_answers_for_what_it_was_asked_and_is_replaced() -> None:
    async with running() as (media, dead):
        (worker,) = media.workers
        before = descriptors()
        os.kill(worker.pid, signal.SIGSTOP)
        replies: list[Reply] = []
        media.tell(worker, CloseLeg(1), replied=replies.append)
        media.flush()
        media.tell(worker, CloseLeg(2), replied=replies.append)  # not even sent
        os.kill(worker.pid, signal.SIGKILL)
        await until(lambda: dead == [worker])
        assert [getattr(reply, "code", "") for reply in replies] == ["worker_died", "worker_died"]
        media.tell(worker, CloseLeg(3), replied=replies.append)
        assert len(replies) == 3
        assert media.choose() is None
        await until(lambda: media.is_ready)
        (heir,) = media.workers
        media.tell(heir, Ping(), replied=replies.append)
        media.flush()
        await until(lambda: len(replies) == 4)
        assert isinstance(replies[-1], Applied)
        assert descriptors() == before


async def test_a_hung_worker_is_killed_after_some_checks() -> None:
    async with running() as (media, dead):
        (worker,) = media.workers
        os.kill(worker.pid, signal.SIGSTOP)
        for _ in range(HUNG_AFTER_CHECKS + 1):
            media.check()
        await until(lambda: dead == [worker])
        await until(lambda: media.is_ready)


async def test_a_worker_that_stood_still_together_with_us_is_left_alone() -> None:
    async with running() as (media, dead):
        (worker,) = media.workers
        for _ in range(2):
            os.kill(worker.pid, signal.SIGSTOP)
            for _ in range(HUNG_AFTER_CHECKS - 1):
                media.check()
            stood = worker.memory.turn
            os.kill(worker.pid, signal.SIGCONT)
            await until(lambda stood=stood: worker.memory.turn > stood)  # type: ignore[misc]
            media.check()
        assert is_alive(worker.pid)
        assert dead == []


@pytest.mark.parametrize("core", [4095])
async def test_a_worker_that_cannot_start_is_told_and_nothing_is_left(core: int) -> None:
    media = Media(SETTINGS.model_copy(update={"cpu": core}), {}, Counters())
    with pytest.raises(Exception, match="did not start"):
        await media.start()
    await media.close()
    assert media.workers == ()
