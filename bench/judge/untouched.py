"""Bit by bit: a party who hears one other party alone must get that one's packets as they were sent."""

import numpy as np

from bench.generator.companding import FRAME
from bench.generator.signals import SECOND, Tones, render
from bench.judge.recording import Recording
from bench.judge.score import AMPLITUDE, Score, Span, Voice

_MARGIN = 0.06
"""Seconds kept clear of every change."""

Places = frozenset[int]
"""Packets of a loop."""
_NOWHERE: Places = frozenset()
Altered = tuple[int, float, float, int]
"""Speaker, first and last moment, packets."""


def signal_of(voice: Voice) -> Tones:
    """What a voice sends."""
    return Tones(voice.frequencies, AMPLITUDE)


class Untouched:
    """Compares the payload of listeners who pass through with the loops of those whom they hear."""

    def __init__(self, score: Score) -> None:
        self._score = score
        self._loops: dict[int, dict[bytes, Places]] = {}

    def compare(self, listener: int, recording: Recording) -> tuple[int, list[Altered]]:
        """Packets compared, and for each stretch the speaker with those that differ."""
        if not self._score.voices[listener].passes_through or len(recording.arrival) == 0:
            return 0, []
        spans = self._score.spans.get(listener, [])
        compared, altered = 0, []
        for span in spans:
            speaker = self._score.voices[span.speaker]
            if not (span.must and speaker.passes_through and speaker.codec == self._score.voices[listener].codec):
                continue
            rows = self._alone(span, spans, recording)
            compared += len(rows)
            wrong = self._differing(span.speaker, recording, rows)
            if len(wrong):
                altered.append((span.speaker, float(recording.arrival[wrong[0]]), float(recording.arrival[wrong[-1]]), len(wrong)))
        return compared, altered

    def _alone(self, span: Span, spans: list[Span], recording: Recording) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Packets that came while this speaker must be heard and nobody else may be."""
        arrival = recording.arrival
        alone = (arrival > span.start + _MARGIN) & (arrival < span.end - _MARGIN)
        for other in spans:
            if other.speaker != span.speaker:
                alone &= (arrival < other.start - _MARGIN) | (arrival > other.end + _MARGIN)
        return np.flatnonzero(alone)

    def _differing(
        self, speaker: int, recording: Recording, rows: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Rows whose payload the speaker never sent, or not at this place after the packet before."""
        loop = self._loop(speaker)
        wrong: list[int] = []
        last, places = -2, _NOWHERE
        for row in rows.tolist():
            held, unbroken = loop.get(recording.payload_of(row), _NOWHERE), row == last + 1
            step = int(recording.position[row] - recording.position[row - 1]) // FRAME
            goes_on = held & {(place + step) % SECOND for place in places} if unbroken else held
            if not goes_on and (not held or places):
                wrong.append(row)
            last, places = row, goes_on or held
        return np.array(wrong, np.int64)

    def _loop(self, speaker: int) -> dict[bytes, Places]:
        """Where each payload stands: two tones of even pitch are the same again after half a second."""
        if speaker not in self._loops:
            loop: dict[bytes, Places] = {}
            for at, frame in enumerate(render(signal_of(self._score.voices[speaker]), self._score.voices[speaker].codec)):
                loop[frame.tobytes()] = loop.get(frame.tobytes(), _NOWHERE) | {at}
            self._loops[speaker] = loop
        return self._loops[speaker]
