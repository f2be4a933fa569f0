"""How a leg sounds, as signalling reads it from a worker's memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Way:
    """One way of a leg: *up* is what it sends us, *down* what it gets from us."""

    loss: float
    """Part of the packets (0 to 1) that was lost in the last seconds."""
    lost: int
    """Packets since the beginning."""
    jitter: float
    """Seconds."""
    rating: float
    """R of ITU-T G.107; 0.0 where nothing is known yet."""
    mos: float
    """1 to 4.5; 0.0 where nothing is known yet."""
    mos_average: float
    """Over the whole leg."""
    mos_least: float

    @property
    def is_known(self) -> bool:
        """Whether it was judged at all."""
        return self.mos > 0.0


@dataclass(frozen=True, slots=True)
class LegQuality:
    """Both ways of a leg."""

    up: Way
    down: Way
    round_trip: float
    """Seconds between us and the leg; 0.0 where it never told by RTCP."""
    late: int
    """Packets that came after their turn."""
    concealed: float
    """Seconds of sound that were made up for listeners."""
    dropped: int
    """Datagrams that were refused, for whatever reason."""
