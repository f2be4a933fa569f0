"""phone: a softphone for the terminal. It registers, answers whatever rings, writes what it hears into a WAV file, shows how loud."""

import asyncio
import contextlib
import os
import sys
import time
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.live import Live
from rich.text import Text

from bench.generator.companding import FRAME, RATE, decode
from bench.generator.memory import Memory, Size
from bench.generator.phones.agent import Plan, UserAgent
from bench.generator.phones.asking import CallFailed, Credentials
from bench.generator.phones.description import Description
from bench.generator.phones.dialog import Dialog
from bench.generator.phones.message import Message
from bench.generator.rtp import RtpGenerator
from bench.generator.signals import AUDIO, Signal, Silence, Speech
from bench.runs.demo import server_of
from config.loading import load

_BARS = 40
_QUIETEST_DB = -60.0
_LONGEST_GAP = 5 * RATE
_REFRESH = 0.1
_FAREWELL = 2.0


async def run(
    *, config: Path | None = None, user: str, secret: str, address: str, dial: str, record: Path, seconds: float, speaks: bool
) -> None:
    """Ring and be rung until stopped, or for so many seconds. Digits typed, a line each, are pressed."""
    says: Signal = Speech(AUDIO / "supervisor.wav") if speaks else Silence()
    size = Size(1, recorded=int(seconds * RATE / FRAME * 1.1) + 1000)
    phones = await UserAgent.open(address, server_of(load(config, os.environ)))
    try:
        async with RtpGenerator(size, core=None, longest=seconds + 60, hurries=False) as rtp:
            opened = await rtp.open((address,))
            phone = _Phone(phones, rtp, Credentials(user, secret), Description(address, opened.ports[0]), says)
            await phone.use(dial, record, seconds)
    finally:
        phones.close()


class _Phone:
    """One line, one call at a time."""

    def __init__(self, phones: UserAgent, rtp: RtpGenerator, who: Credentials, ours: Description, says: Signal) -> None:
        self._phones = phones
        self._rtp = rtp
        self._who = who
        self._ours = ours
        self._says = says
        self._dialog: Dialog | None = None
        self._codec = ours.codec
        phones.on_call = self._plan
        phones.on_answered = self._answered
        phones.on_moved = lambda dialog: rtp.retarget(0, dialog.remote_media)

    async def use(self, dial: str, record: Path, seconds: float) -> None:
        """Register, dial if asked, and listen."""
        await self._phones.register(self._who)
        print(f"{self._who.user} is registered. What is heard goes to {record}; Ctrl+C ends.")
        print("Type 4 to listen, 5 to whisper, 6 to barge, and Enter.")
        if dial:
            dialog = await self._phones.invite(self._who.user, dial, self._ours, credentials=self._who)
            self._talk(dialog)
        loop = asyncio.get_running_loop()
        if sys.stdin.isatty():
            loop.add_reader(sys.stdin.fileno(), self._typed)
        try:
            await self._listen(record, seconds)
        finally:
            if sys.stdin.isatty():
                loop.remove_reader(sys.stdin.fileno())
            await self._leave()
            print(f"{_seconds_of(record):.0f} s were heard: {record}")

    async def _leave(self) -> None:
        """Hang up and unregister, so that nobody rings a phone that is gone; no longer than a moment."""
        with contextlib.suppress(CallFailed, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                if self._is_busy and self._dialog is not None:
                    await self._dialog.bye()
                await self._phones.register(self._who, expires=0)

    @property
    def _is_busy(self) -> bool:
        return self._dialog is not None and not self._dialog.ended.is_set()

    def _plan(self, invite: Message, offer: Description) -> Plan:
        return Plan(None if self._is_busy else self._ours)

    def _answered(self, dialog: Dialog, invite: Message) -> None:
        self._talk(dialog)

    def _talk(self, dialog: Dialog) -> None:
        """In what was agreed on: where we are called, the server's offer may begin with a codec that our answer did not take."""
        self._dialog, self._codec = dialog, dialog.codec
        kinds, digits = dialog.payload_types, dialog.digits
        self._rtp.start(0, dialog.remote_media, self._says, codec=self._codec, payload_types=kinds, digits=digits, records=True)

    def _typed(self) -> None:
        for digit in sys.stdin.readline().strip():
            if self._is_busy and digit in "0123456789*#ABCD":
                self._rtp.press_unheard(0, digit)

    async def _listen(self, record: Path, seconds: float) -> None:
        ends = time.monotonic() + seconds
        with wave.open(str(record), "wb") as file, Live(console=Console(), refresh_per_second=10, transient=True) as live:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            tape = _Tape(self._rtp.memory)
            while time.monotonic() < ends:
                await asyncio.sleep(_REFRESH)
                heard = tape.more(self._codec)
                file.writeframes(heard.astype("<i2").tobytes())
                live.update(_meter(heard, "in a call" if self._is_busy else "waiting for a call"))
                if self._dialog is not None and self._dialog.ended.is_set():
                    self._rtp.stop(0)


def _seconds_of(record: Path) -> float:
    with wave.open(str(record), "rb") as file:
        return file.getnframes() / file.getframerate()


class _Tape:
    """New records as samples, gaps of up to five seconds filled with silence."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._at = 0
        self._due: int | None = None

    def more(self, codec: str) -> NDArray[np.int16]:
        """What came since the last time."""
        memory, until = self._memory, self._memory.total("recorded")
        parts = [np.zeros(0, np.int16)]
        for row in range(self._at, until):
            timestamp = int(memory.record_timestamp[row])
            gap = 0 if self._due is None else (timestamp - self._due) & 0xFFFFFFFF
            if gap <= _LONGEST_GAP:
                parts.append(np.zeros(gap, np.int16))
            samples = decode(memory.record_payload[row, : memory.record_length[row]], codec)
            parts.append(samples)
            self._due = timestamp + len(samples)
        self._at = until
        return np.concatenate(parts)


def _meter(heard: NDArray[np.int16], state: str) -> Text:
    power = float(np.mean(np.square(heard, dtype=np.float64))) if len(heard) else 0.0
    level = max(_QUIETEST_DB, 10 * np.log10(power / 32768**2 + 1e-12))
    filled = round(_BARS * (1 - level / _QUIETEST_DB))
    return Text(f"{state:<18} ") + Text("█" * filled, style="green") + Text("░" * (_BARS - filled)) + Text(f" {level:5.0f} dBov")
