"""What offer and answer agreed on, in the words the rest of the house uses (no SDP in here)."""

from dataclasses import dataclass, field
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
    """Upper case: ``PCMU``, ``OPUS``."""
    clock_rate: int = 8000
    channels: int = 1


PCMU = Codec("PCMU")
PCMA = Codec("PCMA")
G722 = Codec("G722")
"""Its clock says 8000, though it samples at 16000 (RFC 3551 §4.5.2)."""
L16_NARROW = Codec("L16", 8000)
L16_WIDE = Codec("L16", 16_000)
OPUS = Codec("OPUS", 48_000, 2)
"""Its rtpmap never says anything else, whatever it carries (RFC 7587 §7)."""
COMFORT_NOISE = Codec("CN")
"""RFC 3389, beside codecs of 8 kHz."""


@dataclass(frozen=True, slots=True)
class Sdes:
    """SRTP whose keys stood in the descriptions (RFC 4568). Each key is the master key, then its salt."""

    suite: str
    """As in RFC 4568 and 7714: ``AES_CM_128_HMAC_SHA1_80``."""
    send_key: bytes = field(repr=False)
    """Ours: for what we send."""
    receive_key: bytes = field(repr=False)
    """The remote's: for what it sends."""


class Setup(StrEnum):
    """Who begins the DTLS handshake (RFC 4145 §4, RFC 5763 §5)."""

    ACTIVE = "active"
    PASSIVE = "passive"
    ACTPASS = "actpass"
    HOLDCONN = "holdconn"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Hash of the certificate that a side will show in its handshake (RFC 8122 §5)."""

    algorithm: str
    """Lower case: ``sha-256``."""
    digest: bytes

    def __str__(self) -> str:
        return f"{self.algorithm} {self.digest.hex(':').upper()}"


@dataclass(frozen=True, slots=True)
class Dtls:
    """SRTP whose keys come from a DTLS handshake on the media path (RFC 5763)."""

    fingerprints: tuple[Fingerprint, ...]
    """The remote's: its certificate must match one of them."""
    setup: Setup
    """Our part: ``active`` begins the handshake, ``passive`` waits for it, ``holdconn`` has none for now."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that ICE may try (RFC 8839 §5.1)."""

    foundation: str
    component: int
    """1: RTP, 2: RTCP."""
    priority: int
    address: str
    port: int
    kind: str
    """``host``, ``srflx``, ``prflx`` or ``relay``."""


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """What one side's checks are signed with (RFC 8839 §5.4)."""

    ufrag: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ice:
    """ICE was agreed on, and we are its lite side (RFC 8445 §2.5). Other credentials than before mean that it begins anew (§9)."""

    local: IceCredentials
    remote: IceCredentials
    candidates: tuple[Candidate, ...]
    """The remote's over UDP, as far as they are IP addresses."""
    remote_is_lite: bool = False
    """Nobody checks then: the addresses of the descriptions hold."""


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
    rtcp_mux: bool = False
    """RTCP comes to, and goes from, the port of RTP (RFC 5761)."""
    rtcp: tuple[str, int] | None = None
    """Where the remote wants its RTCP, where it said so (RFC 3605); None: beside its RTP, by rule."""
    security: Sdes | Dtls | None = None
    """None: plain RTP. Where it is not, plain RTP must not be sent, and what comes in plain is nobody's."""
    ice: Ice | None = None
    parameters: str = ""
    """The remote's fmtp for the codec: what it wants to receive."""
    digit_clock_rate: int = 8000
    """Ticks a second in which telephone-events are measured."""
    receive_comfort_noise_payload_type: int | None = None
    """Comfort noise (RFC 3389) from the remote; None where not negotiated."""
    send_comfort_noise_payload_type: int | None = None
