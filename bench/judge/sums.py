"""Bit by bit once more: a mix of voices that are known, added up again here, must be what the listener got.

Where it is, nobody else is in that packet, not even far below the noise of the codec: any other voice turns codes over. Where voices are
in their loops is told from the phases of their tones, tried out, and followed from packet to packet. A playout buffer that leaves
out or makes up something ends that for a moment, so single packets that are not explained are no fault; a stretch without any is.

Looked at are listeners in PCMU who hear voices in G.711 at full level, and nothing that may change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.generator.companding import DECODE, FRAME, RATE
from bench.generator.signals import render
from bench.judge.recording import Recording
from bench.judge.score import Score, Span
from bench.judge.untouched import signal_of

Ints = NDArray[np.int64]

_MARGIN: Final = 0.1
"""Seconds kept clear of every change."""
_SHORTEST: Final = 0.4
_PACKETS: Final = 5
"""In a row, from which the places of all voices are found: 100 ms."""
_CANDIDATES: Final = (8, 64)
"""Places of a voice that are tried, the second number where none of the first was right: some tones come nearly together again."""
_GLANCE: Final = 16
"""Samples that tell whether a place may be the right one."""
_MOST_VOICES: Final = 3
_SEARCHES: Final = 12
"""In a stretch, at most."""
_ENOUGH: Final = 25
_SHARE: Final = 0.5
"""Of a stretch that must be explained: what a playout buffer leaves out or makes up now and then is far less."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a listener's mix is known."""

    start: float
    end: float
    packets: int
    explained: int
    """Packets that are the sum to the bit."""

    @property
    def is_wrong(self) -> bool:
        """Whether somebody else must be in it, or somebody not as he should: half a second or more, and hardly any of it explained."""
        return self.packets >= _ENOUGH and self.explained < _SHARE * self.packets


class Sums:
    """Adds up what each listener should get."""

    def __init__(self, score: Score) -> None:
        self._score = score
        self._loops: dict[int, Ints] = {}

    def explain(self, listener: int, recording: Recording) -> list[Stretch]:
        """What became of each stretch of known mixes that this listener got."""
        if self._score.voices[listener].codec != "PCMU" or len(recording.arrival) == 0:
            return []
        found = []
        for start, end, speakers in _steady(self._score.spans.get(listener, [])):
            if len(speakers) > _MOST_VOICES or any(self._score.voices[speaker].codec not in DECODE for speaker in speakers):
                continue
            rows = np.flatnonzero((recording.arrival > start) & (recording.arrival < end))
            if len(rows) >= _PACKETS:
                found.append(Stretch(start, end, len(rows), self._follow(recording, rows, speakers)))
        return found

    def _follow(self, recording: Recording, rows: Ints, speakers: list[int]) -> int:
        """How many of these packets are the sum of these speakers."""
        loops = [self._loop(speaker) for speaker in speakers]
        places: list[int] | None = None
        explained, searches = 0, 0
        for at, row in enumerate(rows.tolist()):
            payload, position = recording.payload[row], int(recording.position[row])
            if places is not None and not _is_sum(payload, loops, [place + position for place in places]):
                places = None
            if places is None and searches < _SEARCHES and at + _PACKETS <= len(rows):
                searches += 1
                places = self._find(recording, rows[at : at + _PACKETS], speakers, loops)
            explained += places is not None
        return explained

    def _find(self, recording: Recording, rows: Ints, speakers: list[int], loops: list[Ints]) -> list[int] | None:
        """Where each loop is at the beginning of the listener's time line, if the first of these packets is their sum; else None."""
        position = recording.position[rows]
        if np.any(np.diff(position) != FRAME):
            return None
        first = int(position[0])
        heard = recording.samples[first : first + FRAME * len(rows)].astype(np.float64)
        nearest = [_candidates(heard, loop, self._score.voices[speaker].frequencies) for speaker, loop in zip(speakers, loops, strict=True)]
        for count in _CANDIDATES:
            for places in _likely(recording.payload[rows[0]], loops, [best[:count] for best in nearest]):
                if _is_sum(recording.payload[rows[0]], loops, places):
                    return [place - first for place in places]
        return None

    def _loop(self, speaker: int) -> Ints:
        """A speaker's second, decoded, in the units of µ-law (14 bits)."""
        if speaker not in self._loops:
            voice = self._score.voices[speaker]
            self._loops[speaker] = DECODE[voice.codec][render(signal_of(voice), voice.codec)].reshape(-1).astype(np.int64) // 4
        return self._loops[speaker]


def _steady(spans: list[Span]) -> list[tuple[float, float, list[int]]]:
    """Stretches in which a listener must hear these speakers at full level, and nothing may change."""
    edges = sorted({edge for span in spans for edge in (span.start, span.end)})
    found = []
    for start, end in pairwise(edges):
        here = [span for span in spans if span.start < end and span.end > start]
        if end - start > _SHORTEST + 2 * _MARGIN and here and all(span.must and span.gain == 1.0 for span in here):
            found.append((start + _MARGIN, end - _MARGIN, sorted({span.speaker for span in here})))
    return found


def _candidates(heard: NDArray[np.float64], loop: Ints, frequencies: tuple[int, int]) -> list[int]:
    """Places of the loop whose phases of both tones are nearest to what is heard, best first."""
    shape, times = np.blackman(len(heard)), np.arange(len(heard))
    every = np.arange(len(loop))
    likeness = np.zeros(len(loop))
    for frequency in frequencies:
        turn = np.exp(-2j * np.pi * frequency / RATE * times)
        found = np.angle((heard * shape * turn).sum())
        own = np.angle((loop * np.exp(-2j * np.pi * frequency / RATE * np.arange(len(loop)))).sum())
        likeness += np.cos(found - own - 2 * np.pi * frequency / RATE * every)
    return [int(place) for place in np.argsort(-likeness)[: max(_CANDIDATES)]]


def _likely(payload: NDArray[np.uint8], loops: list[Ints], nearest: list[list[int]]) -> Iterator[list[int]]:
    """Places, one of each loop, from which on the first samples of a packet are the sum; silence is left for `_is_sum` to tell."""
    times = np.arange(_GLANCE)
    pieces = [loop[(np.array(places)[:, None] + times) % len(loop)] for loop, places in zip(loops, nearest, strict=True)]
    is_said = (payload[:_GLANCE] | 0x80) != 0xFF
    *others, last = pieces
    for at in product(*(range(len(piece)) for piece in others)):
        total = last + sum((piece[index] for piece, index in zip(others, at, strict=True)), np.zeros(_GLANCE, np.int64))
        for index in np.flatnonzero((encode_mulaw(total) == payload[:_GLANCE])[:, is_said].all(axis=1)).tolist():
            yield [places[index] for places, index in zip(nearest, (*at, index), strict=True)]


def _is_sum(payload: NDArray[np.uint8], loops: list[Ints], places: list[int]) -> bool:
    """Whether a packet is the sum of the loops from these places on."""
    times = np.arange(FRAME)
    total = sum((loop[(place + times) % len(loop)] for loop, place in zip(loops, places, strict=True)), np.zeros(FRAME, np.int64))
    expected = encode_mulaw(total)
    differs = expected != payload
    # There are two codes of silence.
    return not differs.any() or bool(np.all((expected[differs] | 0x80) == 0xFF) and np.all((payload[differs] | 0x80) == 0xFF))


def encode_mulaw(samples: Ints) -> NDArray[np.uint8]:
    """µ-law of samples in 14 bits by the decision values of G.711 table 2a: biased by 33, a segment for each power of two."""
    magnitude = np.minimum(np.abs(samples), 8158) + 33
    segment = np.floor(np.log2(magnitude)).astype(np.int64) - 5
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 15)
    return np.asarray(~(np.where(samples < 0, 128, 0) | code) & 0xFF, np.uint8)
