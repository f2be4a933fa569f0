"""A leg on its way from worker to worker: its row as bytes in a memory file, read by another worker into a row of its own.

Numbers, keys, counters and meters go along as they are. What only the old worker's rows mean is begun anew: whom the leg hears comes from
the call's next plan, its stream gets a number of this worker, and with its next packet it is anchored under the next numbers. What
the server clocks keeps its rhythm. Datagrams that wait in the sockets go along unread, so none is lost.
"""

import os

import numpy as np

from mediaserver.worker.plan import Leg, begin_anew
from mediaserver.worker.remembered import read_leg
from mediaserver.worker.roster import ROLES
from mediaserver.worker.state import State

_LARGEST = 1 << 20


def write_row(state: State, row: int) -> int:
    """A memory file with a row; the caller owns the descriptor."""
    descriptor = os.memfd_create("mediaserver-row", os.MFD_CLOEXEC)
    os.pwrite(descriptor, state.memory.row_content(row), 0)
    return descriptor


def read_row(state: State, leg: Leg, descriptor: int, *, is_new: bool) -> None:
    """Take a row that another worker wrote for a leg that has its row and seat here; `ValueError` where it is not that leg's."""
    row, seat = leg.row, int(state.leg.seat[leg.row])
    state.memory.set_row(row, os.pread(descriptor, _LARGEST, 0))
    arrays = state.leg
    if int(arrays.id[row]) != leg.id:
        raise ValueError(f"the row is that of leg {int(arrays.id[row])}, not of leg {leg.id}")
    arrays.call[row], arrays.seat[row] = leg.call, seat
    arrays.role[row], arrays.strict[row] = ROLES.index(leg.seat.role), leg.latch.strict
    _number_anew(state, row)
    _hear_nobody(state, row)
    if is_new:
        begin_anew(state, row)
    state.note_codecs()
    state.has_noise |= bool(state.noise.is_on[row])
    known = read_leg(state, row)
    leg.seat, leg.latch = known.seat, known.latch
    leg.has_media, leg.receives = known.has_media, known.receives
    leg.codec, leg.clock, leg.frame = known.codec, known.clock, known.frame


def _number_anew(state: State, row: int) -> None:
    """Serials are counted by each worker."""
    state.sender.anchor[row] = 0
    if state.stream.serial[row]:
        state.serial[0] += 1
        if state.report.serial[row] == state.stream.serial[row]:
            state.report.serial[row] = state.serial[0]
        state.stream.serial[row] = state.serial[0]


def _hear_nobody(state: State, row: int) -> None:
    mix = state.mix
    mix.count[row] = mix.narrow[row] = mix.wanted[row] = 0
    mix.main[row] = mix.followers[row] = -1
    mix.ducked_until[row] = 0.0
    mix.gain[row] = mix.goal[row] = np.float32(0.0)
    state.report.is_open[row] = False  # until signalling lends that port too
