"""What the server itself can say: tones, hold music and spoken prompts, as 8 kHz mono int16 samples in memory files.

The prompts in ``prompts/`` were spoken by the project with the free synthesiser flite.
"""

from __future__ import annotations

import os
import wave
from array import array
from collections.abc import Iterable
from math import cos, pi, sin
from pathlib import Path

RATE = 8000

RINGBACK = "ringback"
BUSY = "busy"
MUSIC = "music"
COMFORT = "comfort"
ENTER_PIN = "enter_pin"
WRONG_PIN = "wrong_pin"
SEVERAL_CALLS = "several_calls"
SUPERVISED = "supervised"

_SPOKEN = (ENTER_PIN, WRONG_PIN, SEVERAL_CALLS)
_PROMPTS = Path(__file__).with_name("prompts")

_MELODY = (261.63, 329.63, 392.00, 523.25, 392.00, 329.63, 293.66, 349.23, 440.00, 587.33, 440.00, 349.23)
"""Two broken chords, hertz: short, unobtrusive, and nobody's copyright."""


def tone(frequencies: Iterable[float], seconds: float, level: float = 0.1) -> array[int]:
    """A sum of sines; level is each one's peak, 1.0 full scale. Faded over 5 ms at both ends, so it does not click."""
    count = int(RATE * seconds)
    steps = [2 * pi * frequency / RATE for frequency in frequencies]
    fade = min(count // 2, RATE // 200) or 1
    samples = array("h", bytes(2 * count))
    for index in range(count):
        edge = min(1.0, index / fade, (count - 1 - index) / fade)
        samples[index] = int(32767 * level * edge * sum(sin(step * index) for step in steps))
    return samples


def silence(seconds: float) -> array[int]:
    """So many seconds of nothing."""
    return array("h", bytes(2 * int(RATE * seconds)))


def _note(frequency: float, seconds: float) -> array[int]:
    """One soft note with a raised-cosine swell."""
    count = int(RATE * seconds)
    step = 2 * pi * frequency / RATE
    return array("h", (int(1800 * (1 - cos(2 * pi * i / count)) * sin(step * i)) for i in range(count)))


def built_in() -> dict[str, array[int]]:
    """The sounds that every server has. Tones after ITU-T E.180's common values, quiet enough to talk over."""
    music: array[int] = array("h")
    for frequency in _MELODY:
        music += _note(frequency, 0.5)
    return {
        RINGBACK: tone((425,), 1.0) + silence(4.0),
        BUSY: tone((425,), 0.5) + silence(0.5),
        MUSIC: music,
        SUPERVISED: tone((1400,), 0.2),
        COMFORT: tone((520,), 0.3, 0.05) + silence(3.7),
        **{name: read_wave(_PROMPTS / f"{name}.wav") for name in _SPOKEN},
    }


def read_wave(path: Path) -> array[int]:
    """A WAV file's samples; raises `ValueError` unless it is 16-bit mono at 8 kHz."""
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
                raise ValueError(f"{path}: a sound must be 16-bit mono at {RATE} Hz (sox IN -r {RATE} -c 1 -b 16 OUT)")
            return array("h", file.readframes(file.getnframes()))
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path}: no WAV file that can be read ({error or 'it ends too soon'})") from error


def as_memory_file(name: str, samples: array[int]) -> int:
    """A sealed copy as an anonymous file; the caller owns the descriptor."""
    descriptor = os.memfd_create(f"sound-{name}", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(samples.tobytes())
    return descriptor
