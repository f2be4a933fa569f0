"""Digits as pairs of tones (ITU-T Q.23): made, and found in what somebody says (limits after Q.24), for many at once.

A digit counts from 40 ms of it on, and two digits need 40 ms without between them; speech must not sound like one. So the two tones
must hold nearly all of the energy of a window of 20 ms, stand out of their groups, be about equally strong, and do so three times
in a row, 10 ms apart.
"""

from functools import cache
from typing import Final

import numpy as np

from mixer.arrays import Bools, Float32, Int16, Int64
from mixer.g711 import FULL_SCALE

DIGITS: Final = "0123456789*#ABCD"
"""In the order of telephone-events (RFC 4733 §3.2)."""
LOW: Final = (697.0, 770.0, 852.0, 941.0)
HIGH: Final = (1209.0, 1336.0, 1477.0, 1633.0)
"""Hz."""
WINDOW_MS: Final = 20
HOP_MS: Final = 10
NO_DIGIT: Final = -1

_KEYS: Final = ("123A", "456B", "789C", "*0#D")
_DIGIT_AT: Final[Int64] = np.array([[DIGITS.index(key) for key in row] for row in _KEYS])
"""(low, high) the digit of a pair."""
_LOW_DBM0, _HIGH_DBM0 = -8.0, -6.0
_FULL_SCALE_DBM0: Final = 3.17
"""A sine at full scale of µ-law (G.711)."""

_LEAST_DBOV: Final = -36.0
"""Weakest tone that counts."""
_PURITY: Final = 0.72
"""Least part of a window's energy that the two tones hold."""
_STANDS_OUT_DB: Final = 9.0
"""By how much a tone is stronger than the others of its group."""
_HIGH_OVER_LOW_DB: Final = 6.0
_LOW_OVER_HIGH_DB: Final = 10.0
"""Twist: how much stronger one tone may be than the other. Lines damp the high one."""
_BEGINS_AFTER: Final = 3
"""Hops in a row that say the same digit."""
_ENDS_AFTER: Final = 2
"""Hops in a row that do not."""


@cache
def tones(digit: int, samples: int, sample_rate: int) -> Int16:
    """The tone pair (samples) int16 in the 14-bit domain of a digit's number, from its beginning on."""
    low, high = np.argwhere(digit == _DIGIT_AT)[0]
    times = np.arange(samples) / sample_rate
    wave = _amplitude(_LOW_DBM0) * np.sin(2 * np.pi * LOW[low] * times) + _amplitude(_HIGH_DBM0) * np.sin(2 * np.pi * HIGH[high] * times)
    return np.rint(wave).astype(np.int16)


def _amplitude(dbm0: float) -> float:
    return float(FULL_SCALE * 10 ** ((dbm0 - _FULL_SCALE_DBM0) / 20))


class Finder:
    """What each window holds, at one sample rate."""

    def __init__(self, sample_rate: int) -> None:
        """sample_rate: 8000 or 16000."""
        self.window: Final = sample_rate * WINDOW_MS // 1000
        times = np.arange(self.window) / sample_rate
        shape = np.hamming(self.window)
        angles = 2 * np.pi * np.outer(times, np.array(LOW + HIGH))
        waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) * shape[:, None]
        self._waves: Float32 = waves.astype(np.float32)
        self._shape: Float32 = shape.astype(np.float32)
        self._gain = float(2.0 / (shape.sum() ** 2))
        """From the square of a correlation to the power of the sine behind it."""
        self._energy_gain = float(1.0 / (shape**2).sum())

    def find(self, windows: Int16) -> Int64:
        """The digit (n) that each window (n, window) int16 holds; `NO_DIGIT` for none."""
        wide = windows.astype(np.float32)
        parts = wide @ self._waves
        power: Float32 = (parts[:, :8] ** 2 + parts[:, 8:] ** 2) * np.float32(self._gain)
        whole = ((wide * self._shape) ** 2).sum(axis=1) * self._energy_gain
        rows = np.arange(len(windows))
        low, high = power[:, :4].argmax(axis=1), power[:, 4:].argmax(axis=1)
        strongest_low, strongest_high = power[rows, low], power[rows, 4 + high]
        found = (strongest_low + strongest_high >= _PURITY * whole) & self._balanced(strongest_low, strongest_high)
        found &= _stands_out(power[:, :4], strongest_low) & _stands_out(power[:, 4:], strongest_high)
        return np.where(found, _DIGIT_AT[low, high], NO_DIGIT)

    def _balanced(self, low: Float32, high: Float32) -> Bools:
        least = FULL_SCALE**2 * 10 ** (_LEAST_DBOV / 10)
        is_loud = (low >= least) & (high >= least)
        return np.asarray(is_loud & (high <= low * 10 ** (_HIGH_OVER_LOW_DB / 10)) & (low <= high * 10 ** (_LOW_OVER_HIGH_DB / 10)))


def _stands_out(group: Float32, strongest: Float32) -> Bools:
    second = np.partition(group, 2, axis=1)[:, 2]
    return np.asarray(strongest >= second * 10 ** (_STANDS_OUT_DB / 10))


class Presses:
    """Digits that begin and end, from what one window after the other holds; a number names each who is listened to."""

    def __init__(self, count: int) -> None:
        """count: how many numbers there are."""
        self.pressed: Final[Int64] = np.full(count, NO_DIGIT)
        """(count) the digit that is on; `NO_DIGIT` for none."""
        self.lasted: Final[Int64] = np.zeros(count, dtype=np.int64)
        """(count) hops for which it has been on, those that it took to be sure of it among them."""
        self._candidate: Int64 = np.full(count, NO_DIGIT)
        self._seen: Int64 = np.zeros(count, dtype=np.int64)
        self._missed: Int64 = np.zeros(count, dtype=np.int64)

    def forget(self, number: int) -> None:
        """Begin anew."""
        for array in (self.pressed, self._candidate):
            array[number] = NO_DIGIT
        for array in (self.lasted, self._seen, self._missed):
            array[number] = 0

    def note(self, numbers: Int64, found: Int64) -> tuple[Bools, Bools]:
        """What the next windows of ``numbers`` (n, each once) hold (n): who began a digit with it, and who ended one."""
        pressed = self.pressed[numbers]
        is_on = pressed != NO_DIGIT
        missed = np.where(found == pressed, 0, self._missed[numbers] + 1)
        ends = is_on & (missed >= _ENDS_AFTER)
        same = (found == self._candidate[numbers]) & (found != NO_DIGIT)
        seen = np.where(same, self._seen[numbers] + 1, found != NO_DIGIT)
        begins = ~is_on & (seen >= _BEGINS_AFTER)
        self._candidate[numbers], self._seen[numbers], self._missed[numbers] = found, np.where(ends, 0, seen), np.where(is_on, missed, 0)
        self.lasted[numbers] = np.where(begins, _BEGINS_AFTER + 1, self.lasted[numbers] + (is_on & (found == pressed)))
        self.pressed[numbers] = np.where(begins, found, np.where(ends, NO_DIGIT, pressed))
        return begins, ends
