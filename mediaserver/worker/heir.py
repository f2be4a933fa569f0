"""The heir: what a dead worker left in its memory becomes legs and calls again, and its sockets are taken up.

Rules:
- signalling names the legs that live; whatever else lies in the memory ends here and now;
- a row that does not hold its leg, or holds what cannot be, is doubted: signalling opens that leg anew;
- numbers were noted before they were sent; where the last turn was not finished, they leap by `SKIPPED` all the same;
- what is older than the newest packet of a source is late: whether it was sent already is not known for certain;
- the plan of a call stands, with its gains; but one that was to be made anew, or was just being made, or lists a leg that is gone,
  is made from nothing, so that nobody whom it does not grant is heard even for the length of a ramp;
- reading begins anew near the newest frames, with a ramp; sounds go on where they were;
- the server's clock goes on from now: numbers and timestamps leap over what was not sent, as if it had been lost.
"""

import os
from dataclasses import dataclass
from typing import Final

import numpy as np

from mediaserver.worker.agreed import MAX_FRAME
from mediaserver.worker.commands import MAX_GAIN
from mediaserver.worker.listening import read_anew
from mediaserver.worker.plan import Leg
from mediaserver.worker.ports import Ports
from mediaserver.worker.remembered import MODES, read_leg
from mediaserver.worker.roster import ROLES, Roster
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.state import Kind, State
from mixer.formats import FORMATS
from rtp.arrays import Bools, Int64
from rtp.sender import hold_over
from rtp.stream import BLOCK_SECONDS

SKIPPED: Final = 4
"""Numbers left out after a turn that was not finished: more than one turn sends to a leg."""


@dataclass(frozen=True, slots=True)
class Estate:
    """The legs that live (n)."""

    legs: Int64
    calls: Int64
    """Ids."""
    rows: Int64
    sockets: tuple[int, ...]
    """Descriptors, ours from now on."""


def take_over(state: State, roster: Roster, sounds: Sounds, ports: Ports, estate: Estate, now: float) -> list[int]:
    """Go on with the legs of a memory that is nobody else's any more; the ids of those that are doubted."""
    sound = _are_sound(state, estate)
    rows = estate.rows[sound]
    outdated = _outdated(state, rows)
    _end_others(state, rows)
    if state.begun[0] != state.turn[0]:
        _skip_numbers(state, rows)
    _raise_floors(state, rows)
    _go_on(state, sounds, rows, now)
    state.handling[0] = 0
    state.report.is_open[:] = False  # until signalling lends those ports again
    legs = [read_leg(state, row) for row in rows.tolist()]
    roster.restore(list(zip(legs, estate.calls[sound].tolist(), outdated.tolist(), strict=True)))
    lent = iter(legs)
    for is_sound, descriptor in zip(sound.tolist(), estate.sockets, strict=True):
        if is_sound:
            _take_up(ports, next(lent), descriptor, roster, now)
        else:
            os.close(descriptor)
    return [leg for leg in estate.legs.tolist() if leg not in roster.legs]


def _are_sound(state: State, estate: Estate) -> Bools:
    """Which legs' rows (n) hold what they should."""
    rows = np.clip(estate.rows, 0, state.rows - 1)
    leg, mix = state.leg, state.mix
    _, first = np.unique(rows, return_index=True)
    once = np.zeros(len(rows), dtype=np.bool_)
    once[first] = True
    tests = (
        once,
        rows == estate.rows,
        leg.id[rows] == estate.legs,
        leg.role[rows] < len(ROLES),
        leg.target[rows] < len(ROLES),
        leg.mode[rows] <= len(MODES),
        (leg.codec[rows] >= 0) & (leg.codec[rows] < len(FORMATS)),
        leg.ticks[rows] > 0,
        (leg.frame[rows] >= 1) & (leg.frame[rows] <= MAX_FRAME),
        (leg.hears[rows] >= 0.0) & (leg.hears[rows] <= MAX_GAIN),
        (leg.heard[rows] >= 0.0) & (leg.heard[rows] <= MAX_GAIN),
        mix.kind[rows] <= max(Kind),
        (mix.count[rows] >= 0) & (mix.count[rows] <= state.seats),
        (state.sender.ssrc[rows] > 0) & (state.sender.sequence[rows] >= 0),
        np.isfinite(state.stream.jitter[rows]) & np.isfinite(state.report.round_trip[rows]) & np.isfinite(state.report.jitter[rows]),
        (leg.codec[rows] >= 0) & (leg.codec[rows] < len(FORMATS)),
        np.isfinite(state.noise.transit[rows] + state.noise.level[rows] + state.noise.goal[rows]),
        np.isfinite(state.noise.response[rows]).all(axis=1),
    )
    sound: Bools = np.logical_and.reduce(tests)
    return sound


def _outdated(state: State, rows: Int64) -> Bools:
    """Of which rows (n) the call's plan is not to be trusted."""
    mix, lives = state.mix, np.zeros(state.rows, dtype=np.bool_)
    lives[rows] = True
    call = np.clip(state.leg.call[rows], 0, state.calls - 1)
    seated = state.call_rows
    has_lost = np.asarray(((seated >= 0) & ~lives[np.clip(seated, 0, state.rows - 1)]).any(axis=1))
    listed = np.arange(state.seats) < mix.count[rows][:, None]
    source = np.clip(mix.source[rows], 0, state.rows - 1)
    stranger = listed & (~lives[source] | (state.leg.call[source] != call[:, None]))
    fades = listed & (mix.gain[rows] != mix.goal[rows])
    wanted = (state.call_changed[call] != 0) | has_lost[call] | (stranger | fades).any(axis=1)
    changed = np.zeros(state.calls, dtype=np.bool_)
    changed[call[wanted]] = True
    outdated: Bools = changed[call]
    return outdated


def _end_others(state: State, rows: Int64) -> None:
    """Rows that are nobody's: nothing is sent to them, and none clocks or is heard. They are wiped when they are given out."""
    gone = np.ones(state.rows, dtype=np.bool_)
    gone[rows] = False
    state.secured.suite[gone] = state.secured.send_key[gone] = state.secured.receive_key[gone] = 0
    state.leg.id[gone] = state.mix.main[gone] = state.mix.followers[gone] = -1
    state.mix.kind[gone] = state.mix.wanted[gone] = state.mix.count[gone] = state.noise.is_on[gone] = 0
    state.mix.next_due[gone] = state.report.next_at[gone] = np.inf


def _skip_numbers(state: State, rows: Int64) -> None:
    state.sender.sequence[rows] += SKIPPED
    state.sender.sequence_offset[rows] += SKIPPED
    state.serial[0] += state.rows


def _raise_floors(state: State, rows: Int64) -> None:
    followers = rows[state.mix.main[rows] >= 0]
    main = np.clip(state.mix.main[followers], 0, state.rows - 1)
    same = np.abs(state.sender.anchor[followers]) == state.stream.serial[main]
    state.sender.floor[followers[same]] = state.stream.highest[main[same]] + 1


def _go_on(state: State, sounds: Sounds, rows: Int64, now: float) -> None:
    """Set where the reading and the clocks of rows (n) begin again."""
    mix, sender = state.mix, state.sender
    read_anew(state, rows)
    mix.narrow[rows] = np.clip(mix.narrow[rows], 0, mix.count[rows])
    mix.sound_behind[rows[(mix.sound_behind[rows] >= sounds.count) | (mix.sound_goal[rows] == 0.0)]] = -1
    mix.sound[rows[(mix.sound[rows] >= sounds.count) | (mix.sound_goal[rows] == 0.0)]] = -1
    mix.sound_gain[rows] = 0.0
    state.leg.closes_at[rows] = 0.0
    clocked = rows[mix.kind[rows] == Kind.CLOCKED]
    main = np.clip(mix.main[clocked], 0, state.rows - 1)
    mix.next_due[clocked] = now + hold_over(state.leg.frame[clocked], state.stream.jitter[main])
    late = rows[(mix.kind[rows] == Kind.SERVER) & (mix.next_due[rows] < now)]
    frame = state.leg.frame[late]
    missed = np.ceil((now - mix.next_due[late]) / (frame * BLOCK_SECONDS)).astype(np.int64)
    mix.next_due[late] += missed * frame * BLOCK_SECONDS
    mix.pause[late] += missed * frame * state.leg.ticks[late]
    sender.sequence[late] += missed


def _take_up(ports: Ports, leg: Leg, descriptor: int, roster: Roster, now: float) -> None:
    try:
        ports.open(leg.row, descriptor)
    except OSError:
        roster.close(leg, now)
        return
    if leg.latch.source is not None:
        ports.aim(leg.row, leg.latch.source)
