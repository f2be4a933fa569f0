"""Transfers carried out: REFERs answered and reported on, and legs that go from one call to another.

Calls of one agent are mixed by one worker, so that a leg can change its call there in one turn. Where two calls to be joined are mixed
by two workers all the same, the leg goes over with its socket. Its numbers go on either way.
"""

from collections.abc import Callable
from typing import assert_never

from mediaserver.call import actions, inputs
from mediaserver.call.inputs import LegId
from mediaserver.link import messages as link
from mediaserver.link.messages import Applied, Refused
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry, Calls
from mediaserver.signalling.house import House
from mediaserver.signalling.media.agreeing import tell_media
from mediaserver.signalling.media.journeys import Move
from mixer.modes import Role

NO_DIALOG = 481


class Mover:
    """Performs the actions of transfers."""

    def __init__(
        self,
        house: House,
        calls: Calls,
        feed: Callable[[CallEntry, inputs.Input], None],
        perform: Callable[[CallEntry, actions.LegAction, float], None],
        opened: Callable[[CallEntry, Leg, Applied | Refused], None],
    ) -> None:
        self._house = house
        self._calls = calls
        self._feed = feed
        self._perform = perform
        self._opened = opened

    def perform(self, entry: CallEntry, action: actions.TransferAction, now: float) -> None:
        """Carry out one action. A REFER's number is the user agent's own, so its session need not be known here."""
        agent = self._house.agent
        match action:
            case actions.AcceptTransfer(transfer=transfer):
                agent.accept_refer(0, transfer, now)
            case actions.RefuseTransfer(transfer=transfer, status=status):
                agent.reject_refer(0, transfer, status, now)
            case actions.NotifyTransfer(transfer=transfer, status=status):
                agent.notify_refer(0, transfer, status, now)
            case actions.MergeCalls(transfer=transfer, consultation=consultation):
                self._merge(entry, transfer, consultation)
            case actions.RefuseMerge(into=into, transfer=transfer, status=status):
                self._refused(into, transfer, status)
            case actions.HandOver():
                self._hand_over(entry, action, now)
            case actions.AdoptLeg(leg=leg, role=role):
                self._adopt(entry, leg, role)
            case _:
                assert_never(action)

    def _merge(self, entry: CallEntry, transfer: int, consultation: LegId) -> None:
        found = self._calls.of_leg(consultation)
        if found is None or found[0] is entry:
            self._feed(entry, inputs.MergeRefused(transfer, NO_DIALOG))
        else:
            self._feed(found[0], inputs.MergeRequested(consultation, entry.view.call, transfer))

    def _refused(self, into: str, transfer: int, status: int) -> None:
        entry = self._calls.get(into)
        if entry is not None:
            self._feed(entry, inputs.MergeRefused(transfer, status))

    def _hand_over(self, entry: CallEntry, action: actions.HandOver, now: float) -> None:
        into, leg = self._calls.get(action.into), entry.legs.get(action.leg)
        if leg is None:
            return
        if into is None:
            self._perform(entry, actions.EndLeg(leg.leg, ""), now)
            self._perform(entry, actions.CloseLeg(leg.leg), now)
            return
        self._calls.move_leg(entry, into, leg)
        self._feed(into, inputs.LegHandedOver(leg.leg, action.moved))

    def _adopt(self, entry: CallEntry, number: LegId, role: Role) -> None:
        leg, media = entry.legs.get(number), self._house.media
        if leg is None:
            return
        leg.role = role
        if leg.mixed_by is entry.worker:
            command = link.MoveLeg(leg=leg.leg, call=entry.number, role=role)
            media.tell(entry.worker, command, replied=lambda reply: self._opened(entry, leg, reply))
            return
        leg.row = -1
        if leg.mixed_by is not None:
            move = Move(leg.leg, entry.number, role, is_new=True, replied=lambda reply: self._opened(entry, leg, reply))
            media.move([move], leg.mixed_by, entry.worker)
            leg.mixed_by = entry.worker
            return
        tell_open(self._house, entry, leg, lambda reply: self._opened(entry, leg, reply))
        if leg.media is not None:
            tell_media(self._house, entry, leg, leg.media)


def tell_open(house: House, entry: CallEntry, leg: Leg, replied: Callable[[Applied | Refused], None]) -> None:
    """Have the call's worker give a leg its row and seat."""
    leg.is_opened, leg.reports_lent = True, False
    leg.mixed_by = entry.worker
    command = link.OpenLeg(leg=leg.leg, call=entry.number, role=leg.role, strict=leg.is_strict)
    house.media.tell(entry.worker, command, lend=leg.port.socket.fileno(), replied=replied)
