"""What the shared memory holds of how each leg sounds; `mediaserver.worker.judging` writes it, `Memory.quality` reads it."""

from dataclasses import dataclass

from rtp.arrays import Float64, Int64


@dataclass(slots=True)
class Qualities:
    """How each leg sounds; one entry a row."""

    judged: Int64
    """Numbers judged as of the last time."""
    lost: Int64
    """Lost of them."""
    loss_up: Float64
    """0 to 1, over the last seconds."""
    rating_up: Float64
    """R."""
    rating_heard: Float64
    """R without what delay spoils: for who only listens."""
    mos_up: Float64
    mos_heard: Float64
    mos_up_sum: Float64
    """Of all judgements."""
    mos_up_count: Int64
    mos_up_least: Float64
    rating_down: Float64
    mos_down: Float64
    mos_down_sum: Float64
    mos_down_count: Int64
    mos_down_least: Float64
