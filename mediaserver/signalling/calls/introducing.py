"""Session-ID across the server (RFC 7989 §6): each side of a call is told the UUID of the other."""

from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.house import House
from mixer.modes import Role


def uuid_behind(house: House, entry: CallEntry, leg: Leg) -> str:
    """The UUID of whom a party talks to; empty for a supervisor, who is nobody's other side, and while it is not known."""
    other = _other(entry, leg)
    return "" if other is None or other.session is None else house.agent.session_id_of(other.session)


def introduce(house: House, entry: CallEntry, leg: Leg) -> None:
    """A leg's far end was heard: let the party that it talks to learn who that is, in whatever it is told next."""
    other = _other(entry, leg)
    if other is not None and other.session is not None and leg.session is not None:
        house.agent.speak_for(other.session, house.agent.session_id_of(leg.session))


def _other(entry: CallEntry, leg: Leg) -> Leg | None:
    if leg.role is Role.SUPERVISOR:
        return None
    return next((other for other in entry.legs.values() if other is not leg and other.role is not Role.SUPERVISOR), None)
