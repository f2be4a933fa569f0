"""Levels of frames, and a speech flag that asks the voice detector only where there is sound at all."""

from typing import Any, Final

import numpy as np
from _webrtcvad import create, init, process, set_mode

from mixer.arrays import Float32, Int16
from mixer.g711 import FULL_SCALE

SILENCE_DBOV: Final = -127.0
GATE_DBOV: Final = -80.0
"""Frames below it hold no speech, whatever the detector would say: the quiet of a line, where no microphone is open."""

_SCALE: Final = 4
"""From the 14-bit domain to the 16 bits that the detector wants."""


def levels_dbov(frames: Int16) -> Float32:
    """Level of each frame (n, samples) in the 14-bit domain, in dBov: 0 is a full-scale square wave (RFC 6464)."""
    wide = frames.astype(np.float32)
    power = np.einsum("ns,ns->n", wide, wide) / (frames.shape[1] * FULL_SCALE * FULL_SCALE)
    return np.asarray(np.maximum(10.0 * np.log10(np.maximum(power, 1e-13)), SILENCE_DBOV), dtype=np.float32)


class _Detectors(dict[int, Any]):
    """webrtcvad's own detectors by row, made when they are asked for; its class around them costs a fifth of what they do."""

    def __init__(self, aggressiveness: int) -> None:
        super().__init__()
        self._aggressiveness = aggressiveness

    def __missing__(self, row: int) -> Any:
        detector = self[row] = create()
        init(detector)
        set_mode(detector, self._aggressiveness)
        return detector


class SpeechDetector:
    """The voice detectors of all legs, one each, kept as long as the leg."""

    def __init__(self, aggressiveness: int = 2) -> None:
        """aggressiveness: 0 (takes much for speech) to 3."""
        self._detectors = _Detectors(aggressiveness)

    def speaks(self, rows: list[int], frames: Int16, rate: int) -> list[bool]:
        """Whether each frame (n, samples) int16 of 10, 20 or 30 ms at ``rate``, one of each row, is speech."""
        samples = frames.shape[1]
        size = 2 * samples
        sound = (frames * np.int16(_SCALE)).tobytes()
        starts = range(0, len(sound), size)
        detectors = self._detectors
        return [process(detectors[row], rate, sound[at : at + size], samples) for row, at in zip(rows, starts, strict=True)]

    def forget(self, row: int) -> None:
        """Forget a leg that ended."""
        self._detectors.pop(row, None)
