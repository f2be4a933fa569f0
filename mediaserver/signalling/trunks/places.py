"""Where calls to a trunk go: its targets, which of them are up, and in which order they are tried (RFC 2782)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol

from config.trunks import TargetSettings, TrunkSettings
from mediaserver.signalling.trunks.watch import Watch
from sip.errors import SipError
from sip.location.weighing import ranked
from sip.transport.flow import Flow
from sip.uri import Uri

Found = Callable[[tuple[Flow, ...], str], None]
"""Gets flows in the order in which to try them, and why there are none."""


class Locator(Protocol):
    """Turns URIs into flows."""

    def locate(self, uri: Uri, found: Found) -> None:
        """Call ``found`` once, at once where no look-up is needed."""


@dataclass(frozen=True, slots=True)
class Place:
    """A target of a trunk."""

    uri: Uri
    """Without a user."""
    watch: Watch
    priority: int = 0
    weight: int = 1

    @property
    def name(self) -> str:
        """As people read it: ``host``, ``host:port``."""
        return str(Uri("sip", "", self.uri.host, self.uri.port)).removeprefix("sip:")

    def address(self, number: str, parameters: tuple[tuple[str, str | None], ...] = ()) -> str:
        """The Request-URI of a call to a number there."""
        transport = self.uri.parameters if self.uri.parameter("transport") != "udp" else ()
        return str(Uri("sip", number, self.uri.host, self.uri.port, (*parameters, *transport)))


def places_of(trunk: TrunkSettings) -> tuple[Place, ...]:
    """A trunk's targets; none for one without."""
    short = [TargetSettings(host=trunk.host)] if trunk.host else []
    return tuple(place for target in (*trunk.targets, *short) if (place := _place(target, trunk)) is not None)


def addresses_of(trunk: TrunkSettings) -> tuple[str, ...]:
    """Where the settings say that a trunk is, as far as they say it in addresses: sources, targets, registrar."""
    registrar = trunk.registration.registrar if trunk.registration is not None else ""
    places = [*places_of(trunk), *([place_at(registrar, trunk)] if registrar else [])]
    return (*trunk.addresses, *(place.uri.host for place in places if place is not None and _is_address(place.uri.host)))


def in_order(places: Iterable[Place], below: Callable[[int], int]) -> list[Place]:
    """Those that are up, the one to try first at the front; ``below(n)`` is a random number from 0 to n - 1."""
    return ranked([place for place in places if place.watch.is_up], below)


def locate_all(locator: Locator, places: Iterable[Place], found: Callable[[tuple[tuple[Flow, Place], ...]], None]) -> None:
    """Find the flows to all places, in the order of the places; ``found`` is called once."""
    wanted = list(places)
    ways: list[tuple[tuple[Flow, Place], ...]] = [()] * len(wanted)
    missing = set(range(len(wanted)))

    def located(number: int, flows: tuple[Flow, ...]) -> None:
        ways[number] = tuple((flow, wanted[number]) for flow in flows)
        missing.discard(number)
        if not missing:
            found(tuple(way for some in ways for way in some))

    if not wanted:
        found(())
    for number, place in enumerate(wanted):
        locator.locate(place.uri, lambda flows, _, number=number: located(number, flows))  # type: ignore[misc]


def place_at(hostport: str, trunk: TrunkSettings) -> Place | None:
    """A trunk's other place, such as its registrar: ``host[:port]``."""
    return _place(TargetSettings(host=hostport), trunk)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _place(target: TargetSettings, trunk: TrunkSettings) -> Place | None:
    transport = target.transport or trunk.transport
    host = f"[{target.host}]" if target.host.count(":") > 1 and not target.host.startswith("[") else target.host
    try:
        parsed = Uri.parse(f"sip:{host}")
    except SipError:
        return None
    uri = Uri("sip", "", parsed.host, target.port or parsed.port, (("transport", transport),))
    return Place(uri, Watch(trunk.keepalive), target.priority, target.weight)
