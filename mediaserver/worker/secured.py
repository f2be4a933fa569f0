"""What a secured leg has in shared memory: its keys, and how far they were used. Wiped with the leg, never logged.

An index is the rollover counter and the sequence number of a packet (RFC 3711 §3.3.1).
"""

from dataclasses import dataclass

from mediaserver.link.layout import SRTP_KEY, SRTP_SLOTS
from rtp.arrays import Bytes, Int64, UInt64
from rtp.srtp.indexes import SLOTS
from rtp.srtp.suites import KEY_BYTES

assert (SRTP_KEY, SRTP_SLOTS) == (KEY_BYTES, SLOTS)


@dataclass(slots=True)
class Secured:
    """Keys and what is to be known of what was sent; one entry a row. What came is in `rtp.srtp.indexes.Indexes`."""

    suite: Bytes
    """As `rtp.srtp.suites.NUMBERS` has it; 0 where the leg is not secured."""
    send_key: Bytes
    """(row, KEY_BYTES) master key and salt, zeros behind."""
    receive_key: Bytes
    is_fresh: Bytes
    """No packet proved genuine under the key for what it sends, which is not its first."""
    base: Int64
    """Number that we sent, extended, less its index: a multiple of 65,536."""
    following: Int64
    """The lowest index that was never sent, nor any above it."""
    reports_sent: Int64
    """Highest index of an RTCP packet that was sent under this key and SSRC; they begin with 1."""


@dataclass(slots=True)
class SecurityCounters:
    """Counters (row) of packets that were not what was agreed on."""

    dropped_srtp_authentication: UInt64
    """From the leg: forged, plain, or under another key."""
    dropped_srtp_replayed: UInt64
    """From the leg: came already, or too old to tell."""
    dropped_srtp_malformed: UInt64
    """From the leg: too short, too long, or no RTP."""
    srtp_unsent: UInt64
    """To the leg: could not be secured, so it was not sent."""
