"""Who is here: legs and calls by id and by row, rows and seats given and taken back, plans made anew where something changed."""

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from mediaserver.worker.plan import CLOSING_SECONDS, Call, Leg, begin_anew, duck, forget_source, plan_call
from mediaserver.worker.state import State
from mixer.gains import Seat
from mixer.modes import Role
from rtp.latch import Latch

ROLES: Final = tuple(Role)
"""Roles by the number that stands for them in shared memory."""

REVIEWED_A_TURN: Final = 4
"""Calls that an heir plans anew each turn until it has been through all: what the dead worker was about to notice is not lost."""


class Full(Exception):
    """No row, no call, or no seat in the call is to be had; the text says which."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Roster:
    """Legs, calls, rows and seats. Changes are collected and planned together by `plan` at the start of a turn."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.legs: Final[dict[int, Leg]] = {}
        """Living legs by id."""
        self.by_row: Final[list[Leg | None]] = [None] * state.rows
        """Legs by row, those that are closing too."""
        self._calls: Final[dict[int, Call]] = {}
        self._call_at: Final[list[Call | None]] = [None] * state.calls
        self._free_rows = list(range(state.rows - 1, -1, -1))
        self._free_calls = list(range(state.calls - 1, -1, -1))
        self._changed: dict[int, bool] = {}
        self._closing: list[Leg] = []
        self._to_review: deque[int] = deque()
        self.arrived: Final[list[int]] = []
        """Rows that came from another worker, with all that lies in them, since the last turn was planned."""
        self.inherited: Final[list[int]] = []
        """Rows that were a dead worker's, until a turn was planned with them."""
        self.ended: Final[list[int]] = []
        """Rows that were taken back by the last `plan`."""

    def open(self, leg_id: int, call_id: int, role: Role, *, strict: bool, entropy: int) -> Leg:
        """Give a new leg a row and a seat; `Full` where there is none."""
        call = self._calls.get(call_id)
        if call is not None and len(call.legs) >= self._state.seats:
            raise Full("no_seat", f"call {call_id} has all of its {self._state.seats} seats taken")
        if not self._free_rows or (call is None and not self._free_calls):
            raise Full("no_row", f"all {self._state.rows} rows or {self._state.calls} calls of this worker are taken")
        if call is None:
            call = self._open_call(call_id)
        leg = Leg(leg_id, self._free_rows.pop(), call.index, Seat(role), Latch(strict))
        call.legs.append(leg)
        self.legs[leg_id] = leg
        self.by_row[leg.row] = leg
        self._state.wipe(leg.row)
        self._state.sender.begin(leg.row, entropy)
        self._write_identity(leg, call)
        return leg

    def restore(self, legs: Sequence[tuple[Leg, int, bool]]) -> None:
        """Seat legs that have their rows already, with the ids of their calls, and whether the call's plan is to be made anew."""
        planned: set[int] = set()
        for leg, call_id, is_outdated in sorted(legs, key=lambda entry: int(self._state.leg.seat[entry[0].row])):
            call = self._calls.get(call_id)
            if call is None:
                call = self._calls[call_id] = Call(call_id, self._free_calls.pop())
                self._call_at[call.index] = call
            leg.call = call.index
            call.legs.append(leg)
            self.legs[leg.id] = leg
            self.by_row[leg.row] = leg
            self.inherited.append(leg.row)
            if is_outdated:
                planned.add(call.index)
        self._free_rows = [row for row in self._free_rows if self.by_row[row] is None]
        self._write_everybody(planned)

    def _write_everybody(self, planned: set[int]) -> None:
        state = self._state
        state.call_id[:] = state.call_rows[:] = -1
        state.call_changed[:] = False
        for call in self._calls.values():
            state.call_id[call.index] = call.id
            for leg in call.legs:
                state.leg.call[leg.row] = call.index
            self._write_seats(call)
            if call.index in planned:
                state.mix.count[[leg.row for leg in call.legs]] = 0
                self.change(call.legs[0])
        self._to_review.extend(call.index for call in self._calls.values())

    def move(self, leg: Leg, call_id: int, role: Role) -> None:
        """Take a leg into another call, where it is as new; of the old one it hears nothing from this turn on. `Full`: no seat.

        A call that has nobody yet begins with it.
        """
        call, old = self._calls.get(call_id), self._call_at[leg.call]
        assert old is not None
        if call is old:
            raise Full("bad_value", f"leg {leg.id} is in call {call_id} already")
        if call is None and not self._free_calls:
            raise Full("no_row", f"all {self._state.calls} calls of this worker are taken")
        if call is not None and len(call.legs) >= self._state.seats:
            raise Full("no_seat", f"call {call_id} has all of its {self._state.seats} seats taken")
        if call is None:
            call = self._open_call(call_id)
        self._leave(old, leg)
        call.legs.append(leg)
        leg.call, leg.seat = call.index, Seat(role, sends=leg.seat.sends)
        begin_anew(self._state, leg.row)
        self._write_identity(leg, call)
        self.change(leg)

    def _leave(self, call: Call, leg: Leg) -> None:
        """Take a leg out of its call at once."""
        self._state.call_changed[call.index] = True
        call.legs.remove(leg)
        forget_source(self._state, call.legs, leg.row)
        self._write_seats(call)
        if call.legs:
            self.change(call.legs[0])
        else:
            self._close_call(call)

    def close(self, leg: Leg, now: float) -> None:
        """End a leg: from now on it hears nobody; its voice fades where it is being mixed, then its row is free."""
        del self.legs[leg.id]
        leg.closes_at = self._state.leg.closes_at[leg.row] = now + CLOSING_SECONDS
        self._closing.append(leg)
        self.change(leg)

    def change(self, leg: Leg, *, gently: bool = False) -> None:
        """The leg's call needs a new plan; ``gently`` as in `plan_call`."""
        self._changed[leg.call] = self._changed.get(leg.call, False) or gently
        self._state.call_changed[leg.call] = True

    def change_row(self, row: int) -> None:
        """As `change`, by row."""
        leg = self.by_row[row]
        if leg is not None:
            self.change(leg)

    def duck_row(self, row: int) -> None:
        """As `mediaserver.worker.plan.duck`, by row; a call that needs a new plan gets it with that."""
        leg = self.by_row[row]
        call = None if leg is None else self._call_at[leg.call]
        if leg is not None and call is not None and call.index not in self._changed:
            duck(self._state, call, leg)

    def plan(self, now: float) -> dict[int, list[int]]:
        """Plan the calls that changed; by index of the call, the rows of listeners whose gains are about to change."""
        self.ended.clear()
        for _ in range(min(len(self._to_review), REVIEWED_A_TURN)):
            call = self._call_at[self._to_review.popleft()]
            if call is not None and call.legs:
                self.change(call.legs[0])
        changing = self._plan_changed(now)
        if self._closing:
            self._take_back(now)
            changing |= self._plan_changed(now)
        return changing

    def index_of(self, call_id: int) -> int:
        """Where a call stands in the arrays; -1 where this worker has none of that id."""
        call = self._calls.get(call_id)
        return -1 if call is None else call.index

    def change_call(self, index: int) -> None:
        """A call needs a new plan."""
        call = self._call_at[index]
        if call is not None and call.legs:
            self.change(call.legs[0])

    def companions(self, leg: Leg) -> list[Leg]:
        """The other legs of a leg's call."""
        call = self._call_at[leg.call]
        return [] if call is None else [other for other in call.legs if other is not leg]

    def _plan_changed(self, now: float) -> dict[int, list[int]]:
        if not self._changed:
            return {}
        changed, self._changed = self._changed, {}
        plans = {index: self._call_at[index] for index in changed}
        changing = {index: plan_call(self._state, call, now, gently=changed[index]) for index, call in plans.items() if call is not None}
        self._state.call_changed[list(changed)] = False
        return changing

    def _take_back(self, now: float) -> None:
        for leg in [leg for leg in self._closing if leg.closes_at <= now or not self._is_heard(leg)]:
            self._closing.remove(leg)
            call = self._call_at[leg.call]
            assert call is not None
            self._leave(call, leg)
            self._state.wipe(leg.row)
            self.by_row[leg.row] = None
            self._free_rows.append(leg.row)
            self.ended.append(leg.row)

    def _is_heard(self, leg: Leg) -> bool:
        mix = self._state.mix
        return any(leg.row in mix.source[other.row, : int(mix.count[other.row])] for other in self.companions(leg))

    def _open_call(self, call_id: int) -> Call:
        call = Call(call_id, self._free_calls.pop())
        self._calls[call_id] = self._call_at[call.index] = call
        self._state.call_id[call.index] = call_id
        return call

    def _close_call(self, call: Call) -> None:
        self._changed.pop(call.index, None)
        self._call_at[call.index] = None
        del self._calls[call.id]
        self._state.call_id[call.index] = -1
        self._free_calls.append(call.index)

    def _write_identity(self, leg: Leg, call: Call) -> None:
        arrays = self._state.leg
        arrays.id[leg.row], arrays.call[leg.row] = leg.id, call.index
        arrays.role[leg.row] = ROLES.index(leg.seat.role)
        arrays.strict[leg.row] = leg.latch.strict
        arrays.hears[leg.row] = arrays.heard[leg.row] = 1.0
        arrays.frame[leg.row] = leg.frame
        self._write_seats(call)

    def _write_seats(self, call: Call) -> None:
        self._state.call_rows[call.index] = np.array([leg.row for leg in call.legs] + [-1] * (self._state.seats - len(call.legs)))
        for seat, leg in enumerate(call.legs):
            self._state.leg.seat[leg.row] = seat
