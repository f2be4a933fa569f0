"""Comfort noise (RFC 3389): its payload read and written, noise analysed, and noise made, for many rows at once.

A payload is one byte of level (in -dBov, 0 to 127), then as many reflection coefficients as the sender liked (§3). Noise is made
from them without any state: white noise of a fixed table, read at a place that is the row's own, through the impulse response of
their synthesis filter. Whoever knows the row, the time and the noise makes the same samples.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from mixer.arrays import Float32, Int16, Int64
from mixer.g711 import FULL_SCALE

SILENCE: Final = 127
"""The level byte that says silence."""
TAPS: Final = 32
"""Samples of an impulse response that are kept."""
MAX_ORDER: Final = 10
"""Reflection coefficients that are made use of; more say nothing about noise."""

_TABLE: Final = 1 << 16
_STRIDE: Final = 40_503
"""Between the places in the table at which two rows begin; odd, so that all differ."""
_MARGIN: Final = 1 << 12
"""Most samples that are made at once."""
_WHITE: Final[Float32] = np.resize(np.random.default_rng(3389).standard_normal(_TABLE).astype(np.float32), _TABLE + _MARGIN + TAPS)
"""The table, and its beginning once more behind its end."""
_LARGEST: Final = 0.98
"""Reflection coefficients beyond it would ring for longer than the impulse response is kept."""


def read_noise(payload: bytes) -> tuple[float, Float32]:
    """Level in dBov and impulse response (`TAPS`), of unit power, of a payload of at least one byte (RFC 3389 §3)."""
    coded = np.frombuffer(payload[1 : 1 + MAX_ORDER], dtype=np.uint8).astype(np.float64)
    reflections = np.clip((np.minimum(coded, 254) - 127) * (258 / 32768), -_LARGEST, _LARGEST)
    return -float(payload[0] & 0x7F), _response(reflections)


def write_noise(level: float, reflections: Float32) -> bytes:
    """The payload of noise at ``level`` dBov with these reflection coefficients (k), each of -1 to 1."""
    coded = np.clip(np.rint(np.asarray(reflections) * (32768 / 258)) + 127, 0, 254).astype(np.uint8)
    return bytes([int(np.clip(np.rint(-level), 0, SILENCE)), *coded.tolist()])


def analyse(frames: Int16, order: int) -> tuple[Float32, Float32]:
    """Levels (n) in dBov and reflection coefficients (n, order) of frames (n, m) int16 in the 14-bit domain (Levinson and Durbin)."""
    wide = frames.astype(np.float64)
    products = np.stack([(wide[:, lag:] * wide[:, : wide.shape[1] - lag]).sum(axis=1) for lag in range(order + 1)], axis=1)
    power = products[:, 0] / wide.shape[1]
    levels = np.maximum(10.0 * np.log10(np.maximum(power / FULL_SCALE**2, 1e-13)), -float(SILENCE))
    products[:, 0] = products[:, 0] * 1.0001 + 1.0
    reflections = np.zeros((len(frames), order))
    predictor = np.zeros((len(frames), order + 1))
    predictor[:, 0] = 1.0
    error = products[:, 0].copy()
    for step in range(1, order + 1):
        reflection = -(predictor[:, :step] * products[:, step:0:-1]).sum(axis=1) / error
        predictor[:, 1 : step + 1] += reflection[:, None] * predictor[:, step - 1 :: -1][:, :step]
        error *= 1.0 - reflection**2
        reflections[:, step - 1] = reflection
    return levels.astype(np.float32), reflections.astype(np.float32)


def responses(reflections: Float32) -> Float32:
    """Impulse responses (n, `TAPS`) of unit power of synthesis filters with these reflection coefficients (n, order)."""
    return np.stack([_response(np.clip(row, -_LARGEST, _LARGEST)) for row in np.asarray(reflections, dtype=np.float64)])


def comfort_noise(rows: Int64, level: Float32, response: Float32, at: Int64, count: int) -> Int16:
    """Noise (n, count) int16 in the 14-bit domain for rows (n), from sample ``at`` (n) of their time on.

    level (n) dBov, response (n, `TAPS`) of unit power; count at most 4096.
    """
    begin = (rows * _STRIDE + at) & (_TABLE - 1)
    shaped = _WHITE[(begin + TAPS - 1)[:, None] + np.arange(count)]
    for index in np.flatnonzero(response[:, 0] < 1.0).tolist():
        start = int(begin[index])
        shaped[index] = np.convolve(_WHITE[start : start + count + TAPS - 1], response[index], "valid")
    loudness = np.where(level <= -SILENCE, 0.0, FULL_SCALE * 10.0 ** (level / 20.0))
    return np.asarray(np.rint(np.clip(shaped * loudness[:, None], -32767.0, 32767.0)), dtype=np.int16)


def _response(reflections: npt.NDArray[np.float64]) -> Float32:
    """Impulse response of the all-pole filter with these reflection coefficients, of unit power."""
    predictor = np.ones(1)
    for reflection in reflections:
        grown = np.append(predictor, 0.0)
        predictor = grown + reflection * grown[::-1]
    response = np.zeros(TAPS)
    for time in range(TAPS):
        past = response[max(0, time - len(predictor) + 1) : time][::-1]
        response[time] = (time == 0) - float(predictor[1 : 1 + len(past)] @ past)
    return np.asarray(response / np.sqrt((response**2).sum()), dtype=np.float32)
