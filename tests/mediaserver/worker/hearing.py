"""Judging what a phone got: how loud a tone is in it, whether it clicks, whether its numbers hold."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mixer.arrays import Int16
from tests.mediaserver.worker.simulated import Sent


def samples(got: Sequence[Sent]) -> Int16:
    """What a phone plays of these packets, one after the other."""
    return np.concatenate([packet.samples for packet in got])


def tone_level(heard: Int16, tone: float, rate: int = 8000) -> float:
    """Amplitude of a tone in samples, by a Blackman window over all of them."""
    window = np.blackman(len(heard))
    turning = np.exp(-2j * np.pi * tone * np.arange(len(heard)) / rate)
    return float(2 * abs(np.sum(heard * window * turning)) / window.sum())


def hears(got: Sequence[Sent], tone: float, level: float = 2000.0) -> bool:
    """Whether a tone of this amplitude is heard within 3 dB (True) or at least 40 dB below it (False); anything between is an error."""
    ratio = 20 * np.log10(max(tone_level(samples(got), tone, got[0].rate), 1e-9) / level)
    assert abs(ratio) < 3 or ratio < -40, f"{tone} Hz is heard at {ratio:.1f} dB"
    return bool(abs(ratio) < 3)


def assert_numbers_hold(got: Sequence[Sent], *, without_gaps: bool = True) -> None:
    """One SSRC, no number with two contents, numbers and timestamps rising together."""
    assert len({packet.ssrc for packet in got}) == 1
    for earlier, later in pairwise(got):
        ahead = (later.sequence - earlier.sequence) % 65_536
        assert ahead == 1 if without_gaps else 1 <= ahead < 1000
        assert 0 < (later.timestamp - earlier.timestamp) % (1 << 32) < 1 << 31


def largest_residual(got: Sequence[Sent], tones: Sequence[float]) -> float:
    """Peak of what is left, above 1.5 kHz, in dB of full scale: tones leave little there, a click does not."""
    heard = samples(got).astype(np.float64)
    basis = np.stack([wave(2 * np.pi * tone * np.arange(len(heard)) / got[0].rate) for tone in tones for wave in (np.sin, np.cos)], axis=1)
    left = np.diff(heard - basis @ np.linalg.lstsq(basis, heard, rcond=None)[0], n=2)
    return float(20 * np.log10(np.abs(left).max() / 8031))


def loudest_residual_db(got: Sequence[Sent], tones: Sequence[float]) -> float:
    """What is left of these packets without the tones, in the 10 ms in which it is loudest: RMS in dB of full scale."""
    heard, block = samples(got).astype(np.float64), got[0].rate // 100
    times = np.arange(len(heard)) / got[0].rate
    basis = np.stack([wave(2 * np.pi * tone * times) for tone in tones for wave in (np.sin, np.cos)], axis=1)
    left = heard - basis @ np.linalg.lstsq(basis, heard, rcond=None)[0]
    loudness = np.sqrt((left[: len(left) // block * block].reshape(-1, block) ** 2).mean(axis=1))
    return float(20 * np.log10(max(loudness.max(), 1e-3) / 8031))


def pitch(heard: Int16, tone: float, rate: int) -> float:
    """The frequency in Hz, within a quarter of ``tone``, that is heard most."""
    size = 1 << 16
    spectrum = np.abs(np.fft.rfft(heard * np.blackman(len(heard)), size))
    band = slice(int(tone * 0.75 / rate * size), int(tone * 1.25 / rate * size))
    return float((np.argmax(spectrum[band]) + band.start) * rate / size)


def loudest_above_db(got: Sequence[Sent], lowest: float) -> float:
    """What is heard of these packets from ``lowest`` Hz to 3.8 kHz, in the 10 ms in which that is loudest: RMS in dB of full scale."""
    heard, rate = samples(got).astype(np.float64), got[0].rate
    size = rate // 100
    window = np.blackman(size)
    pieces = np.lib.stride_tricks.sliding_window_view(heard, size)[:: size // 4]
    spectrum = np.abs(np.fft.rfft(pieces * window, axis=1)) * 2 / window.sum()
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    loudness = np.sqrt((spectrum[:, (frequencies > lowest) & (frequencies < 3800)] ** 2).sum(axis=1) / 2)
    return float(20 * np.log10(max(loudness.max(), 1e-3) / 8031))
