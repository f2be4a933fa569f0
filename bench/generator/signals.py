"""What a leg says: frames of payload that are sent round and round. Deterministic, so that a judge can make them again."""

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.generator.companding import DECODE, FRAME, RATE, SILENCE, Bytes, encode, step
from bench.generator.formats import PTIME_MS

AUDIO = Path(__file__).parent.parent / "audio"
"""A dialogue of customer and agent with a supervisor, synthetic voices on one time base, at 8 kHz and (``_16k``) at 16 kHz."""
SECOND = RATE // FRAME
"""Frames in a second."""
_TRIED = 6
"""Seconds of G.722 among which the most seamless loop is looked for."""


@dataclass(frozen=True, slots=True)
class Tones:
    """Sine tones at whole Hertz: one second holds whole periods of each, so the loop has no seam."""

    frequencies: tuple[int, ...]
    amplitude: float
    """Peak of each tone, int16 scale."""


@dataclass(frozen=True, slots=True)
class Code:
    """Pseudo-random payload bytes: any change of a byte shows."""

    seed: int
    frames: int = SECOND


@dataclass(frozen=True, slots=True)
class Marks:
    """Silence with single loud samples at places that the seed decides, at most one a frame. For measuring delay to the sample."""

    seed: int
    amplitude: int
    """The sample's value, int16 scale, with its sign."""
    frames: int = 10 * SECOND
    every: int = 25
    """Mean distance of marks, frames."""


@dataclass(frozen=True, slots=True)
class Plateau:
    """Samples of one magnitude with pseudo-random signs in pairs: any change of gain shows in every packet."""

    seed: int
    amplitude: int


@dataclass(frozen=True, slots=True)
class Speech:
    """A mono 16-bit 8 kHz WAV file, from this second on, round and round."""

    path: Path
    begins: int = 0


@dataclass(frozen=True, slots=True)
class Silence:
    """Digital silence."""


Signal = Tones | Code | Marks | Plateau | Speech | Silence


def render(signal: Signal, codec: str) -> Bytes:
    """The signal's loop as payload, (frames, bytes of 20 ms) uint8. Beside G.711 there are tones and silence only."""
    if codec not in DECODE:
        return _render_coded(signal, codec)
    match signal:
        case Tones():
            return encode(_tones(signal), codec).reshape(-1, FRAME)
        case Code(seed, frames):
            return np.random.default_rng(seed).integers(0, 256, (frames, FRAME), dtype=np.uint8)
        case Marks():
            return encode(_marks(signal), codec)
        case Plateau(seed, amplitude):
            signs = np.random.default_rng(seed).integers(0, 2, SECOND * FRAME // 2) * 2 - 1
            return encode(np.repeat(signs * amplitude, 2), codec).reshape(-1, FRAME)
        case Speech(path, begins):
            return np.roll(encode(_speech(path), codec).reshape(-1, FRAME), -begins * SECOND, axis=0)
        case Silence():
            return np.full((1, FRAME), SILENCE[codec], np.uint8)


def _render_coded(signal: Signal, codec: str) -> Bytes:
    """A second of tones or silence out of a longer stretch, so that a coder with a memory finds nearly its own state at the seam."""
    from bench.coding import opus  # the coders are large, and most benches speak G.711 alone
    from bench.coding.codecs import CODECS

    rate = CODECS[codec].rate
    match signal:
        case Tones():
            second = np.clip(np.rint(_tones(signal, rate)), -32768, 32767).astype(np.int16)
        case Silence():
            second = np.zeros(rate, np.int16)
        case _:
            raise ValueError(f"{type(signal).__name__} is not said in {codec}")
    if codec == "G722":
        payloads = _seamless(CODECS[codec].encode(np.tile(second, _TRIED + 1), PTIME_MS))
    elif codec == "opus":
        payloads = opus.encode(np.tile(second, 3), PTIME_MS, constant=True)[SECOND : 2 * SECOND]
    else:
        payloads = CODECS[codec].encode(second, PTIME_MS)
    return np.frombuffer(b"".join(payloads), np.uint8).reshape(SECOND, -1)


def _seamless(payloads: Sequence[bytes]) -> Sequence[bytes]:
    """Of `_TRIED` seconds of G.722, after a first one, that which is most alike when it is said again: else a tone may jump by 4 dB."""
    from bench.coding.codecs import CODECS

    codec = CODECS["G722"]
    tried = [payloads[start : start + SECOND] for start in range(SECOND, (1 + _TRIED) * SECOND, SECOND)]
    steady = codec.decode(payloads, PTIME_MS).astype(np.float64).reshape(-1, codec.rate)[1:]
    again = np.stack([codec.decode([*second, *second], PTIME_MS)[codec.rate :] for second in tried])
    return tried[int(((again - steady) ** 2).sum(axis=1).argmin())]


def mark_positions(signal: Marks) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Frames of the loop that hold a mark, and the mark's sample within each."""
    random = np.random.default_rng(signal.seed)
    spread = signal.every // 5
    frames = np.arange(signal.every, signal.frames - signal.every // 2, signal.every)
    frames = frames + random.integers(-spread, spread + 1, len(frames))
    return frames.astype(np.int64), random.integers(0, FRAME, len(frames))


def _tones(signal: Tones, rate: int = RATE) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    time = np.arange(rate) / rate
    random = np.random.default_rng(list(signal.frequencies))
    phases = random.uniform(0, 2 * np.pi, len(signal.frequencies))
    samples = np.zeros(rate)
    for frequency, phase in zip(signal.frequencies, phases, strict=True):
        samples += signal.amplitude * np.sin(2 * np.pi * frequency * time + phase)
    if rate != RATE:
        return samples
    # Dither as wide as the step makes the coding noise white; undithered it gathers in lines that look like leaked tones.
    return samples + random.uniform(-0.5, 0.5, RATE) * step(np.abs(samples))


def _marks(signal: Marks) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    samples = np.zeros((signal.frames, FRAME))
    frames, places = mark_positions(signal)
    samples[frames, places] = signal.amplitude
    return samples


def read_wav(path: Path, rate: int = RATE) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """The samples of a mono 16-bit WAV file of this rate; raises ValueError for any other."""
    with wave.open(str(path)) as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, rate):
            raise ValueError(f"{path}: want mono 16-bit {rate // 1000} kHz, have {file.getnchannels()} channels, {file.getframerate()} Hz")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def _speech(path: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    samples = read_wav(path)
    return samples[: len(samples) // FRAME * FRAME]


def energy(payload: Bytes, codec: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean square of each frame's samples."""
    samples = DECODE[codec][payload].astype(np.float64)
    return np.asarray((samples * samples).mean(axis=-1))
