"""A mixer without a server: what every listener of a small scene would receive, as packets, with faults on demand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isnan

import numpy as np
from numpy.typing import NDArray

from bench.generator.companding import FRAME, decode
from bench.generator.signals import render
from bench.judge.audibility import AudibilityJudge, Verdict
from bench.judge.recording import Recording, build
from bench.judge.score import Score, ToneBook, Voice
from bench.judge.sums import encode_mulaw
from bench.judge.untouched import signal_of

PTIME = 0.02

Gains = Callable[[int, int, int], float]
"""(frame, listener, speaker) to the gain that a fault wants, or NaN where it wants nothing."""


def no_fault(frame: int, listener: int, speaker: int) -> float:
    """A mixer that does what it should."""
    return float("nan")


@dataclass(slots=True)
class Scene:
    """Two calls of customer (0, 3), agent (1, 4) and supervisor (2, 5); the supervisor of the first switches modes.

    He listens from 0 s, whispers from 3 s, barges from 6 s and listens again from 9 s until 12 s.
    """

    frames: int = 600
    score: Score = field(default_factory=Score)
    changes: tuple[int, ...] = (150, 300, 450)
    volume: float = 1.0
    """At which the supervisor of the first call has asked to hear the parties."""
    lost: frozenset[tuple[int, int]] = frozenset()
    """(frame, listener) whose packet does not arrive."""
    _loops: list[NDArray[np.uint8]] = field(default_factory=list)
    _voices: list[NDArray[np.int32]] = field(default_factory=list)
    _sent: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    """What a right mixer sends to each."""
    _right: dict[int, Recording] = field(default_factory=dict)
    _verdicts: dict[int, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        book = ToneBook(seed=5)
        for call in range(2):
            taken: list[int] = []
            for seat, name in enumerate(("customer", "agent", "supervisor")):
                tones = book.pair(taken)
                taken += tones
                self.score.add(Voice(3 * call + seat, f"{name}{call}", call, tones, 0.0, passes_through=seat < 2))
        self._write_score()

    def gain(self, frame: int, listener: int, speaker: int) -> float:
        """What a right mixer does."""
        if listener // 3 != speaker // 3 or listener == speaker:
            return 0.0
        if speaker % 3 < 2:
            return 1.0
        mode = sum(frame >= change for change in self.changes) if speaker == 2 else 0
        return 1.0 if mode == 2 or (mode == 1 and listener % 3 == 1) else 0.0

    def _write_score(self) -> None:
        score = self.score
        for listener in range(6):
            for speaker in range(6):
                previous = 0.0
                for frame in range(self.frames):
                    gain = self.gain(frame, listener, speaker)
                    if gain and not previous:
                        asked = self.volume if listener == 2 else 1.0
                        score.opens(listener, speaker, frame * PTIME + 0.03, asked)
                    if previous and not gain:
                        score.closes(listener, speaker, frame * PTIME - 0.03)
                    if gain != previous and frame:
                        score.may(listener, speaker, frame * PTIME - 0.03, frame * PTIME + 0.03)
                    previous = gain
        score.close_all(self.frames * PTIME)

    def recordings(self, fault: Gains = no_fault) -> dict[int, Recording]:
        """What the six receive; the same object again for who receives what he should."""
        if not self._right:
            self._render()
        return {listener: self._receive(listener, fault) for listener in range(6)}

    def _render(self) -> None:
        self._loops = [render(signal_of(voice), "PCMU") for voice in self.score.voices.values()]
        self._voices = [decode(loop, "PCMU").astype(np.int32) for loop in self._loops]
        for listener in range(6):
            frames = [[self.gain(frame, listener, speaker) for speaker in range(6)] for frame in range(self.frames)]
            self._sent[listener] = np.array([self._mixed(frame, gains) for frame, gains in enumerate(frames)])
            self._right[listener] = self._arrived(listener, self._sent[listener])

    def _receive(self, listener: int, fault: Gains) -> Recording:
        payload = self._sent[listener].copy()
        for frame in range(self.frames):
            wanted = [fault(frame, listener, speaker) for speaker in range(6)]
            if not all(map(isnan, wanted)):
                gains = [self.gain(frame, listener, speaker) if isnan(gain) else gain for speaker, gain in enumerate(wanted)]
                payload[frame] = self._mixed(frame, gains)
        is_right = np.array_equal(payload, self._sent[listener])
        return self._right[listener] if is_right else self._arrived(listener, payload)

    def _mixed(self, frame: int, gains: list[float]) -> NDArray[np.uint8]:
        """A packet in which each of the six has this gain."""
        heard = [(speaker, gain) for speaker, gain in enumerate(gains) if gain]
        if len(heard) == 1 and heard[0][1] == 1.0:
            return np.asarray(self._loops[heard[0][0]][frame % 50])
        mixed = sum((gain * self._voices[speaker][frame % 50] for speaker, gain in heard), np.zeros(FRAME))
        return encode_mulaw(np.rint(mixed / 4).astype(np.int64))

    def _arrived(self, listener: int, payload: NDArray[np.uint8]) -> Recording:
        kept = np.array([frame for frame in range(self.frames) if (frame, listener) not in self.lost])
        return build((kept * FRAME + 12345).astype(np.uint32), kept * PTIME, payload[kept], "PCMU")

    def judge(self, fault: Gains = no_fault) -> Verdict:
        """The verdict on all six. Who receives what he should is judged once, by the score of that time."""
        judge, verdict = AudibilityJudge(self.score), Verdict()
        for listener, recording in self.recordings(fault).items():
            if recording is not self._right[listener]:
                verdict.add(judge.judge(listener, recording))
                continue
            if listener not in self._verdicts:
                self._verdicts[listener] = judge.judge(listener, recording)
            verdict.add(self._verdicts[listener])
        return verdict
