"""What the server itself says: loaded sounds in one long array, and the frames of each listener's sound that are due."""

import os
from typing import Final

import numpy as np

from mediaserver.worker.state import Mixes
from mixer.arrays import Int16
from mixer.dtmf import DIGITS, tones
from mixer.resampling import HISTORY, Resampling
from rtp.arrays import Int64
from rtp.stream import BLOCK

MAX_SAMPLES: Final = 8000 * 60 * 20
"""All sounds together: twenty minutes."""
_TONE: Final = 8000
"""Samples of a digit's tones: a second, so that every frequency fits a whole number of times and they can be repeated."""


class Sounds:
    """Sounds by name. A name may be loaded again; who plays the old one goes on with it."""

    first_digit: Final = 0
    """Number of the tones of the first of `mixer.dtmf.DIGITS`; the others follow."""
    first_loaded: Final = len(DIGITS)

    def __init__(self) -> None:
        self._bank: Int16 = np.concatenate([tones(digit, _TONE, _TONE) for digit in range(len(DIGITS))])
        self._start: Int64 = np.arange(len(DIGITS)) * _TONE
        self._length: Int64 = np.full(len(DIGITS), _TONE)
        self._names: dict[str, int] = {}

    def load(self, name: str, samples: bytes) -> str:
        """Take int16 little-endian mono 8 kHz; an empty text, or why it was refused."""
        if not samples or len(samples) % 2:
            return f"sound {name!r} has {len(samples)} bytes; it needs an even number, and some"
        if len(self._bank) + len(samples) // 2 > MAX_SAMPLES:
            return f"sound {name!r} does not fit: all sounds together last at most {MAX_SAMPLES // 480_000} minutes"
        taken = (np.frombuffer(samples, dtype="<i2") >> 2).astype(np.int16)
        self._names[name] = len(self._start)
        self._start = np.append(self._start, len(self._bank))
        self._length = np.append(self._length, len(taken))
        self._bank = np.concatenate([self._bank, taken])
        return ""

    @property
    def count(self) -> int:
        """How many were loaded; their numbers are below that."""
        return len(self._start)

    def number(self, name: str) -> int | None:
        """The number by which `Mixes.sound` knows a sound; None where none has that name."""
        return self._names.get(name)

    def frames(self, mix: Mixes, listener: Int64, blocks: int, *, is_wide: bool) -> tuple[Int16, Int64]:
        """The next frames (n, samples) for listeners (n) who are played a sound, and those whose sound ended with them.

        is_wide: at 16 kHz, else at 8; ``Mixes.sound_position`` counts samples at 8 kHz.
        """
        count = blocks * BLOCK
        sound, position = mix.sound[listener], mix.sound_position[listener]
        length, loops = self._length[sound], mix.sound_loops[listener].astype(np.bool_)
        after = position + count
        mix.sound_position[listener] = np.where(loops, after % length, after)
        frames = self._widely(listener, mix, position, count) if is_wide else self._samples(listener, mix, position, count)
        return frames, listener[~loops & (after >= length)]

    def _samples(self, listener: Int64, mix: Mixes, position: Int64, count: int) -> Int16:
        """Samples (n, count) at 8 kHz from ``position`` (n) of each sound on; silence before a sound and behind it."""
        sound, loops = mix.sound[listener], mix.sound_loops[listener].astype(np.bool_)
        length, times = self._length[sound][:, None], position[:, None] + np.arange(count)
        outside = ~loops[:, None] & ((times < 0) | (times >= length))
        return np.where(outside, np.int16(0), self._bank[self._start[sound][:, None] + times % length])

    def _widely(self, listener: Int64, mix: Mixes, position: Int64, count: int) -> Int16:
        """The same at 16 kHz (n, 2·count)."""
        samples = self._samples(listener, mix, position - HISTORY, HISTORY + count)
        wide = np.empty((len(listener), 2 * count), dtype=np.int16)
        Resampling(len(listener)).up(wide, samples[:, HISTORY:], samples[:, :HISTORY].copy())
        return wide


def load_lent(sounds: Sounds, name: str, descriptor: int) -> str:
    """Load a sound from a lent memory file, which is closed; an empty text, or why it was refused."""
    try:
        samples = os.pread(descriptor, min(os.fstat(descriptor).st_size, 2 * MAX_SAMPLES + 2), 0)
    except OSError as error:
        return f"sound {name!r} cannot be read: {error}"
    finally:
        os.close(descriptor)
    return sounds.load(name, samples)
