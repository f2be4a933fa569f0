"""The handle on the RTP process: start it, tell it, read its arrays. Runs inside an asyncio loop."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections import deque
from dataclasses import asdict, dataclass
from multiprocessing import Pipe
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bench.generator.formats import FORMATS
from bench.generator.memory import GAP_BINS, LATE_BINS, Memory, Size
from bench.generator.messages import Answer, Command, Done, Load, Opened, OpenLegs, Pause, Press, Pressed, Quit, Retarget, Start, Stop, Sync
from bench.generator.process import need_descriptors
from bench.generator.secrecy import Keys
from bench.generator.signals import Signal, render

LATE_LIMIT_MS = 5.0
"""A row whose generator sent its packets later than this at the 99th percentile does not count."""

_SNAPSHOTS = 100
"""Tries at most to copy counters while none is written."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counters at one moment; two of them make a window."""

    received: NDArray[np.int64]
    sent: NDArray[np.int64]
    highest: NDArray[np.int64]
    gaps: NDArray[np.uint32]
    late: NDArray[np.int64]


class RtpGenerator:
    """Legs that send and receive in a process of their own. An asynchronous context: entering starts it, leaving ends it."""

    def __init__(self, size: Size, *, core: int | None, kernel_times: bool = False, longest: float = 3600, hurries: bool = True) -> None:
        """``longest``: seconds after which it ends by itself; ``hurries``: takes real-time priority where it may."""
        self.memory = Memory(size)
        self._core = core
        self._kernel_times = kernel_times
        self._longest = longest
        self._hurries = hurries
        self._opened: deque[asyncio.Future[Opened]] = deque()
        self._done: deque[asyncio.Future[None]] = deque()
        self._prepared: set[tuple[Signal, str]] = set()
        self._pressed: dict[int, asyncio.Future[float]] = {}

    async def __aenter__(self) -> Self:
        need_descriptors(self.memory.size.legs + 200)
        self._pipe, theirs = Pipe()
        given = {
            "pipe": theirs.fileno(),
            "memory": self.memory.descriptor,
            "size": asdict(self.memory.size),
            "core": self._core,
            "kernel_times": self._kernel_times,
            "longest": self._longest,
            "hurries": self._hurries,
        }
        # One thread a numeric library: the loop has one core, and idle helpers of the library would disturb it.
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.generator.loop", json.dumps(given)],
            pass_fds=(theirs.fileno(), self.memory.descriptor),
            env=environment,
        )
        theirs.close()
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._hear)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self._pipe.closed:
            with contextlib.suppress(OSError):
                self._pipe.send(Quit())
        try:
            await asyncio.to_thread(self.process.wait, 5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Close the pipe, which ends the process too."""
        if not self._pipe.closed:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._pipe.close()

    async def open(self, addresses: tuple[str, ...]) -> Opened:
        """Bind one leg for each address."""
        future: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
        self._opened.append(future)
        self._say(OpenLegs(addresses))
        async with asyncio.timeout(30):
            return await future

    def prepare(self, signal: Signal, codec: str) -> None:
        """Render a signal and hand it over, unless that was done before."""
        if (signal, codec) not in self._prepared:
            self._prepared.add((signal, codec))
            self._say(Load(signal, codec, render(signal, codec)))

    async def sync(self) -> None:
        """Wait until everything said so far was carried out."""
        await self._ask(Sync())

    def start(
        self,
        leg: int,
        remote: tuple[str, int],
        signal: Signal,
        *,
        codec: str = "PCMU",
        payload_types: tuple[int, int] | None = None,
        digits: int = 101,
        records: bool = False,
        keys: Keys | None = None,
        first: int = -1,
    ) -> None:
        """Let a leg send and receive; payload types (sent, received) where they are not the format's own, ``first`` number or by lot."""
        self.prepare(signal, codec)
        own = FORMATS[codec].payload_type
        self._say(Start(leg, remote[0], remote[1], codec, signal, payload_types or (own, own), digits, records, keys, first))

    def retarget(self, leg: int, remote: tuple[str, int]) -> None:
        """The leg's remote has moved."""
        self._say(Retarget(leg, *remote))

    def stop(self, leg: int, *, deaf: bool = False) -> None:
        """Let a leg send no more."""
        self._say(Stop(leg, deaf))

    def pause(self, legs: range) -> None:
        """Send nothing from these legs, and from all others what they have to send; numbers go on where they were."""
        self._say(Pause(legs))

    async def press(self, leg: int, digit: str, *, beside: bool = False) -> float:
        """Press a key, in place of the audio or beside it; returns when its first end packet left (monotonic seconds)."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._pressed[leg] = future
        self._say(Press(leg, digit, beside))
        async with asyncio.timeout(5):
            return await future

    def press_unheard(self, leg: int, digit: str) -> None:
        """Press a key, and do not care when."""
        self._say(Press(leg, digit, False))

    def snapshot(self) -> Snapshot:
        """A copy of the counters; of what was sent and received at one moment."""
        memory = self.memory
        for _ in range(_SNAPSHOTS):
            before = memory.total("settlements")
            received, sent, highest = memory.received.copy(), memory.sent.copy(), memory.highest.copy()
            if before % 2 == 0 and memory.total("settlements") == before:
                break
        return Snapshot(received, sent, highest, memory.gaps.copy(), memory.late.copy())

    async def _ask(self, command: Command) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._done.append(future)
        self._say(command)
        async with asyncio.timeout(60):
            await future

    def _say(self, command: Command) -> None:
        self._pipe.send(command)

    def _hear(self) -> None:
        try:
            while self._pipe.poll():
                self._take(self._pipe.recv())
        except (EOFError, ConnectionError):
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())

    def _take(self, answer: Answer) -> None:
        match answer:
            case Opened():
                future = self._opened.popleft()
                if not future.done():
                    future.set_result(answer)
            case Done():
                done = self._done.popleft()
                if not done.done():
                    done.set_result(None)
            case Pressed(leg, moment):
                pressed = self._pressed.pop(leg, None)
                if pressed is not None and not pressed.done():
                    pressed.set_result(moment)


def stalls(memory: Memory) -> NDArray[np.float64]:
    """(stall, 2): from when until when the generator sent too late."""
    return memory.stalls[: memory.total("stalled")].copy()


def tardy(memory: Memory) -> dict[int, NDArray[np.float64]]:
    """By recorded leg (packet, 2): when each packet was due, and sent, that the generator sent late."""
    count = memory.total("tardy")
    order = np.argsort(memory.tardy_leg[:count], kind="stable")
    legs, first = np.unique(memory.tardy_leg[:count][order], return_index=True)
    times = np.stack([memory.tardy_due[:count][order], memory.tardy_sent[:count][order]], axis=1)
    return dict(zip(legs.tolist(), np.split(times, first[1:]), strict=True)) if count else {}


def late_ms(before: Snapshot, after: Snapshot) -> tuple[float, float]:
    """The generator's own lateness in a window: p50 and p99 of send time minus due time, ms."""
    return percentiles_of(after.late - before.late, LATE_BINS, 0.1)


def percentiles_of(histogram: NDArray[np.int64], bins: int, width: float) -> tuple[float, float]:
    """p50 and p99 of a histogram with bins of this width: the upper edge of the bin that holds them."""
    total = int(histogram.sum())
    if total == 0:
        return 0.0, 0.0
    below = np.cumsum(histogram)
    p50, p99 = (int(np.searchsorted(below, share * total, side="left")) for share in (0.5, 0.99))
    return round((min(p50, bins - 1) + 1) * width, 3), round((min(p99, bins - 1) + 1) * width, 3)


def missing(before: Snapshot, after: Snapshot, legs: NDArray[np.int64]) -> tuple[int, int]:
    """Packets that these legs should have had in a window by their sequence numbers, and those that did not come."""
    numbers = after.highest[legs] - before.highest[legs]
    absent = numbers - (after.received[legs] - before.received[legs])
    return int(numbers.sum()), int(np.maximum(absent, 0).sum())


def gap_p99_ms(before: Snapshot, after: Snapshot, legs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each of these listeners' p99 gap between packets in a window, ms; infinite where fewer than two packets came."""
    window = (after.gaps[legs] - before.gaps[legs]).astype(np.int64)
    total = window.sum(axis=1)
    at = (np.cumsum(window, axis=1) < 0.99 * total[:, None]).sum(axis=1)
    return np.where(total > 0, np.minimum(at, GAP_BINS - 1) + 1.0, np.inf)
