"""Legs on their way from one worker to another, with socket, numbers and keys, and without a word of SIP.

The old worker lets all of them go in one turn and answers with each leg's row and its connected socket; the new one receives all of them
in one turn. What is told to a leg meanwhile waits, and follows it. A leg that the old worker cannot let go any more, since it died
without an heir, is opened anew, as for the first time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mediaserver.link.messages import Command, OpenLeg, ReceiveLeg, Refused, ReleaseLeg, SetMedia
from mediaserver.observing.counters import Counters
from mediaserver.signalling.media.worker import LentLeg, Replied, Reply, Worker


@dataclass(frozen=True, slots=True)
class Move:
    """A leg that is to go to another worker."""

    leg: int
    call: int
    """The call in which it will be there."""
    role: str
    is_new: bool
    """It changes its call, and is as new there; else it moves with the whole of its call."""
    replied: Replied
    """Told the leg's new row, or that there is none."""


@dataclass(slots=True)
class _Journey:
    """Legs that go together."""

    target: Worker
    legs: dict[int, tuple[Move, LentLeg]]
    arrived: int = 0
    released: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """What the old worker lent for each."""


class Journeys:
    """All legs that are under way now."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._waiting: dict[int, list[tuple[Command, int, Replied | None]]] = {}
        """What was told to legs under way: command, descriptor, who hears the answer."""

    def begin(self, moves: Sequence[Move], origin: Worker, target: Worker) -> None:
        """Have ``origin`` let these legs go, and ``target`` receive them."""
        journey = _Journey(target, {move.leg: (move, origin.legs[move.leg]) for move in moves if move.leg in origin.legs})
        for move in moves:
            if move.leg not in journey.legs:
                move.replied(Refused(0, "unknown_leg", f"worker {origin.index} has no leg {move.leg}"))
        for leg in journey.legs:
            self._waiting[leg] = []
        for leg in journey.legs:
            origin.tell(ReleaseLeg(leg), replied=lambda reply, leg=leg: self._answered(journey, origin, leg, reply))  # type: ignore[misc]

    def keep(self, command: Command, lend: int, replied: Replied | None) -> bool:
        """Whether this command is about a leg under way; it follows the leg then."""
        waiting = self._waiting.get(getattr(command, "leg", -1))
        if waiting is None or isinstance(command, ReleaseLeg):
            return False
        waiting.append((command, lend, replied))
        return True

    def _answered(self, journey: _Journey, origin: Worker, leg: int, reply: Reply) -> None:
        journey.arrived += 1
        if not isinstance(reply, Refused):
            journey.released[leg] = origin.released.pop(leg)
        if journey.arrived == len(journey.legs):
            for move, lent in journey.legs.values():
                self._arrive(journey, move, lent)
            journey.target.flush()

    def _arrive(self, journey: _Journey, move: Move, lent: LentLeg) -> None:
        target, opening = journey.target, OpenLeg(move.leg, move.call, move.role, lent.opening.strict)
        if move.leg in journey.released:
            self._counters.add("legs_moved", "whole")
            command = ReceiveLeg(move.leg, move.call, move.role, lent.opening.strict, move.is_new)
            target.receive(command, lent, journey.released[move.leg], move.replied)
            target.lend_reports([lent])
        else:
            self._counters.add("legs_moved", "anew")
            target.open_again(opening, lent, (SetMedia,) if move.is_new else None, move.replied)
        for waiting, lend, replied in self._waiting.pop(move.leg):
            target.tell(waiting, lend=lend, replied=replied)
