"""The memory's layout is written without numpy, so it says once more how long some arrays are."""

from mediaserver.link import layout
from mixer import noise
from rtp import lateness, playout, stream


def test_the_memory_has_the_lengths_that_the_rooms_work_with() -> None:
    assert (layout.RING, layout.BLOCK) == (playout.RING, stream.BLOCK)
    assert layout.LATENESS_BINS == lateness.BINS
    assert layout.NOISE_TAPS == noise.TAPS
