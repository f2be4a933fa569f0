"""The sockets of a worker's legs, as those see them who carry out commands; and none, for workers that nothing comes to."""

import os
from typing import Protocol

from rtp.latch import Address


class Ports(Protocol):
    """The sockets of the legs, as commands see them."""

    def open(self, row: int, descriptor: int) -> None:
        """Take a lent, bound UDP socket for a row; `OSError` where it is none (the descriptor is closed)."""

    def open_reports(self, row: int, descriptor: int) -> None:
        """Take a lent, bound UDP socket for a row's RTCP; `OSError` where it is none (the descriptor is closed)."""

    def send_reports(self) -> None:
        """Send the RTCP that waits; before `close`, so that a leg gets its BYE."""

    def sort(self, row: int) -> None:
        """Sort what comes for a row, or do so no more, as its leg says."""

    def aim(self, row: int, address: Address | None) -> None:
        """Send a row's packets to this address from now on, and take them from there."""

    def let_go(self, row: int) -> int:
        """Close a row's sockets, and give a copy of the connected one away; of the lent one, where there is none."""

    def take_up(self, row: int, descriptor: int, connected: int) -> None:
        """Take a lent socket and the one that is connected to the row's source; `OSError` where one is none (both are closed)."""

    def close(self, row: int) -> None:
        """Close a row's sockets."""


class NoPorts:
    """Ports of a worker without sockets (a rehearsal, a simulation): what is lent is closed, and legs stay where they are."""

    def open(self, row: int, descriptor: int) -> None:
        """Close what was lent."""
        os.close(descriptor)

    def open_reports(self, row: int, descriptor: int) -> None:
        """Close what was lent."""
        os.close(descriptor)

    def send_reports(self) -> None:
        """There is nowhere to send to."""

    def sort(self, row: int) -> None:
        """Nothing comes."""

    def aim(self, row: int, address: Address | None) -> None:
        """There is nothing to aim."""

    def let_go(self, row: int) -> int:
        """Legs do not leave."""
        raise NotImplementedError

    def take_up(self, row: int, descriptor: int, connected: int) -> None:
        """Legs do not come."""
        raise NotImplementedError

    def close(self, row: int) -> None:
        """There is nothing to close."""
