"""srtp: what SRTP costs the worker's core for a packet, by crypto suite and direction, and that what it sends can be read.

The core turns without sockets, with calls of two parties who hear each other: so a packet comes and a packet goes. The phones' side is
pylibsrtp's own sessions, outside of what is measured; each round has every suite, so that a machine whose speed moves tilts none.
"""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from pylibsrtp import Error

from bench.generator.secrecy import SUITES, Keys, told_to_worker
from bench.options import Surroundings
from bench.report import Result
from bench.simulator.worker import VirtualWorker
from mediaserver.link.messages import Admit, OpenLeg, SetMedia

PLAIN: Final = "plain RTP"
TURN: Final = 0.002
PACKET_TIME: Final = 0.02
SETTLING: Final = 0.2
"""Seconds of audio before anything is measured: first packets are tried, sessions made."""
PAYLOAD: Final = 160
COLUMNS: Final = ("suite", "open_us", "close_us", "turn_us", "dearer_us", "packets", "unread")


@dataclass(slots=True)
class _Phone:
    """A leg's far end."""

    row: int
    shut: Callable[[bytes], bytes] = bytes
    open: Callable[[bytes], bytes] = bytes
    """Packets stay as they are where nothing was agreed on."""
    sent: int = 0
    said: set[bytes] = field(default_factory=set)

    def packet(self) -> bytes:
        """The next one, as it arrives."""
        payload = os.urandom(PAYLOAD)
        self.said.add(payload)
        numbers = (self.sent & 0xFFFF).to_bytes(2, "big") + (self.sent * PAYLOAD).to_bytes(4, "big")
        self.sent += 1
        plain = b"\x80\x00" + numbers + (self.row + 1).to_bytes(4, "big") + payload
        return self.shut(plain)

    def read(self, packet: bytes) -> bytes:
        """The payload of what came. `pylibsrtp.Error` where it cannot be read."""
        return self.open(packet)[12:]


@dataclass(slots=True)
class _Cost:
    """Seconds of the processor."""

    opening: float = 0.0
    closing: float = 0.0
    turns: float = 0.0
    packets: int = 0
    """That came; as many went."""
    unread: int = 0

    def microseconds(self) -> tuple[float, float, float]:
        """For a packet: opening one, closing one, and the whole turn for one that comes and goes."""
        scale = 1e6 / max(self.packets, 1)
        return self.opening * scale, self.closing * scale, self.turns * scale


async def run(around: Surroundings, *, legs: int, seconds: float, rounds: int) -> Result:
    """Measure every suite in each round; the medians."""
    costs: dict[str, list[_Cost]] = {suite: [] for suite in (PLAIN, *SUITES)}
    for number in range(rounds):
        for suite, measured in costs.items():
            around.progress.say(f"round {number + 1} of {rounds}: {suite}")
            measured.append(_Core(suite, legs).measured(seconds))
    plain = statistics.median(cost.microseconds()[2] for cost in costs[PLAIN])
    rows = [_row(suite, measured, plain) for suite, measured in costs.items()]
    unread = sum(cost.unread for measured in costs.values() for cost in measured)
    return Result(
        bench="srtp",
        figures={"legs": legs, "seconds": seconds, "rounds": rounds, "libsrtp": _version()},
        columns=COLUMNS,
        rows=rows,
        notes=["µs of the processor a packet of 160 bytes; turn_us: one that comes and goes; dearer_us: than plain RTP. No sockets in it"],
        ok=not unread,
    )


def _row(suite: str, measured: list[_Cost], plain: float) -> tuple[Any, ...]:
    opening, closing, turn = (statistics.median(values) for values in zip(*(cost.microseconds() for cost in measured), strict=True))
    packets, unread = sum(cost.packets for cost in measured), sum(cost.unread for cost in measured)
    return suite, round(opening, 2), round(closing, 2), round(turn, 2), round(turn - plain, 2), packets, unread


def _version() -> str:
    from rtp.srtp.library import version

    return version()


class _Core:
    """A worker's core with calls of one suite."""

    def __init__(self, suite: str, legs: int) -> None:
        self._worker = VirtualWorker(legs, legs)
        self._cost = _Cost()
        self._phones = [self._join(suite, leg) for leg in range(legs)]
        self._turns = 0
        self._other = {phone.row: self._phones[at ^ 1] for at, phone in enumerate(self._phones)}
        core: Any = self._worker.core
        core.step = self._timed(core.step, "turns")
        core.securing.open = self._timed(core.securing.open, "opening")
        core.securing.close = self._timed(core.securing.close, "closing")

    def measured(self, seconds: float) -> _Cost:
        """Let everybody talk for so long; what it cost."""
        self._talk(SETTLING)
        self._cost.opening = self._cost.closing = self._cost.turns = 0.0
        self._cost.packets = 0
        self._talk(seconds)
        return self._cost

    def _join(self, suite: str, leg: int) -> _Phone:
        keys = None if suite == PLAIN else Keys.draw(suite)
        self._worker.command(OpenLeg(leg, leg // 2, ("customer", "agent")[leg % 2], False), os.open(os.devnull, os.O_RDONLY))
        self._worker.command(SetMedia(leg, "127.0.0.1", 40_000, "PCMU", 0, 0, 20, -1, -1, True, True, **told_to_worker(keys)))
        self._worker.command(Admit(leg, True))
        row = self._worker.row(leg)
        return _Phone(row) if keys is None else _Phone(row, keys.closing(), keys.opening())

    def _timed(self, work: Callable[..., Any], name: str) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            before = time.thread_time()
            result = work(*given)
            setattr(self._cost, name, getattr(self._cost, name) + time.thread_time() - before)
            return result

        return timed

    def _talk(self, seconds: float) -> None:
        """Turn; each leg's packets are spread over the packet time."""
        spread = round(PACKET_TIME / TURN)
        by_row = {phone.row: phone for phone in self._phones}
        for _ in range(round(seconds / TURN)):
            speaking = self._phones[self._turns % spread :: spread]
            self._turns += 1
            arrived = [(phone.row, phone.packet()) for phone in speaking]
            self._cost.packets += len(arrived)
            for row, packet in self._worker.turn(arrived):
                self._judge(by_row[row], packet)

    def _judge(self, phone: _Phone, packet: bytes) -> None:
        """Whether a phone got, bit by bit, something that the other party of its call said."""
        said = self._other[phone.row].said
        try:
            payload = phone.read(packet)
        except Error:
            payload = b""
        self._cost.unread += payload not in said
        said.discard(payload)
