"""Commands of the link carried out on the roster; every one is answered once, in its turn or when its gains were heard.

Refusals change nothing. A command that changes gains is answered after each listener whose gain changes was sent his first
packet with it, or after `PATIENCE` where he has no clock now (his remote does not receive, or nobody told where it is).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

import numpy as np

from mediaserver.link.messages import (
    Admit,
    AdoptLegs,
    Applied,
    CloseLeg,
    CloseTap,
    Command,
    Inherit,
    LoadSound,
    MoveLeg,
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
from mediaserver.worker.agreed import Agreements
from mediaserver.worker.moving import read_row, write_row
from mediaserver.worker.plan import CLOSING_SECONDS, Leg
from mediaserver.worker.ports import Ports
from mediaserver.worker.refusal import Refusal, member
from mediaserver.worker.reports import NAME_BYTES, Reports
from mediaserver.worker.rings import RingWriter
from mediaserver.worker.roster import ROLES, Full, Roster
from mediaserver.worker.securing import Securing
from mediaserver.worker.sounds import Sounds, load_lent
from mediaserver.worker.state import State
from mediaserver.worker.taps import Taps
from mixer.modes import WHISPER_TARGETS, Mode, Role

PATIENCE: Final = 0.1
"""Seconds that an answer waits for packets that may never be sent."""
MAX_GAIN: Final = 4.0
ENTROPY_BYTES: Final = 10


@dataclass(slots=True)
class _Pending:
    """A command that was carried out and is not answered yet."""

    request: int
    turn: int
    row: int
    call: int
    """Index of the call whose gains it changes; -1 for none."""
    waiting: list[int]
    """Rows of listeners whose gains still have to change."""
    until: float


class Desk:
    """Takes commands before a turn, and after it has the answers that are due."""

    def __init__(
        self,
        state: State,
        roster: Roster,
        sounds: Sounds,
        ports: Ports,
        reports: Reports,
        securing: Securing,
        taps: Taps,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._state = state
        self._reports = reports
        self._securing = securing
        self._taps = taps
        self._roster = roster
        self._sounds = sounds
        self._ports = ports
        self._entropy = entropy
        self._agreements = Agreements(state, ports, reports, securing, entropy)
        self._pending: list[_Pending] = []
        self._refused: list[Refused] = []
        self.released: Final[list[tuple[Released, tuple[int, int]]]] = []
        """Legs that were let go, with what is lent for each; to be told after the turn's packets were sent."""
        self.inherited = 0
        """Of an heir: the last request that the dead worker carried out. What it did not answer is told again."""

    def take(self, request: int, command: Command, descriptor: int, now: float, more: tuple[int, ...] = ()) -> None:
        """Carry out one command; its answer comes from `answers`. Lent descriptors are the desk's from now on."""
        try:
            if isinstance(command, ReleaseLeg):
                self._release(request, self._leg(command.leg), now)
                return
            if isinstance(command, ReceiveLeg):
                row, call = self._receive(command, descriptor, more), -1
            else:
                row, call = self._carry_out(request, command, descriptor, now)
        except (Refusal, Full) as refusal:
            self._refused.append(Refused(request, refusal.code, str(refusal)))
        else:
            turn = int(self._state.turn[0]) + 1
            self._pending.append(_Pending(request, turn, row, call, [], now + PATIENCE))
        finally:
            self._state.taken[0] = request

    def note_changing(self, changing: dict[int, list[int]]) -> None:
        """Tell what the turn's plan changed, by index of the call; before the turn's packets are made."""
        turn = int(self._state.turn[0])
        for pending in self._pending:
            if pending.turn == turn and pending.call in changing:
                pending.waiting = changing[pending.call]

    def answers(self, now: float) -> list[Applied | Refused]:
        """The answers that are due, after the turn's packets were sent."""
        answers: list[Applied | Refused] = [*self._refused]
        self._refused.clear()
        still: list[_Pending] = []
        for pending in self._pending:
            pending.waiting = [row for row in pending.waiting if self._is_changing(row)]
            if pending.waiting and now < pending.until:
                still.append(pending)
            else:
                answers.append(Applied(pending.request, pending.turn, pending.row))
        self._pending = still
        return answers

    def _is_changing(self, row: int) -> bool:
        mix = self._state.mix
        count = int(mix.count[row])
        return bool((mix.gain[row, :count] != mix.goal[row, :count]).any())

    def _carry_out(self, request: int, command: Command, descriptor: int, now: float) -> tuple[int, int]:
        """Row that the command names or -1, index of the call whose gains it changes or -1."""
        match command:
            case OpenLeg():
                return self._open(command, descriptor), -1
            case LoadSound():
                self._load(command, descriptor)
                return -1, -1
            case Ping():
                return -1, -1
            case Inherit() | AdoptLegs() | ReleaseLeg() | ReceiveLeg():
                raise Refusal("bad_value", "this worker has a memory already")
            case OpenReports():
                return self._open_reports(command, descriptor, now), -1
            case OpenTap():
                self._open_tap(command, descriptor, now)
                return -1, -1
            case CloseTap():
                self._close_tap(command)
                return -1, -1
        leg = self._leg(command.leg)
        match command:
            case SetMedia():
                self._agreements.take(leg, command, now)
            case MoveLeg():
                self._roster.move(leg, command.call, member(Role, command.role, "role"))
                return leg.row, leg.call
            case Admit():
                leg.seat.admitted = command.admitted
                self._state.leg.admitted[leg.row] = command.admitted
            case SetMode():
                self._set_mode(leg, command)
            case SetMuted():
                leg.seat.muted = command.muted
                self._state.leg.muted[leg.row] = command.muted
            case SetVolumes():
                self._set_volumes(leg, command)
            case Play() if request > self.inherited or self._state.mix.sound[leg.row] < 0:
                self._play(leg, command)
            case Play():
                pass  # it is being played since before the heir came
            case StopPlaying():
                self._state.mix.sound_goal[leg.row] = 0.0
            case CloseLeg():
                self._reports.goodbye(leg.row, now)
                self._ports.send_reports()
                self._ports.close(leg.row)
                self._roster.close(leg, now)
                return leg.row, -1
            case _:
                assert_never(command)
        self._roster.change(leg, gently=isinstance(command, SetMuted))
        return leg.row, leg.call if isinstance(command, Admit | SetMode | SetMuted | SetVolumes) else -1

    def _release(self, request: int, leg: Leg, now: float) -> None:
        lent = (write_row(self._state, leg.row), self._ports.let_go(leg.row))
        self._roster.close(leg, now - CLOSING_SECONDS)
        self.released.append((Released(request, int(self._state.turn[0]) + 1), lent))

    def _receive(self, command: ReceiveLeg, descriptor: int, more: tuple[int, ...]) -> int:
        content, connected = more
        try:
            if command.leg in self._roster.legs:
                raise Refusal("duplicate_leg", f"leg {command.leg} is open already")
            role = member(Role, command.role, "role")
            leg = self._roster.open(command.leg, command.call, role, strict=command.strict, entropy=0)
        except (Refusal, Full):
            os.close(descriptor)
            os.close(connected)
            raise
        else:
            return self._take_up(leg, command, descriptor, connected, content)
        finally:
            os.close(content)

    def _take_up(self, leg: Leg, command: ReceiveLeg, descriptor: int, connected: int, content: int) -> int:
        try:
            read_row(self._state, leg, content, is_new=command.is_new)
        except (OSError, ValueError) as error:
            os.close(descriptor)
            os.close(connected)
            self._roster.close(leg, 0.0)
            raise Refusal("bad_value", f"leg {leg.id} cannot be taken up: {error}") from error
        try:
            self._ports.take_up(leg.row, descriptor, connected)
        except OSError as error:
            self._roster.close(leg, 0.0)
            raise Refusal("bad_value", f"a descriptor lent for leg {leg.id} is no UDP socket: {error}") from error
        self._roster.change(leg)
        self._roster.arrived.append(leg.row)
        return leg.row

    def _leg(self, leg_id: int) -> Leg:
        try:
            return self._roster.legs[leg_id]
        except KeyError:
            raise Refusal("unknown_leg", f"this worker has no leg {leg_id}") from None

    def _open(self, command: OpenLeg, descriptor: int) -> int:
        try:
            if command.leg in self._roster.legs:
                raise Refusal("duplicate_leg", f"leg {command.leg} is open already")
            role = member(Role, command.role, "role")
            entropy = int.from_bytes(self._entropy(ENTROPY_BYTES), "little")
            leg = self._roster.open(command.leg, command.call, role, strict=command.strict, entropy=entropy)
        except (Refusal, Full):
            os.close(descriptor)
            raise
        try:
            self._ports.open(leg.row, descriptor)
        except OSError as error:
            self._roster.close(leg, 0.0)
            raise Refusal("bad_value", f"the lent descriptor is no UDP socket: {error}") from error
        name = self._entropy(NAME_BYTES)
        self._state.report.name[leg.row] = np.frombuffer(name, dtype=np.uint8)
        return leg.row

    def _open_reports(self, command: OpenReports, descriptor: int, now: float) -> int:
        try:
            leg = self._leg(command.leg)
        except Refusal:
            os.close(descriptor)
            raise
        try:
            self._ports.open_reports(leg.row, descriptor)
        except OSError as error:
            raise Refusal("bad_value", f"the lent descriptor is no UDP socket: {error}") from error
        self._state.report.is_open[leg.row] = True
        self._reports.schedule(leg.row, now)
        return leg.row

    def _open_tap(self, command: OpenTap, descriptor: int, now: float) -> None:
        try:
            ring = RingWriter(descriptor)
        except (OSError, ValueError) as error:
            raise Refusal("bad_value", f"the lent descriptor is no ring: {error}") from error
        call = self._roster.index_of(command.call)
        if call < 0:
            raise Refusal("unknown_call", f"this worker has no call {command.call}")
        try:
            self._taps.open(command.tap, call, command.call, member(Role, command.role, "role"), command.leg, ring, now)
        except ValueError as error:
            raise Refusal("bad_value", str(error)) from error
        self._roster.change_call(call)

    def _close_tap(self, command: CloseTap) -> None:
        call = self._taps.close(command.tap)
        if call < 0:
            raise Refusal("unknown_tap", f"this worker has no tap {command.tap}")
        self._roster.change_call(call)

    def _set_mode(self, leg: Leg, command: SetMode) -> None:
        mode, target = member(Mode, command.mode, "mode"), member(Role, command.target, "target")
        if leg.seat.role is not Role.SUPERVISOR:
            raise Refusal("bad_value", f"leg {leg.id} is a {leg.seat.role}; only a supervisor has a mode")
        if target not in WHISPER_TARGETS:
            raise Refusal("bad_value", f"nobody whispers to a {target}; a target is {' or '.join(sorted(WHISPER_TARGETS))}")
        leg.seat.mode, leg.seat.target = mode, target
        self._state.leg.mode[leg.row], self._state.leg.target[leg.row] = mode.rank + 1, ROLES.index(target)

    def _set_volumes(self, leg: Leg, command: SetVolumes) -> None:
        if not (0.0 <= command.hears <= MAX_GAIN and 0.0 <= command.heard <= MAX_GAIN):
            raise Refusal("bad_value", f"volumes {command.hears} and {command.heard}; they are 0 to {MAX_GAIN}")
        if leg.seat.role is not Role.SUPERVISOR:
            raise Refusal("bad_value", f"leg {leg.id} is a {leg.seat.role}; only a supervisor has volumes")
        leg.seat.hears, leg.seat.heard = float(command.hears), float(command.heard)
        self._state.leg.hears[leg.row], self._state.leg.heard[leg.row] = leg.seat.hears, leg.seat.heard

    def _play(self, leg: Leg, command: Play) -> None:
        sound = self._sounds.number(command.sound)
        if sound is None:
            raise Refusal("unknown_sound", f"no sound {command.sound!r} was loaded")
        mix, row = self._state.mix, leg.row
        mix.sound_behind[row] = -1 if command.loop else self._behind(row)
        mix.sound[row], mix.sound_position[row], mix.sound_loops[row] = sound, 0, command.loop
        mix.sound_gain[row], mix.sound_goal[row] = 0.0, 1.0

    def _behind(self, row: int) -> int:
        """The looping sound of a row that something said once goes before; tones of digits end by themselves."""
        mix = self._state.mix
        if mix.sound[row] < 0 or mix.sound_goal[row] == 0.0:
            return -1
        if not mix.sound_loops[row]:
            return int(mix.sound_behind[row])
        return int(mix.sound[row]) if mix.sound[row] >= self._sounds.first_loaded else -1

    def _load(self, command: LoadSound, descriptor: int) -> None:
        wrong = load_lent(self._sounds, command.sound, descriptor)
        if wrong:
            raise Refusal("bad_value", wrong)
