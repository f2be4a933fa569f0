"""Who steers a supervisor's leg: the client of the control API by which its mode was chosen. When that client is gone, the leg listens.

A mode that was chosen by the phone itself stays, for there is somebody at the phone. Requests that come without a connection steer nothing:
they have no end that could be noticed. What was refused changed nothing, and neither who steers. Whoever is handed a talk has not asked for
it: it is his for as long as the client is there by which he entered, or else the newest one of his.
"""

from typing import Final

from control_api.acting import Acting, who_acts
from control_api.permissions import Identity
from mediaserver.call import inputs
from mediaserver.call.inputs import LegId
from mediaserver.signalling.calls.requests import NOBODY_WAITS
from mediaserver.signalling.calls.switchboard import Switchboard
from mixer.modes import Mode, Role

_MANY: Final = 64
"""Legs of one client, among which those that are gone are looked for."""


class Steering:
    """The clients that are there, and the legs that they steer."""

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard
        self._legs: dict[int, set[LegId]] = {}
        """By client. Two of them may look the same, so each is told by which object it is."""
        self._client: dict[LegId, int] = {}
        self._whose: dict[int, Identity | None] = {}
        """Clients, the newest last."""

    def came(self, who: Acting) -> None:
        """A client is there."""
        self._legs[id(who)] = set()
        self._whose[id(who)] = who.identity

    def takes(self, leg: LegId) -> None:
        """Whoever acts now has chosen this leg's mode."""
        self.releases(leg)
        client = id(who_acts())
        if client in self._legs:
            self._steers(client, leg)

    def is_given(self, leg: LegId, identity: Identity) -> None:
        """A talk was handed over to this leg of this identity."""
        own = (client for client, whose in reversed(self._whose.items()) if whose is not None and _name(whose) == _name(identity))
        client = None if leg in self._client else next(own, None)
        if client is not None:
            self._steers(client, leg)

    def _steers(self, client: int, leg: LegId) -> None:
        legs = self._legs[client]
        legs.add(leg)
        self._client[leg] = client
        if len(legs) > _MANY:
            for gone in [one for one in legs if self._switchboard.calls.of_leg(one) is None]:
                self.releases(gone)

    def releases(self, leg: LegId) -> None:
        """The phone itself chose, or the leg is gone."""
        client = self._client.pop(leg, None)
        if client is not None:
            self._legs[client].discard(leg)

    def parted(self, who: Acting) -> None:
        """A client is gone: nobody is there to see to whom its legs speak."""
        self._whose.pop(id(who), None)
        for leg in self._legs.pop(id(who), set()):
            del self._client[leg]
            found = self._switchboard.calls.of_leg(leg)
            if found is not None and any(view.leg == leg and view.mode not in (None, Mode.LISTEN) for view in found[0].view.legs):
                self._switchboard.feed(found[0], inputs.ModeRequested(leg, Mode.LISTEN, Role.AGENT, NOBODY_WAITS))


def _name(identity: Identity) -> tuple[str, str]:
    return identity.tenant, identity.name
