"""What is known of the noise in the pauses of legs; `mediaserver.worker.comfort_noise` says what is done with it."""

from dataclasses import dataclass

from mixer.arrays import Float32
from rtp.arrays import Bytes, Float64, Int64


@dataclass(slots=True)
class Noises:
    """One entry a row."""

    is_on: Bytes
    """The leg said that it pauses, and has not spoken since."""
    level: Float32
    """dBov, as it is made now …"""
    goal: Float32
    """… and as it was told last."""
    response: Float32
    """(row, taps) impulse response of unit power that colours it (`mixer.noise`)."""
    transit: Float64
    """Seconds that the clock is ahead of the leg's time line at the arrival of its packets."""
    end: Int64
    """Block behind the last that was made."""
