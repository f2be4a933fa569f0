"""Times of RTCP: NTP, its middle 32 bits, round trips (RFC 3550 §4, §6.4.1), and when the next report is due (§6.2, §6.3, A.7)."""

from typing import Final

NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970."""
LEAST_INTERVAL: Final = 5.0
"""Seconds: Tmin, of which the average interval is at least the `COMPENSATION`-th part (§6.2, §6.3.1)."""
COMPENSATION: Final = 1.21828
"""e - 3/2: what timer reconsideration makes the average too long by (§6.3.1)."""
MOST_ROUND_TRIP: Final = 10.0
"""Seconds beyond which a round trip is not believed."""
_UNIT: Final = 65_536.0
_LONGEST_DELAY: Final = 65_535.0


def ntp(wall: float) -> int:
    """Unix time as 64 bits of NTP."""
    return int((wall + NTP_EPOCH) * 4_294_967_296.0) & 0xFFFF_FFFF_FFFF_FFFF


def middle(ntp_time: int) -> int:
    """The middle 32 bits of an NTP time: units of 1/65536 s."""
    return (ntp_time >> 16) & 0xFFFF_FFFF


def delay_units(seconds: float) -> int:
    """A delay in 1/65536 s, as far as 32 bits hold it."""
    return int(min(seconds, _LONGEST_DELAY) * _UNIT) if seconds > 0.0 else 0


def round_trip(arrived: float, last_report: int, delay: int) -> float | None:
    """Seconds to the far end and back: it got what we sent at ``last_report``, and its answer came at ``arrived`` (Unix time).

    None where it got nothing yet, or where what it says cannot be.
    """
    if not last_report:
        return None
    units = (middle(ntp(arrived)) - last_report - delay) & 0xFFFF_FFFF
    seconds = (units - 0x1_0000_0000 if units & 0x8000_0000 else units) / _UNIT
    # clocks that are read to the microsecond may differ by a unit or two
    return max(seconds, 0.0) if -0.001 <= seconds <= MOST_ROUND_TRIP else None


def interval(chance: float, *, is_first: bool, least: float = LEAST_INTERVAL) -> float:
    """Seconds until the next report: half to one and a half of ``least`` by chance (0 to 1), over `COMPENSATION`, first after half of it.

    Two participants with a report each 5 s need less than 5 % of any voice stream, so the least interval holds as it is (A.7).
    """
    return (least / 2 if is_first else least) * (0.5 + chance) / COMPENSATION
