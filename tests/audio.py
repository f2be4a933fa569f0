"""Tones for parties and the judgement of what was heard: made and measured in tests, 8 kHz mono int16 throughout.

Each party sends a tone of its own, and every listener's recording is judged in 100 ms Blackman windows. *Heard* is within 3 dB of what was
sent in every window; *not heard* is at least 40 dB below that in every window, and 58 dB over each whole second (µ-law noise lets no
more be asked). The tones are not harmonics of each other.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Int16 = NDArray[np.int16]
Float64 = NDArray[np.float64]

RATE: Final = 8000
TONES_HZ: Final = (433.0, 701.0, 1103.0, 1501.0)
AMPLITUDE: Final = 6000.0
"""Of one tone: four of them together do not clip."""

WINDOW: Final = RATE // 10
HOP: Final = WINDOW // 2
HEARD_WITHIN_DB: Final = 3.0
SILENT_BELOW_DB: Final = 40.0
SILENT_BELOW_OVER_A_SECOND_DB: Final = 58.0
_FLOOR: Final = 1e-9


def tone(frequency_hz: float, seconds: float, amplitude: float = AMPLITUDE) -> Int16:
    """A sine of this peak amplitude, (samples,) int16."""
    time = np.arange(round(seconds * RATE)) / RATE
    return np.round(amplitude * np.sin(2 * np.pi * frequency_hz * time)).astype(np.int16)


def write_wav(path: Path, samples: Int16) -> Path:
    """Write mono 16 bit PCM at 8 kHz."""
    data = samples.astype("<i2").tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16, b"data", len(data)
    )
    path.write_bytes(header + data)
    return path


def read_wav(path: Path) -> Int16:
    """Read 16 bit PCM as mono of 8 kHz; whole even while it is still written, when its header does not know the length yet."""
    raw = path.read_bytes()
    start = raw.find(b"data", 12)
    if start < 0:
        return np.zeros(0, np.int16)
    body = raw[start + 8 :]
    channels, rate = struct.unpack_from("<HI", raw, 22)
    samples = np.frombuffer(body[: len(body) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels)
    return _at_our_rate(samples.mean(axis=1), rate // RATE) if rate != RATE or channels > 1 else samples[:, 0].astype(np.int16)


def _at_our_rate(samples: Float64, factor: int) -> Int16:
    """Samples of a multiple of 8 kHz without what is above 3.6 kHz, each ``factor``-th of them; whole blocks, so that more may follow."""
    reach = 24 * factor
    times = np.arange(-reach, reach + 1) / factor
    low = np.blackman(2 * reach + 1) * np.sinc(0.9 * times)
    filtered = np.convolve(samples, low / low.sum(), mode="valid")
    return np.round(filtered[: len(filtered) // factor * factor : factor]).astype(np.int16)


def levels_db(samples: Int16, frequency_hz: float, window: int = WINDOW, hop: int = HOP, amplitude: float = AMPLITUDE) -> Float64:
    """Level of one frequency in each window, (windows,) in dB relative to a tone of ``amplitude``."""
    if len(samples) < window:
        raise ValueError(f"{len(samples)} samples are less than one window of {window}")
    shape = np.blackman(window)
    probe = shape * np.exp(-2j * np.pi * frequency_hz / RATE * np.arange(window)) * (2 / shape.sum())
    windows = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), window)[::hop]
    return np.asarray(20 * np.log10(np.abs(windows @ probe) / amplitude + _FLOOR))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a recording says about one tone."""

    frequency_hz: float
    quietest_db: float
    """In the quietest window, relative to what was sent."""
    loudest_db: float
    loudest_over_a_second_db: float

    @property
    def is_heard(self) -> bool:
        """Within 3 dB in every window."""
        return self.quietest_db >= -HEARD_WITHIN_DB and self.loudest_db <= HEARD_WITHIN_DB

    @property
    def is_silent(self) -> bool:
        """40 dB down in every window and 58 dB over each second."""
        return self.loudest_db <= -SILENT_BELOW_DB and self.loudest_over_a_second_db <= -SILENT_BELOW_OVER_A_SECOND_DB

    def __str__(self) -> str:
        word = "heard" if self.is_heard else "silent" if self.is_silent else "neither heard nor silent"
        return (
            f"{self.frequency_hz:.0f} Hz is {word}: {self.quietest_db:.1f} to {self.loudest_db:.1f} dB, "
            f"{self.loudest_over_a_second_db:.1f} dB over a second"
        )


def judge(samples: Int16, frequency_hz: float, amplitude: float = AMPLITUDE) -> Judgement:
    """Judge at least one second of a recording for one tone."""
    short = levels_db(samples, frequency_hz, amplitude=amplitude)
    long = levels_db(samples, frequency_hz, RATE, RATE // 4, amplitude)
    return Judgement(frequency_hz, float(short.min()), float(short.max()), float(long.max()))


def assert_hears(samples: Int16, heard_hz: set[float], tones_hz: tuple[float, ...] = TONES_HZ) -> None:
    """Fail unless exactly these of the tones are heard, and every other one is silent."""
    judgements = [judge(samples, frequency) for frequency in tones_hz]
    wrong = [str(j) for j in judgements if not (j.is_heard if j.frequency_hz in heard_hz else j.is_silent)]
    assert not wrong, f"expected to hear {sorted(heard_hz)} and nothing else in {len(samples) / RATE:.2f} s: " + "; ".join(wrong)
