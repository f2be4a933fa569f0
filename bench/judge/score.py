"""The score: who has which voice, and who must hear whom when. A bench writes it while it acts; the judge reads it after."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

GRID = np.arange(307, 3300, 31)
"""Frequencies that voices are made of, Hz: far enough apart for 100 ms Blackman windows, and no multiples of each other's."""
APART = 3
"""Steps of the grid between any two tones of one call."""
MOST_LEGS = 7
"""A call that has had more legs begins nothing new: each tone takes up to five steps of the grid, and a transfer needs four tones."""
AMPLITUDE = 1400.0
"""Peak of each tone, int16 scale: eight of them, from four who speak at once, stay below every limiter."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Two tones that no other leg, living or ended, has as a pair."""

    leg: int
    name: str
    call: int
    tones: tuple[int, int]
    """Indices into `GRID`."""
    since: float
    """When it was first sent (monotonic)."""
    passes_through: bool = False
    """A party: hears one other party alone as long as nobody else speaks to him, and where both have one codec, to the bit."""
    codec: str = "PCMU"

    @property
    def frequencies(self) -> tuple[int, int]:
        """Hz."""
        return int(GRID[self.tones[0]]), int(GRID[self.tones[1]])


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a listener must hear a speaker, or may. Outside of all spans he must not."""

    listener: int
    speaker: int
    start: float
    end: float
    must: bool
    """False: unjudged, either is right."""
    gain: float = 1.0
    """Linear: how loud the listener must hear him."""


class ToneBook:
    """Hands out pairs of tones, never one twice, and far apart within a call."""

    def __init__(self, seed: int, kept_free: Iterable[tuple[int, int]] = ()) -> None:
        """kept_free: pairs that it never hands out."""
        self._random = np.random.default_rng(seed)
        self._used = set(kept_free)

    def pair(self, taken: list[int]) -> tuple[int, int]:
        """A new pair, clear of the tones already in the call."""
        for _ in range(10_000):
            low, high = sorted(int(at) for at in self._random.choice(len(GRID), 2, replace=False))
            clear = all(abs(at - other) >= APART for at in (low, high) for other in taken)
            if clear and high - low >= APART and (low, high) not in self._used:
                self._used.add((low, high))
                return low, high
        raise RuntimeError("no pair of tones is left: too many legs for one run")


class CrowdBook(ToneBook):
    """Hands out a few pairs again and again: for calls that are there and are not judged."""

    def __init__(self, seed: int, pairs: int = 40) -> None:
        super().__init__(seed)
        taken: list[int] = []
        self.pairs = tuple(super(CrowdBook, self).pair(taken) for _ in range(pairs))

    def pair(self, taken: list[int]) -> tuple[int, int]:
        """One of the pairs, as clear of those in the call as can be had."""
        clear = [pair for pair in self.pairs if all(abs(at - other) >= APART for at in pair for other in taken)]
        choice = clear or list(self.pairs)
        return choice[int(self._random.integers(len(choice)))]


@dataclass(slots=True)
class Score:
    """Voices and spans, and the audibilities that stand open now."""

    voices: dict[int, Voice] = field(default_factory=dict)
    spans: dict[int, list[Span]] = field(default_factory=lambda: defaultdict(list))
    _open: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)

    def add(self, voice: Voice) -> None:
        """A leg that will speak and listen."""
        self.voices[voice.leg] = voice

    def may(self, listener: int, speaker: int, start: float, end: float) -> None:
        """Nobody judges this pair in this time."""
        self.spans[listener].append(Span(listener, speaker, start, end, must=False))

    def opens(self, listener: int, speaker: int, at: float, gain: float = 1.0) -> None:
        """From here on the listener must hear the speaker as loud as this, until `closes`."""
        self._open.setdefault((listener, speaker), (at, gain))

    def closes(self, listener: int, speaker: int, at: float) -> None:
        """The listener must hear the speaker until here."""
        start, gain = self._open.pop((listener, speaker), (at, 1.0))
        if at > start:
            self.spans[listener].append(Span(listener, speaker, start, at, must=True, gain=gain))

    def is_open(self, listener: int, speaker: int) -> bool:
        """Whether the listener must hear the speaker now."""
        return (listener, speaker) in self._open

    def close_all(self, at: float) -> None:
        """The run is over."""
        for listener, speaker in list(self._open):
            self.closes(listener, speaker, at)
