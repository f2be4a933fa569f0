"""A media worker as signalling sees it: a memory, legs, commands to give; the process behind it may die, and an heir goes on.

Commands given between two flushes leave as one frame, so they take effect in the same turn. What was told stays known until it is
answered: what a dead process left unanswered is told to its heir, under the same number, so every command is answered once.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from config.settings import MediaSettings
from mediaserver.link.memory import Memory
from mediaserver.link.messages import (
    Admit,
    AdoptLegs,
    Applied,
    CloseLeg,
    CloseTap,
    Command,
    DatagramReceived,
    DigitReceived,
    Inherit,
    LegDoubted,
    LoadSound,
    MediaStarted,
    MoveLeg,
    Notice,
    OpenLeg,
    OpenReports,
    OpenTap,
    Ping,
    Play,
    ReceiveLeg,
    Refused,
    Released,
    ReleaseLeg,
    SetMedia,
    SetMode,
    SetMuted,
    SetVolumes,
    StopPlaying,
)
from mediaserver.link.wire import Message, encode_frame
from mediaserver.observing.counters import Counters
from mediaserver.signalling.media.processes import Process

_log = structlog.get_logger(__name__)

CHECK_EVERY = 0.1
"""Seconds between two looks at the turns of every worker."""
HUNG_AFTER_CHECKS = 4
"""Looks in a row that find no new turn, after which a worker counts as hung. A look that comes late, because we stood still
ourselves, does not count: where the whole machine stood still, the worker gets time to turn again."""
TAKES_OVER_WITHIN = 2.0
"""Seconds in which a process that was given a memory must begin to turn."""

TRANSFER_SEATS = 2
"""Beyond the setting: for who is rung to take a party's place, and for a leg whose voice still fades."""

_LARGEST_BATCH = 100
_LARGEST_LENDING_BATCH = 50
"""Where a command lends several descriptors: a frame carries some 200."""
_LEGS_A_FRAME = 150

Reply = Applied | Refused
Replied = Callable[[Reply], None]

_KEPT = (SetMedia, Admit, SetMode, SetMuted, SetVolumes, Play)
"""What is said again of a leg that has to be opened anew; the last of each."""


@dataclass(slots=True)
class _Told:
    """A command that is not answered yet."""

    request: int
    command: Command
    lend: int
    """A file descriptor, or -1."""
    replied: Replied | None
    more: tuple[int, ...] = ()
    """Descriptors that are lent too, and ours until it is answered."""

    @property
    def descriptors(self) -> list[int]:
        """All that it lends."""
        return [*([self.lend] if self.lend >= 0 else []), *self.more]


@dataclass(slots=True)
class LentLeg:
    """A leg that the worker has."""

    opening: OpenLeg
    """As it would have to be said now."""
    opened: Replied | None
    """Who is told its row."""
    socket: int
    reports: int = -1
    """The socket for its RTCP, where that has a port of its own."""
    row: int = -1
    """-1 while nobody said that it was opened."""
    is_closing: bool = False
    is_leaving: bool = False
    """It is to go to another worker."""
    said: dict[type, Command] = field(default_factory=dict)

    @property
    def call(self) -> int:
        """The call that it is in."""
        return self.opening.call


class Worker:
    """One worker: its memory and legs, and the process that works on them now."""

    def __init__(self, index: int, settings: MediaSettings, counters: Counters, heard: Callable[[Notice], None]) -> None:
        self.index = index
        self.calls = 0
        """Calls that were given to it."""
        self.is_ready = False
        """Its process has taken the memory over and turns."""
        self.process: Process | None = None
        self.on_ready: Callable[[], None] = lambda: None
        self.legs: dict[int, LentLeg] = {}
        self.released: dict[int, tuple[int, ...]] = {}
        """What was lent for legs that were let go, for whoever takes them on."""
        self._taps: dict[int, _Told] = {}
        """Those that were opened: an heir is told of them again. Their rings stay whoever's they are."""
        self._settings = settings
        self._counters = counters
        self._heard = heard
        self._batch: list[_Told] = []
        self._unanswered: dict[int, _Told] = {}
        self._request = 0
        self._seen_turn = -1
        self._idle_checks = 0
        self._looked_at = 0.0
        self._given_at = 0.0
        self.memory = self._new_memory()

    @property
    def turn_length(self) -> float:
        """Seconds that its turns take now."""
        return self.memory.turn_length

    @property
    def pid(self) -> int:
        """The process; -1 while there is none."""
        return -1 if self.process is None else self.process.pid

    def is_hung(self, now: float) -> bool:
        """Whether its turns stand still; each question counts, where it comes in time."""
        in_time, self._looked_at = now - self._looked_at < 2 * CHECK_EVERY, now
        if not self.is_ready:
            return self.process is not None and in_time and now - self._given_at > TAKES_OVER_WITHIN
        turn = self.memory.turn
        if turn != self._seen_turn:
            self._seen_turn, self._idle_checks = turn, 0
        elif in_time:
            self._idle_checks += 1
        return self._idle_checks >= HUNG_AFTER_CHECKS

    def tell(self, command: Command, *, lend: int = -1, replied: Replied | None = None, more: tuple[int, ...] = ()) -> None:
        """Queue a command for the next flush; ``more`` are descriptors lent beside ``lend``, which are closed once it is answered."""
        self._request += 1
        told = _Told(self._request, command, lend, replied, more)
        self._batch.append(told)
        self._unanswered[told.request] = told
        self._note(told)

    def flush(self) -> None:
        """Send what was told, as one frame (more only where it is very much). Without a process it waits for the heir."""
        if self.process is None:
            return
        while self._batch:
            size = _LARGEST_BATCH if not any(told.more for told in self._batch) else _LARGEST_LENDING_BATCH
            batch, self._batch = self._batch[:size], self._batch[size:]
            frame = encode_frame((told.request, told.command) for told in batch)
            self.process.send(frame, [descriptor for told in batch for descriptor in told.descriptors])

    def receive(self, command: ReceiveLeg, lent: LentLeg, released: tuple[int, ...], replied: Replied) -> None:
        """Have it take a leg that another worker let go, with what that one lent."""
        self.tell(command, lend=lent.socket, replied=replied, more=released)
        here = self.legs[command.leg]
        here.said = {kind: said for kind, said in lent.said.items() if kind is SetMedia or not command.is_new}

    def lend_reports(self, legs: Sequence[LentLeg]) -> None:
        """Lend the ports for RTCP of these legs, where they have any."""
        for leg in legs:
            if leg.reports >= 0:
                self.tell(OpenReports(leg.opening.leg), lend=leg.reports)

    def open_again(self, opening: OpenLeg, lent: LentLeg, kinds: tuple[type, ...] | None, replied: Replied | None) -> None:
        """Open a leg as for the first time, and say again what was said of it (of these kinds only)."""
        said = [lent.said[kind] for kind in kinds or _KEPT if kind in lent.said]
        self.tell(opening, lend=lent.socket, replied=replied)
        self.lend_reports([lent])
        for command in said:
            self.tell(command)

    # death and succession

    def bereave(self) -> None:
        """The process is gone, and nothing is left of it."""
        self.process, self.is_ready = None, False

    def go_on(self, process: Process) -> None:
        """Give a spare process the memory, the sockets of all legs, and what was not answered."""
        self.process = process
        self._given_at = time.monotonic()
        process.on_message = self._received
        unanswered = [told for told in self._unanswered.values() if not isinstance(told.command, Inherit | AdoptLegs | OpenReports)]
        self._unanswered = {}
        self._batch = []
        living = [leg for leg in self.legs.values() if leg.row >= 0 and not leg.is_closing]
        self._hand_over(process, living)
        self.lend_reports(living)
        again = [told for told in unanswered if not self._is_moot(told)]
        self._batch += again
        self._unanswered |= {told.request: told for told in again}
        for tap in [told for told in self._taps.values() if told not in again]:
            self.tell(tap.command, lend=tap.lend)
        self.flush()
        self._answer_for_the_dead(told for told in unanswered if self._is_moot(told))

    def begin_anew(self) -> None:
        """Nobody goes on: forget every leg, with fresh memory for the process that comes. What was not answered never will be."""
        unanswered, self._unanswered, self._batch = self._unanswered, {}, []
        self.legs.clear()
        self._taps.clear()
        self.memory.close()
        self.memory = self._new_memory()
        for request, told in unanswered.items():
            _close_all(told.more)
            if told.replied is not None:
                told.replied(Refused(request, "worker_died", "the media worker died"))

    def open_rows(self) -> dict[int, LentLeg]:
        """Its legs by row."""
        return {leg.row: leg for leg in self.legs.values() if leg.row >= 0}

    def _hand_over(self, process: Process, living: Sequence[LentLeg]) -> None:
        cpu = -1 if self._settings.cpu is None else self._settings.cpu + self.index
        self._send_now(process, Inherit(len(living), cpu), [self.memory.fd], self._turns)
        for start in range(0, len(living), _LEGS_A_FRAME):
            part = living[start : start + _LEGS_A_FRAME]
            lists = ([leg.opening.leg for leg in part], [leg.call for leg in part], [leg.row for leg in part])
            self._send_now(process, AdoptLegs(*(array("q", numbers).tobytes() for numbers in lists)), [leg.socket for leg in part])

    def _send_now(self, process: Process, command: Command, descriptors: Sequence[int], replied: Replied | None = None) -> None:
        self._request += 1
        self._unanswered[self._request] = _Told(self._request, command, -1, replied)
        process.send(encode_frame([(self._request, command)]), descriptors)

    def _turns(self, reply: Reply) -> None:
        if isinstance(reply, Applied):
            self.is_ready = True
            self._seen_turn, self._idle_checks = -1, 0
            self.on_ready()

    def _is_moot(self, told: _Told) -> bool:
        """Whether a command is about a leg that was to be closed, or that was neither opened nor is to be: the heir never hears of it."""
        match told.command:
            case CloseLeg(leg=leg):
                return leg in self.legs
            case OpenLeg(leg=leg) | ReceiveLeg(leg=leg):
                return leg not in self.legs or self.legs[leg].is_closing
        return False

    def _answer_for_the_dead(self, moot: Iterable[_Told]) -> None:
        for told in moot:
            if isinstance(told.command, CloseLeg):
                self._noted(told, Applied(told.request, self.memory.turn, -1))
            else:
                self._noted(told, Refused(told.request, "worker_died", "the media worker died"))

    # what it says

    def _received(self, message: Message, descriptors: tuple[int, ...]) -> None:
        match message:
            case Released(request=request, turn=turn):
                told = self._unanswered.pop(request, None)
                if told is None or not isinstance(told.command, ReleaseLeg):
                    _close_all(descriptors)
                    return
                self.released[told.command.leg] = descriptors
                self._noted(told, Applied(request, turn, -1))
            case Applied() | Refused():
                told = self._unanswered.pop(message.request, None)
                if told is not None:
                    self._noted(told, message)
            case LegDoubted(leg=leg):
                if self._open_again(leg):
                    self._heard(message)
            case DigitReceived() | MediaStarted() | DatagramReceived():
                self._heard(message)
            case _:
                _log.error("worker.unexpected", worker=self.index, message=type(message).__name__)

    def _noted(self, told: _Told, reply: Reply) -> None:
        _close_all(told.more)
        match told.command, reply:
            case OpenLeg(leg=leg) | ReceiveLeg(leg=leg), Applied(row=row) if leg in self.legs:
                self.legs[leg].row = row
            case OpenTap(tap=tap), Refused():
                self._taps.pop(tap, None)
            case (OpenLeg(leg=leg) | ReceiveLeg(leg=leg), Refused()) | (CloseLeg(leg=leg) | ReleaseLeg(leg=leg), _):
                self.legs.pop(leg, None)
            case MoveLeg(leg=leg, call=call, role=role), Applied() if leg in self.legs:
                lent = self.legs[leg]
                lent.opening = OpenLeg(leg, call, role, lent.opening.strict)
        if told.replied is not None:
            told.replied(reply)
        elif isinstance(reply, Refused) and reply.code != "unknown_leg":
            _log.error("worker.refused", worker=self.index, code=reply.code, text=reply.text)

    def _note(self, told: _Told) -> None:
        """Remember what a leg's heir may have to be told."""
        command = told.command
        match command:
            case OpenLeg(leg=leg):
                self.legs[leg] = LentLeg(command, told.replied, told.lend)
                return
            case ReceiveLeg(leg=leg):
                self.legs[leg] = LentLeg(OpenLeg(leg, command.call, command.role, command.strict), told.replied, told.lend)
                return
            case OpenTap(tap=tap):
                self._taps[tap] = told
                return
            case CloseTap(tap=tap):
                self._taps.pop(tap, None)
                return
            case Ping() | LoadSound() | Inherit() | AdoptLegs():
                return
            case _:
                lent = self.legs.get(command.leg)
        match command:
            case _ if lent is None:
                return
            case CloseLeg():
                lent.is_closing = True
            case ReleaseLeg():
                lent.is_leaving = True
            case OpenReports():
                lent.reports = told.lend
            case MoveLeg():
                lent.said = {kind: said for kind, said in lent.said.items() if kind is SetMedia}
            case StopPlaying():
                lent.said.pop(Play, None)
            case Play(loop=False) if any(isinstance(said, Play) and said.loop for said in lent.said.values()):
                pass  # what loops goes on behind it
            case _:
                lent.said[type(command)] = command

    def _open_again(self, number: int) -> bool:
        """The heir has no such leg: open it, as for the first time, with what was said of it last. False where it is to go anyway."""
        leg = self.legs.get(number)
        if leg is None or leg.is_closing or leg.is_leaving:
            return False
        self._counters.add("legs_doubted")
        self.open_again(leg.opening, leg, None, leg.opened)
        self.flush()
        return True

    def _new_memory(self) -> Memory:
        return Memory.create(self._settings.rows, self._settings.rows // 2, self._settings.seats + TRANSFER_SEATS)


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
