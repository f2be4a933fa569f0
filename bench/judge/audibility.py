"""The judge of who hears whom: every speaker, living or ended, at every listener, in every window.

- Heard: each tone of the voice within 3 dB of what was sent, in every 100 ms Blackman window inside a span that says *must*, but for
  those in which playout may have made up a packet that the generator sent late.
- Not heard: at least 40 dB below that in every 100 ms window, and 58 dB over 1 s, outside of all spans. Where noise or a
  wanted change in the same ear lies higher than those limits, a tone must stand 13 dB out of the noise and 10 dB out of its
  neighbours (1 s: 12 dB) to be a leak: µ-law noise under four voices, and the edge of a voice that starts, would else be
  mistaken for one. (Each voice brings its own coding noise, the mix adds its own: over 1 s single tones of noise reach -67 dB
  in the ear of who hears one voice, -60 dB in a supervisor's.)
- Untouched: a party who hears one other party alone gets that one's payload to the bit.
- Where Opus is at either end, tones of many voices leave others of up to -19 dB beside them in a coder made for speech: a leak is what
  stands above -15 dB there, in both tones; over 1 s, and single tones, are not judged. Of what must be
  heard such a coder takes up to 11 dB for moments in the first second of a mix (libopus by itself): there heard is within 14 dB.
- Missing: a listener who must hear somebody, and gets hardly any packets at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bench.generator.companding import FRAME, RATE
from bench.judge.levels import ToneBank, decibels
from bench.judge.recording import Recording
from bench.judge.score import AMPLITUDE, GRID, Score, Span, Voice
from bench.judge.sums import Sums
from bench.judge.untouched import Untouched

SHORT, SHORT_HOP = 800, 160
LONG, LONG_HOP = 8000, 4000
HEARD_DB = 3.0
SHORT_DB, LONG_DB = -40.0, -58.0
_STANDS_OUT_DB = {SHORT: 10.0, LONG: 12.0}
_OUT_OF_NOISE_DB = 13.0
"""Above the median of all free tones: of two tones of noise in a window both reach it once in 10^12."""
_ALONE_DB = 8.0
"""A voice of which only one tone can be told apart must stand out by this much more: two never do by chance, one may."""
_JUMP_DB = 0.7
_NEIGHBOURS = 8
_NEAR, _NEAR_CHANGE = 3, 6
"""Steps of the grid next to a wanted tone that are left out where there is noise, and where that tone begins or ends."""
_QUIET_FLOOR_DB = -58.0
_DISTURBED_DB = -45.0
_COARSE = frozenset({"opus"})
_COARSE_DB = -15.0
_COARSE_HEARD_DB = 14.0
_COARSE_DISTURBED_DB = -25.0
_ECHO = 10
"""Windows before and after a leak in which its edges explain whatever else stands out."""
_MISSING_SHARE = 0.9
_SHORTEST_SPAN = 0.3
_AFTER_TARDY = 0.06
"""Seconds in which what was made up for a packet that the generator sent late has been played."""
_AFTER_STALL = 0.3
"""Seconds after a stall of the generator in which playout buffers come to rest."""

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise, from its first window to its last."""

    kind: str
    """``leak``, ``leak_1s``, ``unsummed`` (a mix that is not the sum of those who must be in it), ``stray`` (a tone that no voice
    explains), ``level``, ``missing``, ``altered``, ``disturbed``."""
    speaker: str
    listener: str
    start: float
    """Seconds since the run began."""
    seconds: float
    level_db: float | None
    """The worst, relative to the voice as it was sent."""
    note: str = ""

    def __str__(self) -> str:
        level = "" if self.level_db is None else f" at {self.level_db:.1f} dB"
        return f"{self.kind}: {self.speaker} -> {self.listener}{level}, {self.start:.2f} s for {self.seconds:.2f} s {self.note}".rstrip()


@dataclass(slots=True)
class Verdict:
    """What the judge found; several add up."""

    violations: list[Violation] = field(default_factory=list)
    judged: int = 0
    """(speaker, listener, window) triples that were judged."""
    judged_packets: int = 0
    """Packets that were compared to the bit."""
    summed: int = 0
    """Packets of known mixes …"""
    explained: int = 0
    """… and those of them that are their sum to the bit."""
    disturbed: int = 0
    """Windows in which a click covers everything; left out, and a violation where they are many."""
    windows: int = 0
    heard: int = 0
    """(speaker, window) pairs whose level was judged …"""
    excused: int = 0
    """… and those whose level was not, for the generator had sent a packet of that speaker late."""
    stalled: int = 0
    """Windows left out because the generator itself was late."""

    def add(self, other: "Verdict") -> None:
        """Take another verdict in."""
        self.violations += other.violations
        self.judged += other.judged
        self.judged_packets += other.judged_packets
        self.summed += other.summed
        self.explained += other.explained
        self.disturbed += other.disturbed
        self.windows += other.windows
        self.heard += other.heard
        self.excused += other.excused
        self.stalled += other.stalled


class AudibilityJudge:
    """Judges one listener at a time against the score."""

    def __init__(
        self, score: Score, *, began: float = 0.0, stalls: Floats | None = None, tardy: Mapping[int, Floats] | None = None
    ) -> None:
        """``stalls`` (stall, 2): when the generator itself was late; what is heard then proves nothing.

        ``tardy``, by leg (packet, 2): when packets of it were due and sent, late; how loud that leg is heard then proves nothing.
        """
        self._score = score
        self._began = began
        self._stalls = np.zeros((0, 2)) if stalls is None else stalls
        self._tardy: Mapping[int, Floats] = {} if tardy is None else tardy
        self._voices = sorted(score.voices.values(), key=lambda voice: voice.leg)
        self._tones = np.array([voice.tones for voice in self._voices], np.int64).reshape(-1, 2)
        self._since = np.array([voice.since for voice in self._voices])
        self._short, self._long = ToneBank(GRID, SHORT), ToneBank(GRID, LONG)
        self._untouched = Untouched(score)
        self._sums = Sums(score)

    def judge(self, listener: int, recording: Recording) -> Verdict:
        """Everything about what this leg received."""
        verdict = Verdict()
        for bank, hop in ((self._short, SHORT_HOP), (self._long, LONG_HOP)):
            verdict.add(self._judge_windows(listener, recording, bank, hop))
        verdict.violations += self._missing(listener, recording)
        compared, altered = self._untouched.compare(listener, recording)
        verdict.judged_packets = compared
        verdict.violations += [
            Violation("altered", self._name(speaker), self._name(listener), first - self._began, last - first, None, f"{count} packets")
            for speaker, first, last, count in altered
        ]
        self._add_up(listener, recording, verdict)
        return verdict

    def _add_up(self, listener: int, recording: Recording, verdict: Verdict) -> None:
        for stretch in self._sums.explain(listener, recording):
            if self._clear_of_stalls(np.array([stretch.start]), stretch.end - stretch.start)[0]:
                verdict.summed += stretch.packets
                verdict.explained += stretch.explained
                if stretch.is_wrong:
                    note, lasts = f"{stretch.explained} of {stretch.packets} packets", stretch.end - stretch.start
                    verdict.violations.append(
                        Violation("unsummed", "", self._name(listener), stretch.start - self._began, lasts, None, note)
                    )

    def _judge_windows(self, listener: int, recording: Recording, bank: ToneBank, hop: int) -> Verdict:
        starts = recording.windows(bank.length, hop)
        verdict, is_short = Verdict(), bank.length == SHORT
        clear = self._clear_of_stalls(recording.times(starts), bank.length / RATE) if len(starts) else np.zeros(0, bool)
        if is_short:
            verdict.stalled = int((~clear).sum())
        starts = starts[clear]
        if len(starts) == 0:
            return verdict
        ear = _Ear(self, listener, recording.times(starts), bank, bank.amplitudes(recording.samples, starts))
        if is_short:
            verdict.windows = len(starts)
            verdict.disturbed = int(ear.disturbed.sum())
            verdict.violations += ear.wrong_levels()
            verdict.heard = ear.heard_count()
            verdict.judged += verdict.heard
            verdict.excused = int((ear.must & ear.excused).sum())
        verdict.violations += ear.leaks()
        verdict.judged += ear.silent_count()
        return verdict

    def _clear_of_stalls(self, begins: Floats, lasts: float) -> Bools:
        clear = np.ones(len(begins), bool)
        for start, end in self._stalls:
            clear &= (begins + lasts < start) | (begins > end + _AFTER_STALL)
        return clear

    def _missing(self, listener: int, recording: Recording) -> list[Violation]:
        found = []
        for span in self._score.spans.get(listener, ()):
            lasts = span.end - span.start
            if not span.must or lasts < _SHORTEST_SPAN:
                continue
            packets = np.searchsorted(recording.arrival, [span.start, span.end]) if len(recording.arrival) else np.zeros(2)
            share = float(packets[1] - packets[0]) * FRAME / RATE / lasts
            if share < _MISSING_SHARE - FRAME / RATE / lasts:
                note = f"{100 * share:.0f} % of the packets"
                found.append(
                    Violation("missing", self._name(span.speaker), self._name(listener), span.start - self._began, lasts, None, note)
                )
        return found

    def _name(self, leg: int) -> str:
        return self._score.voices[leg].name


class _Ear:
    """One listener's windows: what may be heard in them, and what is.

    Axes: w window, s speaker who has a span here, f tone of the grid, v voice of the run.
    """

    def __init__(self, judge: AudibilityJudge, listener: int, begins: Floats, bank: ToneBank, amplitudes: NDArray[np.float32]) -> None:
        self._judge = judge
        self._listener = listener
        self._begins = begins
        self._length = bank.length
        self._ends = begins + bank.length / RATE
        self._levels = decibels(amplitudes / AMPLITUDE)
        self._read_score()
        self._read_floor()

    def _read_score(self) -> None:
        spans = self._judge._score.spans.get(self._listener, [])
        self._speakers = sorted({span.speaker for span in spans})
        shape = (len(self._begins), len(self._speakers))
        self.must, self.possible, self._turning = np.zeros(shape, bool), np.zeros(shape, bool), np.zeros(shape, bool)
        self._expected_db = np.zeros(shape)
        for span in spans:
            self._mark(span, self._speakers.index(span.speaker))
        self.changing: Bools = np.asarray(self._turning.any(axis=1))
        voices = self._judge._score.voices
        coarse = np.array([voices[speaker].codec in _COARSE for speaker in self._speakers], bool)
        self.coarse: Bools = np.asarray((self.possible & coarse).any(axis=1) | (voices[self._listener].codec in _COARSE))
        self.occupied = self._tones_of(self.possible)
        self.excused = np.stack([self._excused(speaker) for speaker in self._speakers], axis=1) if self._speakers else np.zeros(shape, bool)

    def _excused(self, speaker: int) -> Bools:
        """(w): windows in which something may be heard that playout made up for a tardy packet of this speaker."""
        tardy = self._judge._tardy.get(speaker)
        if tardy is None:
            return np.zeros(len(self._begins), bool)
        due, over = tardy.T
        at = np.searchsorted(over + _AFTER_TARDY, self._begins)
        return np.asarray(np.append(due, np.inf)[at] < self._ends)

    def _tones_of(self, speakers: Bools) -> Bools:
        """(w, s) to (w, f): the tones of these speakers."""
        tones = np.zeros(self._levels.shape, bool)
        for at, speaker in enumerate(self._speakers):
            for tone in self._judge._score.voices[speaker].tones:
                tones[:, tone] |= speakers[:, at]
        return tones

    def _mark(self, span: Span, at: int) -> None:
        overlaps = (self._begins < span.end) & (self._ends > span.start)
        inside = (self._begins >= span.start) & (self._ends <= span.end)
        self.possible[:, at] |= overlaps
        if span.must:
            self.must[:, at] |= inside
            self._expected_db[inside, at] = 20.0 * np.log10(span.gain)
            self._turning[:, at] |= overlaps & ~inside
        else:
            self._turning[:, at] |= overlaps

    def _read_floor(self) -> None:
        free = np.where(self.occupied, np.nan, self._levels)
        self.floor: Floats = np.asarray(np.nanmedian(free, axis=1))
        limit = np.where(self.coarse, _COARSE_DISTURBED_DB, _DISTURBED_DB)
        self.disturbed: Bools = np.asarray((self.floor > limit) & ~self.changing)
        # A jump anywhere in a second shows next to its tone, however quiet the rest is.
        noisy = (self.floor > _QUIET_FLOOR_DB) | self.changing | (self._length == LONG)
        near = _widened(self.occupied, _NEAR) & noisy[:, None]
        self.judged = ~self.occupied & ~near & ~_widened(self._tones_of(self._turning | self._jumping()), _NEAR_CHANGE)
        self._free = free

    def _jumping(self) -> Bools:
        """(w, s): wanted voices that are not as they were sent: where one jumps, its neighbourhood rings."""
        jumping = np.zeros(self.must.shape, bool)
        for at, speaker in enumerate(self._speakers):
            jumping[:, at] = self.must[:, at] & (np.abs(self._levels_of(at, speaker)) > _JUMP_DB).any(axis=1)
        return jumping

    def _levels_of(self, at: int, speaker: int) -> Floats:
        """(w, 2): levels of a speaker's tones against what is expected of him."""
        return np.asarray(self._levels[:, list(self._judge._score.voices[speaker].tones)] - self._expected_db[:, at, None])

    def heard_count(self) -> int:
        """How many (speaker, window) pairs were judged to be heard."""
        return int((self.must & ~self.excused & ~self.disturbed[:, None]).sum())

    def silent_count(self) -> int:
        """How many (voice, window) pairs were judged not to be heard."""
        return int(self._judged_voices().sum())

    def wrong_levels(self) -> list[Violation]:
        """Speakers who must be heard and are too quiet or too loud."""
        found = []
        for at, speaker in enumerate(self._speakers):
            levels = self._levels_of(at, speaker)
            allowed = np.where(self.coarse, _COARSE_HEARD_DB, HEARD_DB)[:, None]
            wrong = self.must[:, at] & ~self.excused[:, at] & ~self.disturbed & (np.abs(levels) > allowed).any(axis=1)
            worst = np.take_along_axis(levels, np.abs(levels).argmax(axis=1)[:, None], axis=1)[:, 0]
            found += self._runs("level", self._judge._name(speaker), wrong, worst)
        return found

    def leaks(self) -> list[Violation]:
        """Voices that must not be heard and are."""
        hot, loud = self._hot()
        if not hot.any():
            return []
        kind = "leak" if self._length == SHORT else "leak_1s"
        first, second = self._judge._tones.T
        rows = hot.any(axis=1)
        both = np.zeros((len(hot), len(first)), bool)
        some, very, unjudged = hot[rows], loud[rows], ~self.judged[rows]
        alone = (very[:, first] & unjudged[:, second]) | (very[:, second] & unjudged[:, first])
        both[rows] = (some[:, first] & some[:, second]) | alone
        both &= self._judged_voices()
        found, explained = [], np.zeros(hot.shape, bool)
        for at in np.flatnonzero(both.any(axis=0)):
            voice = self._judge._voices[at]
            levels = self._levels[:, list(voice.tones)].max(axis=1)
            found += [replace(each, note=self._detail(voice, both[:, at])) for each in self._runs(kind, voice.name, both[:, at], levels)]
            explained[np.ix_(both[:, at], np.array(voice.tones))] = True
        if self._length == SHORT:
            accompanied = np.convolve(explained.any(axis=1), np.ones(2 * _ECHO + 1))[_ECHO:-_ECHO] > 0
            found += self._strays(hot & ~(accompanied | self.coarse)[:, None])
        return found

    def _detail(self, voice: Voice, windows: Bools) -> str:
        """Both tones in the loudest of these windows; in brackets one that cannot be told apart there."""
        at = int(np.flatnonzero(windows)[self._levels[windows][:, list(voice.tones)].max(axis=1).argmax()])
        tones = [f"{self._levels[at, tone]:.0f}" if self.judged[at, tone] else f"({self._levels[at, tone]:.0f})" for tone in voice.tones]
        return f"tones {' '.join(tones)} dB over {self.floor[at]:.0f} dB{', while another voice changes' if self.changing[at] else ''}"

    def _hot(self) -> tuple[Bools, Bools]:
        """(w, f) tones above the limit that also stand out of their neighbours; and those that do so even alone."""
        limit = np.where(self.coarse, _COARSE_DB, SHORT_DB if self._length == SHORT else LONG_DB)
        hot = self.judged & (self._levels > np.maximum(limit, self.floor + _OUT_OF_NOISE_DB)[:, None])
        if self._length == LONG:
            hot &= ~self._unjudged_over_a_second()[:, None]
        windows, tones = np.nonzero(hot)
        offsets = np.array([step for step in range(-_NEIGHBOURS, _NEIGHBOURS + 1) if step])
        around = tones[:, None] + offsets
        inside = (around >= 0) & (around < len(GRID))
        values = np.where(inside, self._free[windows[:, None], np.clip(around, 0, len(GRID) - 1)], np.nan)
        local = np.nanmedian(values, axis=1) if len(windows) else np.zeros(0)
        above = self._levels[windows, tones] - local - _STANDS_OUT_DB[self._length]
        loud = hot.copy()
        hot[windows, tones] = above > 0
        needed = limit[windows] + np.where(self.changing[windows], _ALONE_DB, 0.0)
        loud[windows, tones] = (above > _ALONE_DB) & (self._levels[windows, tones] > needed)
        return hot, loud

    def _strays(self, stray: Bools) -> list[Violation]:
        """Single tones that stand out for longer than an accident does."""
        found = []
        for tone in np.flatnonzero(stray.sum(axis=0) >= SHORT // SHORT_HOP):
            steady = stray[:, tone] & ~self.disturbed
            found += self._runs("stray", f"{GRID[tone]} Hz", steady, self._levels[:, tone], at_least=SHORT // SHORT_HOP)
        return found

    def _judged_voices(self) -> Bools:
        """(w, v): voices that were sent by then, are in no span here, and have a tone that can be told apart."""
        first, second = self._judge._tones.T
        voices = (self.judged[:, first] | self.judged[:, second]) & (self._judge._since[None, :] < self._ends[:, None])
        at_leg = {voice.leg: at for at, voice in enumerate(self._judge._voices)}
        for at, speaker in enumerate(self._speakers):
            voices[:, at_leg[speaker]] &= ~self.possible[:, at]
        if self._length == LONG:
            voices &= ~self._unjudged_over_a_second()[:, None]
        return np.asarray(voices)

    def _unjudged_over_a_second(self) -> Bools:
        """(w): too noisy for the lower limit, or amid a change."""
        return np.asarray(self.changing | self.coarse | (self.floor > LONG_DB + 10))

    def _runs(self, kind: str, speaker: str, wrong: Bools, levels: Floats, at_least: int = 1) -> list[Violation]:
        """One violation for each stretch of wrong windows, small breaks bridged."""
        at = np.flatnonzero(wrong)
        if len(at) == 0:
            return []
        found = []
        for run in np.split(at, np.flatnonzero(np.diff(at) > SHORT // SHORT_HOP) + 1):
            if len(run) < at_least:
                continue
            start, end = float(self._begins[run[0]]), float(self._ends[run[-1]])
            worst = float(levels[run][np.abs(levels[run]).argmax()]) if kind == "level" else float(levels[run].max())
            found.append(
                Violation(kind, speaker, self._judge._name(self._listener), start - self._judge._began, end - start, round(worst, 1))
            )
        return found


def _widened(tones: Bools, steps: int) -> Bools:
    """(w, f): these tones and those within so many steps."""
    wide = tones.copy()
    for step in range(1, steps + 1):
        wide[:, step:] |= tones[:, :-step]
        wide[:, :-step] |= tones[:, step:]
    return wide


def too_disturbed(verdict: Verdict, share: float = 0.01) -> Sequence[Violation]:
    """A violation where clicks cover more than this share of all windows."""
    if verdict.disturbed <= share * max(1, verdict.windows):
        return ()
    note = f"{verdict.disturbed} of {verdict.windows} windows are covered by clicks"
    return (Violation("disturbed", "", "", 0.0, 0.0, None, note),)


__all__ = ["AudibilityJudge", "Verdict", "Violation", "Voice", "too_disturbed"]
