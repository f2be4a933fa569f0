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
from mediaserver.signalling.media import worker as worker_of_media
from mediaserver.signalling.media import workers
from mediaserver.signalling.media.worker import HUNG_AFTER_CHECKS, Reply, Worker
from mediaserver.signalling.media.workers import Media

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


async def test_what_a_killed_worker_left_unanswered_its_heir_answers_once() -> None:
    async with running() as (media, dead):
        (worker,) = media.workers
        await until(lambda: media.spares == 1)
        first = worker.pid
        before = descriptors()
        os.kill(worker.pid, signal.SIGSTOP)
        replies: list[Reply] = []
        media.tell(worker, CloseLeg(1), replied=replies.append)
        media.flush()
        media.tell(worker, Ping(), replied=replies.append)  # not even sent
        os.kill(worker.pid, signal.SIGKILL)
        await until(lambda: len(replies) == 2)
        assert [getattr(reply, "code", "") for reply in replies] == ["unknown_leg", ""]
        assert worker.pid != first
        assert not is_alive(first)
        media.tell(worker, Ping(), replied=replies.append)
        media.flush()
        await until(lambda: len(replies) == 3 and media.spares == 1)
        assert media.is_ready
        assert dead == []
        assert descriptors() == before


async def test_without_a_spare_a_process_is_started_for_the_calls_that_wait() -> None:
    async with running(SETTINGS.model_copy(update={"spares": 0})) as (media, dead):
        (worker,) = media.workers
        replies: list[Reply] = []
        os.kill(worker.pid, signal.SIGKILL)
        await until(lambda: not media.is_ready)
        assert media.choose() is None
        media.tell(worker, Ping(), replied=replies.append)
        media.flush()
        await until(lambda: len(replies) == 1)
        assert isinstance(replies[0], Applied)
        assert dead == []


async def test_where_no_heir_comes_in_time_its_calls_are_told_to_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "HEIR_WITHIN", 0.0)
    async with running(SETTINGS.model_copy(update={"spares": 0})) as (media, dead):
        (worker,) = media.workers
        os.kill(worker.pid, signal.SIGSTOP)
        replies: list[Reply] = []
        media.tell(worker, CloseLeg(1), replied=replies.append)
        media.flush()
        os.kill(worker.pid, signal.SIGKILL)
        await until(lambda: dead == [worker])
        assert [getattr(reply, "code", "") for reply in replies] == ["worker_died"]
        await until(lambda: media.is_ready)
        assert worker.legs == {}


async def test_a_spare_that_dies_is_replaced_and_nobody_else_notices() -> None:
    async with running() as (media, dead):
        await until(lambda: media.spares == 1)
        (worker,) = media.workers
        (spare,) = media._spares
        os.kill(spare.pid, signal.SIGKILL)
        await until(lambda: media.spares == 1 and media._spares[0] is not spare)
        assert media.is_ready
        assert is_alive(worker.pid)
        assert dead == []


async def look(media: Media, times: int) -> None:
    """Look at the workers so often, in time."""
    for _ in range(times):
        media.check()
        await asyncio.sleep(0.01)


async def test_a_hung_worker_is_killed_and_reaped_before_its_heir_goes_on() -> None:
    async with running() as (media, dead):
        (worker,) = media.workers
        await until(lambda: media.spares == 1)
        first, turn = worker.pid, worker.memory.turn
        os.kill(first, signal.SIGSTOP)
        async with asyncio.timeout(20):
            while worker.pid == first:
                await look(media, 1)
        assert not is_alive(first)
        await until(lambda: media.is_ready and worker.memory.turn > turn + 5)
        assert dead == []


async def test_looks_that_come_late_because_we_stood_still_too_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as (media, _):
        (worker,) = media.workers
        os.kill(worker.pid, signal.SIGSTOP)
        monkeypatch.setattr(worker_of_media, "CHECK_EVERY", 0.0)
        await look(media, 3 * HUNG_AFTER_CHECKS)
        assert is_alive(worker.pid)
        os.kill(worker.pid, signal.SIGCONT)


async def test_a_worker_that_stood_still_for_a_moment_is_left_alone() -> None:
    async with running() as (media, dead):
        (worker,) = media.workers
        first = worker.pid
        for _ in range(2):
            os.kill(worker.pid, signal.SIGSTOP)
            await look(media, HUNG_AFTER_CHECKS - 1)
            stood = worker.memory.turn
            os.kill(worker.pid, signal.SIGCONT)
            await until(lambda stood=stood: worker.memory.turn > stood)  # type: ignore[misc]
            media.check()
        assert worker.pid == first
        assert dead == []


@pytest.mark.parametrize("core", [4095])
async def test_a_worker_that_cannot_start_is_told_and_nothing_is_left(core: int) -> None:
    media = Media(SETTINGS.model_copy(update={"cpu": core}), {}, Counters())
    with pytest.raises(Exception, match="did not start"):
        await media.start()
    await media.close()
    assert media.workers == ()
