"""A leg made from its row: what its worker knew of it beside the arrays, as an heir or another worker needs it."""

from typing import Final

from mediaserver.worker.latches import read_latch
from mediaserver.worker.plan import Leg
from mediaserver.worker.roster import ROLES
from mediaserver.worker.state import State
from mixer.gains import Seat
from mixer.modes import Mode, Role

MODES: Final = {mode.rank + 1: mode for mode in Mode}
"""Modes by the number that stands for them in shared memory."""


def read_leg(state: State, row: int) -> Leg:
    """The leg of a row, whose call is still to be set."""
    arrays = state.leg
    role, mode = ROLES[arrays.role[row]], MODES.get(int(arrays.mode[row]))
    seat = Seat(
        role,
        mode=mode,
        target=ROLES[arrays.target[row]] if mode is not None else None,
        admitted=bool(arrays.admitted[row]),
        muted=bool(arrays.muted[row]),
        sends=bool(arrays.remote_sends[row]),
        hears=float(arrays.hears[row]) if role is Role.SUPERVISOR else 1.0,
        heard=float(arrays.heard[row]) if role is Role.SUPERVISOR else 1.0,
    )
    return Leg(
        id=int(arrays.id[row]),
        row=row,
        call=-1,
        seat=seat,
        latch=read_latch(state, row),
        has_media=bool(arrays.has_media[row]),
        receives=bool(arrays.remote_receives[row]),
        codec=int(arrays.codec[row]),
        clock=int(arrays.clock[row]),
        frame=int(arrays.frame[row]),
    )
