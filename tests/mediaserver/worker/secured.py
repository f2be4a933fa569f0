"""Phones that speak SRTP in the simulated worker, by pylibsrtp's own sessions: not the way by which the worker reaches libsrtp."""

from dataclasses import dataclass, field
from typing import Any

from pylibsrtp import Error, Policy, Session

from rtp.srtp.suites import NUMBERS, SUITES
from tests.mediaserver.worker.simulated import House, Phone

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


@dataclass
class Line:
    """A phone's ends of one secured leg."""

    suite: str
    said_under: bytes
    heard_under: bytes
    shutting: Session = field(init=False)
    opening: Session = field(init=False)
    raw: list[bytes] = field(default_factory=list)
    """What came, as it came."""
    shut: list[bytes] = field(default_factory=list)
    """What was sent, as it was sent."""
    strange: list[bytes] = field(default_factory=list)
    """What came and could not be opened."""

    def __post_init__(self) -> None:
        self.begin_shutting()
        self.begin_opening()

    def begin_shutting(self) -> None:
        """As a phone that forgot what it sent: its rollover counter is 0."""
        profile = PROFILES[self.suite]
        self.shutting = Session(Policy(key=self.said_under, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))

    def begin_opening(self) -> None:
        """As a phone that forgot what it heard."""
        self.opening = Session(Policy(key=self.heard_under, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILES[self.suite]))

    def media(self) -> dict[str, Any]:
        """The fields of `SetMedia`."""
        return {"srtp_suite": self.suite, "srtp_send_key": self.heard_under, "srtp_receive_key": self.said_under}


def key_of(suite: str, number: int) -> bytes:
    """A key for a suite, another for each number."""
    return bytes((number * 37 + position * 11) & 0xFF for position in range(SUITES[NUMBERS[suite] - 1].key_bytes))


def line_of(suite: str = "AES_CM_128_HMAC_SHA1_80", number: int = 1) -> Line:
    """A line with keys of its own."""
    return Line(suite, key_of(suite, 2 * number), key_of(suite, 2 * number + 1))


class SecuredHouse(House):
    """A simulated worker of which some phones have lines: what they say is shut, what they get is opened."""

    def __init__(self, rows: int = 16, calls: int = 8, seats: int = 6, *, heir_of: House | None = None) -> None:
        super().__init__(rows, calls, seats, heir_of=heir_of)
        self.lines: dict[int, Line] = dict(heir_of.lines) if isinstance(heir_of, SecuredHouse) else {}

    def join_secured(self, leg: int, call: int, role: str, line: Line, **media: Any) -> Phone:
        """As `join`, over a line."""
        phone = self.join(leg, call, role, **line.media(), **media)
        self.lines[phone.row] = line
        return phone

    def arrive(self, phone: Phone, packet: bytes) -> None:
        """As `House.arrive`; over a line the packet is shut."""
        line = self.lines.get(phone.row)
        if line is not None:
            packet = line.shutting.protect(packet)
            line.shut.append(packet)
        super().arrive(phone, packet)

    def arrive_as_it_is(self, phone: Phone, packet: bytes) -> None:
        """A datagram that nobody shut."""
        super().arrive(phone, packet)

    def _deliver(self, row: int, packet: bytes) -> None:
        line = self.lines.get(row)
        if line is None:
            super()._deliver(row, packet)
            return
        line.raw.append(packet)
        try:
            opened = line.opening.unprotect(packet)
        except Error:
            line.strange.append(packet)
        else:
            super()._deliver(row, opened)

    def counted(self, phone: Phone) -> dict[str, int]:
        """The counters of a leg that are not 0, and are about its security."""
        counters = self.memory.counters(phone.row)
        return {name: value for name, value in counters.items() if value and "srtp" in name}
