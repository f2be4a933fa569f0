"""Sounds for the tests of codecs, in the 14-bit domain, and how alike two of them are."""

import numpy as np
import numpy.typing as npt

from mixer.g711 import FULL_SCALE

Samples = npt.NDArray[np.int16]


def tone(frequency: float, seconds: float, sample_rate: int, amplitude: float = FULL_SCALE / 2) -> Samples:
    """A sine."""
    times = np.arange(int(seconds * sample_rate)) / sample_rate
    return np.rint(amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.int16)


def voice(seconds: float, sample_rate: int, seed: int = 1) -> Samples:
    """Something like speech: syllables of a gliding voice with formants, and pauses between them."""
    random = np.random.default_rng(seed)
    times = np.arange(int(seconds * sample_rate)) / sample_rate
    pitch = 130 + 30 * np.sin(2 * np.pi * 0.7 * times)
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    highest = int(0.45 * sample_rate / 160)
    harmonics = range(1, highest)
    sound = sum(np.sin(number * phase + random.uniform(0, 6)) * _formants(130.0 * number) for number in harmonics)
    syllables = np.clip(np.sin(2 * np.pi * 2.3 * times) + 0.3, 0.0, 1.0)
    shaped = np.asarray(sound) * syllables
    louder = 0.5 * FULL_SCALE / float(np.abs(shaped).max())
    return np.asarray(np.rint(louder * shaped), dtype=np.int16)


def _formants(frequency: float) -> float:
    centres = ((500.0, 120.0, 1.0), (1500.0, 180.0, 0.5), (2500.0, 250.0, 0.25), (4500.0, 600.0, 0.1))
    return sum(height / (1 + ((frequency - centre) / width) ** 2) for centre, width, height in centres) + 0.01


def level_change_db(before: Samples, after: Samples) -> float:
    """How much louder ``after`` is than ``before``, both (samples), the first quarter left out."""

    def power(samples: Samples) -> float:
        return float(np.mean(samples[len(samples) // 4 :].astype(np.float64) ** 2))

    return float(10 * np.log10(power(after) / power(before)))


def likeness_db(said: Samples, heard: Samples, longest_delay: int = 400) -> float:
    """Signal-to-noise ratio of ``heard`` (samples) at the delay and the level at which it is most like ``said``."""
    length = min(len(said), len(heard)) - longest_delay
    reference = said[:length].astype(np.float64)
    best = -np.inf
    for delay in range(longest_delay):
        other = heard[delay : delay + length].astype(np.float64)
        gain = (reference @ other) / max(float(other @ other), 1.0)
        noise = reference - gain * other
        best = max(best, float(10 * np.log10((reference @ reference) / max(float(noise @ noise), 1e-9))))
    return best
