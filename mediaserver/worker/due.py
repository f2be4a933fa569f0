"""Packets to be mixed in this turn, as they go from the clocks through the mix to the encoders."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from rtp.arrays import Bools, Int64, named


@dataclass(slots=True)
class Due:
    """Packets (n), each listener once."""

    listener: Int64
    """Row."""
    marked_type: Int64
    sequence: Int64
    timestamp: Int64
    blocks: Int64

    def where(self, keep: Bools | Int64) -> "Due":
        """Those that ``keep`` (n) marks, or names."""
        keep = named(keep)
        return Due(self.listener[keep], self.marked_type[keep], self.sequence[keep], self.timestamp[keep], self.blocks[keep])

    @classmethod
    def join(cls, parts: list[Self]) -> "Due":
        """All of several."""
        return Due(
            np.concatenate([part.listener for part in parts]),
            np.concatenate([part.marked_type for part in parts]),
            np.concatenate([part.sequence for part in parts]),
            np.concatenate([part.timestamp for part in parts]),
            np.concatenate([part.blocks for part in parts]),
        )
