"""What offer and answer agreed on, in the words the rest of the house uses (no SDP in here)."""

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Direction of a media stream as the one who says it sees it (RFC 3264 §5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether the one who says it sends media."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """Whether the one who says it receives media."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @classmethod
    def of(cls, *, sends: bool, receives: bool) -> "Direction":
        """The direction with these two halves."""
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE

    @property
    def reversed(self) -> "Direction":
        """The same stream as the other side sees it."""
        return Direction.of(sends=self.receives, receives=self.sends)


@dataclass(frozen=True, slots=True)
class Codec:
    """An audio format by its SDP encoding name (RFC 3551, RFC 4566 rtpmap)."""

    name: str
    """Upper case: ``PCMU``, ``PCMA``."""
    clock_rate: int = 8000
    channels: int = 1


PCMU = Codec("PCMU")
PCMA = Codec("PCMA")


@dataclass(frozen=True, slots=True)
class NegotiatedMedia:
    """One leg's audio stream after offer and answer."""

    address: str
    """Where the remote wants its RTP; ``0.0.0.0`` where it wants none."""
    port: int
    codec: Codec
    receive_payload_type: int
    """What the remote puts on packets to us (our number for the codec)."""
    send_payload_type: int
    """What we put on packets to the remote (its number for the codec)."""
    ptime_ms: int
    """What we send in; the remote's ptime where it said one, else 20."""
    receive_digit_payload_type: int | None
    """telephone-event (RFC 4733) from the remote; None where not negotiated."""
    send_digit_payload_type: int | None
    direction: Direction
    """As the remote sees it: ``sendonly`` means that the remote sends and does not hear (hold)."""
