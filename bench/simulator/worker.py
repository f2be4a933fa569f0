"""The core of a media worker without sockets and on a virtual clock: an hour of audio takes minutes, and is the same each time.

It is the server's own loop in miniature: commands, what has arrived, one turn, what leaves. All else is the bench's: phones, their
coders and the network between.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from bench.simulator.phone import Phone
from mediaserver.link.memory import Memory
from mediaserver.link.messages import Admit, Command, OpenLeg, Refused, SetMedia, SetMode
from mediaserver.worker.commands import Desk
from mediaserver.worker.ports import NoPorts
from mediaserver.worker.roster import Roster
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.state import State
from mediaserver.worker.turn import Turn

BEGINNING: Final = 1000.0
"""What the virtual clock says when the phones begin."""


class CommandRefused(Exception):
    """The worker does not do what the bench asked for."""


class VirtualWorker:
    """One worker and its phones. `join` them all, then `run`."""

    def __init__(self, legs: int, calls: int, *, seats: int = 4, turn: float = 0.002) -> None:
        """turn: seconds from one turn to the next."""
        self.state = State(Memory.create(legs, calls, seats))
        self._roster = Roster(self.state)
        sounds = Sounds()
        self._turn = Turn(self.state, self._roster, sounds)
        core, entropy = self._turn, np.random.default_rng(1).bytes
        self._desk = Desk(self.state, self._roster, sounds, NoPorts(), core.reports, core.securing, core.taps, entropy)
        self._seconds = turn
        self._turns = 0
        self._request = 0
        self._phones: dict[int, Phone] = {}

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self._turns * self._seconds

    def join(self, phone: Phone, call: int, role: str, *, mode: str = "", target: str = "agent") -> int:
        """Open a leg for a phone and admit it, a supervisor in a mode; its row. Raises `CommandRefused`."""
        self.command(OpenLeg(phone.leg, call, role, False), descriptor=os.open(os.devnull, os.O_RDONLY))
        self.command(_media(phone))
        self.command(Admit(phone.leg, True))
        if mode:
            self.command(SetMode(phone.leg, mode, target))
        row = self._roster.legs[phone.leg].row
        self._phones[row] = phone
        return row

    def command(self, command: Command, descriptor: int = -1) -> None:
        """Have a command carried out with the next turn. Raises `CommandRefused`."""
        self._request += 1
        self._desk.take(self._request, command, descriptor, BEGINNING + self.now)
        self._heed()

    def run(self, seconds: float, advance: Callable[[float], None] = lambda by: None) -> None:
        """Turn for so long, each phone's packets arriving as their journeys say; ``advance`` is told of each second that passed."""
        until = self._turns + round(seconds / self._seconds)
        a_second = round(1.0 / self._seconds)
        arrivals = _Arrivals(self._phones, self.now, until * self._seconds)
        while self._turns < until:
            now = self.now
            for row, packet in self.turn(arrivals.until(now)):
                self._phones[row].take(now, packet)
            if self._turns % a_second == 0:
                advance(1.0)

    @property
    def core(self) -> Turn:
        """The core that turns."""
        return self._turn

    def row(self, leg: int) -> int:
        """The row of a leg."""
        return self._roster.legs[leg].row

    def turn(self, arrived: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """One turn, with packets and the rows that they came from, one of a row at most; what leaves, by row."""
        now = BEGINNING + self.now
        for line, (_, packet) in enumerate(arrived):
            self._turn.inbox[line, : len(packet)] = np.frombuffer(packet, dtype=np.uint8)
        lengths = np.array([len(packet) for _, packet in arrived], dtype=np.int64)
        self._turn.step(lengths, np.array([row for row, _ in arrived], dtype=np.int64), now)
        self._desk.note_changing(self._turn.changing)
        outbox = self._turn.outbox
        sizes = zip(outbox.rows.tolist(), outbox.lengths.tolist(), strict=True)
        sent = [(row, outbox.matrix[line, :length].tobytes()) for line, (row, length) in enumerate(sizes)]
        self._turn.metering.measure(now)
        self._turn.taps.step(now)
        self._heed()
        self._turns += 1
        return sent

    def _heed(self) -> None:
        for answer in self._desk.answers(BEGINNING + self.now):
            if isinstance(answer, Refused):
                raise CommandRefused(f"{answer.code}: {answer.text}")


class _Arrivals:
    """What arrives at all legs in a span of time, at most one packet of a leg a turn, as the server's sockets give it."""

    def __init__(self, phones: dict[int, Phone], since: float, until: float) -> None:
        self._phones = phones
        chosen = {row: (phone.journey.arrival >= since) & (phone.journey.arrival < until) for row, phone in phones.items()}
        times = np.concatenate([phone.journey.arrival[chosen[row]] for row, phone in phones.items()])
        order = np.argsort(times, kind="stable")
        rows = np.concatenate([np.full(int(chosen[row].sum()), row) for row in phones])
        numbers = np.concatenate([phone.journey.packet[chosen[row]] for row, phone in phones.items()])
        self._times, self._rows, self._numbers = times[order], rows[order].tolist(), numbers[order].tolist()
        self._next = 0
        self._waiting: list[tuple[int, bytes]] = []

    def until(self, now: float) -> list[tuple[int, bytes]]:
        """Packets with their rows that are there now; of one row the next one only, those behind it wait."""
        end = int(np.searchsorted(self._times, now, side="right"))
        here = slice(self._next, end)
        fresh = [(row, self._phones[row].packet(number)) for row, number in zip(self._rows[here], self._numbers[here], strict=True)]
        self._next = end
        taken: dict[int, bytes] = {}
        later = []
        for row, packet in self._waiting + fresh:
            if row in taken:
                later.append((row, packet))
            else:
                taken[row] = packet
        self._waiting = later
        return list(taken.items())


def _media(phone: Phone) -> SetMedia:
    """What the phone negotiated."""
    form = phone.codec.form
    given: dict[str, Any] = {"clock_rate": form.clock_rate, "channels": form.channels}
    return SetMedia(
        leg=phone.leg,
        address="127.0.0.1",
        port=40_000,
        codec=form.encoding,
        receive_payload_type=form.payload_type,
        send_payload_type=form.payload_type,
        ptime_ms=phone.ptime_ms,
        receive_digit_payload_type=-1,
        send_digit_payload_type=-1,
        remote_sends=True,
        remote_receives=True,
        **{name: value for name, value in given.items() if name in SetMedia.__dataclass_fields__},
    )
