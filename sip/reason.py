"""Reason (RFC 3326): what of one side's reason means something to the other side of a call.

A cause of the telephone network (Q.850) does, and so do the few SIP causes that phones show: completed elsewhere, declined for
everybody. The text is always ours, so that nothing of one side's house reaches the other, and no header can be smuggled in.
"""

from typing import Final

from sip.errors import ParseError
from sip.headers import parse_list, parse_number, parse_parameters

HIGHEST_CAUSE: Final = 127
"""Of Q.850."""
MOST_REASONS: Final = 8
LONGEST: Final = 512
"""Characters of a header that are looked at."""

Q850: Final = {
    1: "unallocated number",
    2: "no route to transit network",
    3: "no route to destination",
    6: "channel unacceptable",
    16: "normal clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer",
    20: "subscriber absent",
    21: "call rejected",
    22: "number changed",
    23: "redirected",
    25: "exchange routing error",
    26: "answered elsewhere",
    27: "destination out of order",
    28: "invalid number format",
    29: "facility rejected",
    31: "normal, unspecified",
    34: "no circuit available",
    38: "network out of order",
    41: "temporary failure",
    42: "switching equipment congestion",
    47: "resource unavailable",
    50: "facility not subscribed",
    57: "bearer capability not authorized",
    58: "bearer capability not available",
    63: "service not available",
    65: "bearer capability not implemented",
    79: "service not implemented",
    88: "incompatible destination",
    102: "recovery on timer expiry",
    111: "protocol error",
    127: "interworking, unspecified",
}
"""Causes by ITU-T Q.850 table 1, in our words."""

SIP: Final = {200: "Call completed elsewhere", 600: "Busy everywhere", 603: "Declined"}
"""Final codes that say something about the others who were rung (RFC 3326 §3.1)."""


def relayed(value: str) -> str:
    """What to tell the other side, the telephone network's cause first; empty where nothing concerns it. Never raises."""
    found = [reason for item in _items(value[:LONGEST]) if (reason := _known(item))]
    return next((reason for reason in found if reason.startswith("Q.850")), found[0] if found else "")


def _items(value: str) -> list[str]:
    try:
        return parse_list(value)[:MOST_REASONS]
    except ParseError:
        return []


def _known(item: str) -> str:
    try:
        protocol, parameters = parse_parameters(item)
        cause = parse_number(parameters.get("cause") or "", "cause", 999)
    except ParseError:
        return ""
    match protocol.upper():
        case "Q.850" if 1 <= cause <= HIGHEST_CAUSE:
            text = Q850.get(cause)
            return f"Q.850;cause={cause}" + (f';text="{text}"' if text else "")
        case "SIP" if cause in SIP:
            return f'SIP;cause={cause};text="{SIP[cause]}"'
        case _:
            return ""
