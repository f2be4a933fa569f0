"""The RTP process as a whole: two legs that talk to each other over loopback."""

import asyncio

import numpy as np
import pytest

from bench.generator.memory import GAP_BINS, LATE_BINS, Size
from bench.generator.rtp import RtpGenerator, Snapshot, gap_p99_ms, late_ms, percentiles_of
from bench.generator.signals import Code, render
from bench.judge.recording import of_leg


async def test_two_legs_hear_each_other_to_the_bit() -> None:
    async with RtpGenerator(Size(legs=2, recorded=500), core=None, longest=30) as rtp:
        opened = await rtp.open(("127.0.0.1", "127.0.0.1"))
        for leg in (0, 1):
            rtp.start(leg, ("127.0.0.1", opened.ports[1 - leg]), Code(seed=leg), records=True)
        await rtp.sync()
        before = rtp.snapshot()
        async with asyncio.timeout(20):
            while int(rtp.memory.received.min()) < 25:
                await asyncio.sleep(0.05)
        pressed = await rtp.press(0, "7")
        async with asyncio.timeout(20):
            while int(rtp.memory.digits[1]) < 7:
                await asyncio.sleep(0.05)
        rtp.stop(0)
        rtp.stop(1)
        await rtp.sync()
        after = rtp.snapshot()
        process = rtp.process
    assert process.returncode == 0
    recording = of_leg(rtp.memory, 1, "PCMU")
    sent = [frame.tobytes() for frame in render(Code(seed=0), "PCMU")]
    at = [sent.index(payload.tobytes()) for payload in recording.payload[:20]]
    assert at == [(at[0] + step) % 50 for step in range(20)]
    assert recording.arrival[0] < pressed
    assert late_ms(before, after)[0] > 0
    assert (after.highest[1] - before.highest[1]) >= 25


async def test_it_ends_by_itself_when_its_pipe_is_closed() -> None:
    rtp = RtpGenerator(Size(legs=1), core=None, longest=30)
    async with rtp:
        await rtp.open(("127.0.0.1",))
        rtp.hang_up()
        assert await asyncio.to_thread(rtp.process.wait, 10) == 0


async def test_it_ends_by_itself_after_its_longest_time() -> None:
    async with RtpGenerator(Size(legs=1), core=None, longest=0.3) as rtp:
        assert await asyncio.to_thread(rtp.process.wait, 10) == 0


def snapshot(gaps: list[tuple[int, int]]) -> Snapshot:
    counted = np.zeros((1, GAP_BINS), np.uint32)
    for milliseconds, count in gaps:
        counted[0, milliseconds] = count
    none = np.zeros(1, np.int64)
    return Snapshot(none, none, none, counted, np.zeros(LATE_BINS, np.int64))


def test_the_p99_gap_is_the_bin_that_holds_it() -> None:
    legs = np.array([0])
    assert gap_p99_ms(snapshot([]), snapshot([(20, 990), (45, 10)]), legs)[0] == 21
    assert gap_p99_ms(snapshot([]), snapshot([(20, 980), (45, 20)]), legs)[0] == 46


def test_a_listener_who_got_nothing_has_an_infinite_gap() -> None:
    assert np.isinf(gap_p99_ms(snapshot([(20, 5)]), snapshot([(20, 5)]), np.array([0]))[0])


@pytest.mark.parametrize(("counts", "wanted"), [([0, 0, 0], (0.0, 0.0)), ([100, 0, 0], (0.1, 0.1)), ([60, 38, 2], (0.1, 0.3))])
def test_percentiles_are_the_upper_edges_of_their_bins(counts: list[int], wanted: tuple[float, float]) -> None:
    assert percentiles_of(np.array(counts), 3, 0.1) == pytest.approx(wanted)
