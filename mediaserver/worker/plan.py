"""The plan of a call: from seats and what they negotiated to who hears whom, at which gain and by which clock.

It is made anew whenever something about a call changes, never in between; the turn only follows it. Rules for a listener:

- sources are those whose gain is not 0, or who are still fading out; those of one rate stand together, the main one first;
- a party's *main* source is the first party among them; a supervisor has none: he is clocked by the server;
- one source alone, at unity, in the same codec and packet time: passed through; not in a pause that he would not be told of;
- with a main source of the same packet time: clocked by it, under its numbers (own numbers, where the codec differs);
- else clocked by the server: no main source, or one with another packet time;
- who is whispered to hears the other parties more softly meanwhile (`mediaserver.worker.ducking`);
- a supervisor hears each party as much louder as is to be evened out (`mediaserver.worker.evening`);
- a supervisor in stereo hears each source at its side (`mixer.gains.ears`);
- a party with nobody to hear is sent silence while another party is there, and nothing where none is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from mediaserver.worker.pacing import first_strike
from mediaserver.worker.state import Kind, Mixes, Smooth, State, Wanted
from mixer.formats import FORMATS, WIDEBAND
from mixer.gains import Seat, ears, gain
from mixer.modes import PARTIES, Mode, Role
from rtp.arrays import Int64
from rtp.latch import Latch
from rtp.playout import UNREAD
from rtp.sender import hold_over, pause_blocks
from rtp.stream import BLOCK_SECONDS, BLOCKS_A_SECOND

CLOSING_SECONDS: Final = 0.1
"""How long a closed leg's voice may take to fade before its row is taken."""
_EAR: Final = Seat(Role.SUPERVISOR, admitted=True)
"""Whom nobody who may be tapped is silent to."""
_GOLDEN: Final = 0.6180339887
_MONO: Final = (1.0, 1.0)


@dataclass(slots=True)
class Leg:
    """What the worker knows of a leg beside its row's arrays; the heir makes it from those."""

    id: int
    row: int
    call: int
    """Index of the call."""
    seat: Seat
    latch: Latch
    has_media: bool = False
    receives: bool = False
    """Whether its remote said that it receives, and where."""
    codec: int = 0
    clock: int = 8000
    """RTP ticks a second."""
    frame: int = 2
    """Blocks in a packet that we send."""
    closes_at: float = 0.0

    @property
    def ticks(self) -> int:
        """RTP ticks of a block."""
        return self.clock // BLOCKS_A_SECOND

    @property
    def wide(self) -> bool:
        """Whether its codec is a wideband one."""
        return FORMATS[self.codec].sample_rate == WIDEBAND


@dataclass(slots=True)
class Call:
    """A call's legs in the order of their seats."""

    id: int
    index: int
    legs: list[Leg] = field(default_factory=list)


@dataclass(slots=True)
class _Source:
    """A source of one listener while the plan is made."""

    row: int
    goal: float
    gain: float
    listed: int = -1
    """Its place in the list until now; -1 for none."""
    is_party: bool = False
    blocks: int = 0
    codec: int = 0
    wide: bool = False
    is_noise: bool = False
    """It pauses, and the listener hears noise of ours meanwhile (`mediaserver.worker.comfort_noise`)."""
    ears: tuple[float, float] = _MONO


def plan_call(state: State, call: Call, now: float, *, gently: bool) -> list[int]:
    """Write the plan of one call into the arrays; the rows of listeners whose gains change with their next packet.

    gently: party to party too, a source that was not heard before comes with a ramp (an unmuted microphone).
    """
    before = {leg.row: bool(state.mix.wanted[leg.row]) for leg in call.legs}
    for leg in call.legs:
        state.mix.followers[leg.row] = -1
        is_ready = leg.seat.role is Role.SUPERVISOR and leg.seat.admitted
        state.mix.wanted[leg.row] = Wanted.READY if is_ready or state.leg.digits_in_band[leg.row] else Wanted.NOT
        state.mix.ducks[leg.row] = _whispered_to(leg, call.legs)
    changing = [leg.row for leg in call.legs if _plan_listener(state, leg, call.legs, now, gently=gently)]
    if state.call_tapped[call.index]:
        state.mix.wanted[[leg.row for leg in call.legs if gain(leg.seat, _EAR)]] = Wanted.HEARD
    for leg in call.legs:
        if state.mix.wanted[leg.row] and not before[leg.row]:
            state.forget_voice(leg.row)
    return changing


def duck(state: State, call: Call, leg: Leg) -> None:
    """Have a listener hear the parties more softly from now on, or as loudly as before; all else of his call's plan stays as it is."""
    mix, row = state.mix, leg.row
    is_ducked = _is_ducked(state, leg, call.legs)
    place = {int(source): index for index, source in enumerate(mix.source[row, : int(mix.count[row])].tolist())}
    for speaker in call.legs:
        if speaker.row in place:
            mix.goal[row, place[speaker.row]] = _goal(state, speaker, leg, is_ducked=is_ducked)
    if (mix.goal[row, : len(place)] != mix.gain[row, : len(place)]).any():
        mix.plain[row] = 0


def forget_source(state: State, listeners: Sequence[Leg], row: int) -> None:
    """Cut a source out of every listener's list at once: its row is about to be another leg's."""
    mix = state.mix
    for leg in listeners:
        count = int(mix.count[leg.row])
        keep = [index for index in range(count) if mix.source[leg.row, index] != row]
        if len(keep) == count:
            continue
        for array in (mix.source, mix.gain, mix.goal, mix.margin, mix.move, mix.asked, mix.ears, *_reading(mix)):
            array[leg.row, : len(keep)] = array[leg.row, keep]
        mix.count[leg.row] = len(keep)
        mix.narrow[leg.row] = len(keep) - int(state.leg.wide[mix.source[leg.row, : len(keep)]].sum())


def begin_anew(state: State, row: int) -> None:
    """Leave nothing in a row of whom its leg heard, and of what it said, in the call that it leaves. Its numbers go on."""
    mix = state.mix
    mix.count[row] = mix.wanted[row] = 0
    mix.main[row] = mix.sound[row] = mix.sound_behind[row] = mix.paced_by[row] = -1
    mix.sound_goal[row] = mix.sound_gain[row] = 0.0
    state.forget_voice(row)
    mix.ducks[row], mix.ducked_until[row] = -1, 0.0
    for flags in (state.leg.stereo, state.leg.admitted, state.leg.muted, state.leg.mode, state.leg.target):
        flags[row] = 0


def _whispered_to(leg: Leg, legs: Sequence[Leg]) -> int:
    """Row of the one to whom this leg whispers; -1 where it does not."""
    if leg.seat.mode is not Mode.WHISPER or leg.closes_at:
        return -1
    return next((other.row for other in legs if other.seat.role is leg.seat.target and gain(leg.seat, other.seat)), -1)


def _reading(mix: Mixes) -> tuple[Int64, ...]:
    """Arrays (row, seats) that say how far each source was read."""
    return mix.read, mix.offset, mix.gap, mix.gap_at, mix.lag, mix.waited


def _plan_listener(state: State, leg: Leg, legs: Sequence[Leg], now: float, *, gently: bool) -> bool:
    mix, row = state.mix, leg.row
    sources = _sources(state, leg, legs, gently=gently)
    if leg.closes_at or not (leg.has_media and leg.receives):
        sources = []
        if mix.sound_goal[row] == 0.0:
            mix.sound[row] = mix.sound_behind[row] = -1
        kind, main = Kind.NONE, None
    else:
        kind, main = _clock(leg, sources, legs, plays=bool(mix.sound[row] >= 0), was_main=int(mix.main[row]))
    leads_wide = leg.wide if main is None else main.wide
    sources.sort(key=lambda source: (source.wide != leads_wide, source is not main))
    mix.leads_wide[row] = leads_wide
    _write_sources(state, leg, sources)
    _write_clock(state, leg, kind, main, sources, now)
    return bool(np.any(mix.gain[row, : len(sources)] != mix.goal[row, : len(sources)])) or bool(mix.sound_gain[row] != mix.sound_goal[row])


def _sources(state: State, leg: Leg, legs: Sequence[Leg], *, gently: bool) -> list[_Source]:
    mix, row = state.mix, leg.row
    listed = {int(mix.source[row, index]): index for index in range(int(mix.count[row]))}
    sources: list[_Source] = []
    is_ducked = _is_ducked(state, leg, legs)
    for speaker in legs:
        if speaker is leg:
            continue
        goal = _goal(state, speaker, leg, is_ducked=is_ducked)
        index = listed.get(speaker.row)
        if index is not None:
            source = _Source(speaker.row, goal, float(mix.gain[row, index]), index)
        else:
            is_first = not gently and speaker.seat.role in PARTIES and leg.seat.role in PARTIES
            source = _Source(speaker.row, goal, goal if is_first else 0.0)
        source.is_party = speaker.seat.role in PARTIES
        source.blocks = int(state.stream.blocks[speaker.row]) or speaker.frame
        source.codec, source.wide = speaker.codec, speaker.wide
        takes_noise = state.leg.send_noise_payload_type[row] >= 0 and mix.kind[row] == Kind.PASS
        source.is_noise = bool(state.noise.is_on[speaker.row]) and not takes_noise
        if state.leg.stereo[row]:
            source.ears = _ears(state, leg, source, speaker, legs)
        if source.goal or source.gain:
            sources.append(source)
    return sources


def _is_ducked(state: State, leg: Leg, legs: Sequence[Leg]) -> bool:
    """Whether a listener hears the parties more softly now, somebody whispering to him."""
    return bool(state.mix.ducked_until[leg.row] > 0.0) and any(state.mix.ducks[speaker.row] == leg.row for speaker in legs)


def _goal(state: State, speaker: Leg, leg: Leg, *, is_ducked: bool) -> float:
    """The gain at which a leg shall hear a speaker."""
    goal = 0.0 if speaker.closes_at or leg.closes_at else gain(speaker.seat, leg.seat)
    if is_ducked and speaker.seat.role in PARTIES:
        goal *= state.duck_gain
    if state.evens_out and leg.seat.role is Role.SUPERVISOR and speaker.seat.role in PARTIES:
        goal *= 10 ** (float(state.meter.evened[speaker.row]) / 20)
    return goal


def _ears(state: State, leg: Leg, source: _Source, speaker: Leg, legs: Sequence[Leg]) -> tuple[float, float]:
    """Where who hears in stereo hears a source: as long as it is listed, where it was in the beginning, whoever joins and leaves."""
    if source.listed >= 0:
        left, right = state.mix.ears[leg.row, source.listed].tolist()
        if (left, right) != _MONO:
            return left, right
    return ears(speaker.seat.role, {other.seat.role for other in legs if not other.closes_at})


def _clock(leg: Leg, sources: Sequence[_Source], legs: Sequence[Leg], *, plays: bool, was_main: int) -> tuple[Kind, _Source | None]:
    if leg.seat.role is Role.SUPERVISOR:
        return (Kind.SERVER if leg.seat.admitted or sources or plays else Kind.NONE), None
    parties = [source for source in sources if source.is_party]
    main = next((source for source in parties if source.row == was_main), parties[0] if parties else None)
    if main is None:
        has_company = leg.seat.admitted and any(
            other is not leg and other.seat.admitted and other.seat.role in PARTIES and not other.closes_at for other in legs
        )
        return (Kind.SERVER if sources or plays or has_company else Kind.NONE), None
    if main.blocks != leg.frame:
        return Kind.SERVER, None
    alone = len(sources) == 1 and not plays and main.gain == main.goal == 1.0 and not main.is_noise
    return (Kind.PASS if alone and main.codec == leg.codec else Kind.CLOCKED), main


def _write_sources(state: State, leg: Leg, sources: Sequence[_Source]) -> None:
    mix, row = state.mix, leg.row
    kept = [source.listed for source in sources]
    is_new = np.array(kept, dtype=np.int64) < 0
    for array in _reading(mix):
        array[row, : len(kept)] = np.where(is_new, UNREAD if array is mix.read else 0, array[row, kept])
    for index, source in enumerate(sources):
        mix.source[row, index] = source.row
        mix.margin[row, index] = np.inf
        mix.move[row, index] = mix.asked[row, index] = 0
        mix.gain[row, index] = source.gain
        mix.goal[row, index] = source.goal
        mix.ears[row, index] = source.ears
    mix.count[row] = len(sources)
    mix.narrow[row] = sum(not source.wide for source in sources)
    mix.plain[row] = mix.sound[row] < 0 and all(source.gain == source.goal == 1.0 for source in sources)
    mix.smooth[row] = Smooth.WHOLLY if mix.sound[row] < 0 and not mix.gap[row, : len(sources)].any() else Smooth.NOT


def _write_clock(state: State, leg: Leg, kind: Kind, main: _Source | None, sources: Sequence[_Source], now: float) -> None:
    mix, row = state.mix, leg.row
    before = Kind(int(mix.kind[row]))
    mix.kind[row] = kind
    mix.main[row] = -1 if main is None else main.row
    own_numbers = main is not None and main.codec != leg.codec
    if own_numbers != bool(mix.own_numbers[row]):
        state.sender.anchor[row] = 0
    mix.own_numbers[row] = own_numbers
    if main is not None:
        followers = mix.followers[main.row]
        column = int(np.argmax(followers < 0))
        followers[column] = row
        state.follower_columns = max(state.follower_columns, column + 1)
        if before in (Kind.NONE, Kind.SERVER):
            state.sender.anchor[row] = 0
    if kind in (Kind.CLOCKED, Kind.SERVER):
        for source in mix.source[row, : int(mix.count[row])].tolist():
            mix.wanted[source] = Wanted.HEARD
    match kind:
        case Kind.SERVER if before is not Kind.SERVER:
            spread = now + leg.frame * BLOCK_SECONDS * ((row * _GOLDEN) % 1.0)
            mix.paced_by[row], mix.slew[row] = -1, 0.0
            mix.next_due[row] = (first_strike(state, row, now) if len(sources) else None) or spread
            missed = pause_blocks(state.sender, row, leg.frame, float(mix.next_due[row])) - leg.frame
            mix.pause[row] = missed * leg.ticks
        case Kind.SERVER if mix.paced_by[row] < 0 and sources:
            mix.next_due[row] = first_strike(state, row, float(mix.next_due[row])) or mix.next_due[row]
        case Kind.CLOCKED if before is not Kind.CLOCKED and main is not None:
            mix.offset[row, 0] = 0
            wait = float(hold_over(np.array([leg.frame]), state.stream.jitter[main.row : main.row + 1])[0])
            mix.next_due[row] = max(now, float(state.sender.sent_at[row]) + wait)
            mix.pause[row] = 0
        case Kind.NONE | Kind.PASS:
            mix.next_due[row] = np.inf
