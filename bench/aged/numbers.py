"""Where streams begin that are to roll over soon."""

from typing import Final

SPREAD: Final = 1000
"""Numbers below 65,536 over which they are spread: at 50 packets a second they roll over in the first 20 seconds, one after the other."""


def aged(drawn: int) -> int:
    """A first sequence number from a drawn one."""
    return 0xFFFF - drawn % SPREAD
