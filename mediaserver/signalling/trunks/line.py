"""One trunk at run time: its settings, its targets and whether they are up, its registration, its caps and its numbers."""

import structlog

from config.trunks import TrunkSettings
from control_api.ports import HouseEvent
from mediaserver.signalling.trunks.caps import Caps, Lease, Way
from mediaserver.signalling.trunks.keeping import Keepalive
from mediaserver.signalling.trunks.means import Means
from mediaserver.signalling.trunks.numbers import Numbering
from mediaserver.signalling.trunks.places import Place, in_order, place_at, places_of
from mediaserver.signalling.trunks.registering import Registering

_log = structlog.get_logger(__name__)


class Line:
    """A trunk. Its comings and goings are told to the publisher as ``trunk.*``."""

    def __init__(self, settings: TrunkSettings, means: Means) -> None:
        self.settings = settings
        self.numbering = Numbering(settings)
        self.caps = Caps(settings.caps)
        self.places = places_of(settings)
        self._means = means
        self.registering = self._registering(means)
        is_watched = settings.keepalive.interval > 0
        self._keepalives = [self._keepalive(place, means) for place in self.places] if is_watched else []

    @property
    def name(self) -> str:
        """The trunk's name."""
        return self.settings.name

    @property
    def is_up(self) -> bool:
        """Whether some target is up; a trunk that has none to be asked is."""
        return not self.places or any(place.watch.is_up for place in self.places)

    def start(self) -> None:
        """Register and watch."""
        for keepalive in self._keepalives:
            keepalive.start()
        if self.registering is not None:
            self.registering.start()

    def stop(self) -> None:
        """Watch no more, and take the registration back."""
        for keepalive in self._keepalives:
            keepalive.stop()
        if self.registering is not None:
            self.registering.stop()

    def choose(self) -> list[Place]:
        """The targets for one call, the one to try first at the front; none while all are down."""
        return in_order(self.places, self._means.below)

    def lease(self, way: Way) -> Lease | None:
        """A place for a call in one of the caps' directions; None, and counted, where there is none."""
        direction = "in" if way is self.caps.inward else "out"
        refusal = way.refusal(self._means.clock())
        if refusal:
            self._means.counters.add("trunk_refused", f"{self.name} {direction} {refusal}")
            return None
        self._means.counters.add(f"trunk_calls_{direction}", self.name)
        return self.caps.lease(way)

    def _keepalive(self, place: Place, means: Means) -> Keepalive:
        def told(status: int, has_changed: bool) -> None:
            means.counters.add("trunk_keepalives", str(status))
            if has_changed:
                self._tell("trunk.up" if place.watch.is_up else "trunk.down", status, target=place.name)

        return Keepalive(place, self.settings.keepalive, means, told)

    def _registering(self, means: Means) -> Registering | None:
        settings = self.settings.registration
        if settings is None:
            return None
        place = place_at(settings.registrar, self.settings) if settings.registrar else next(iter(self.places), None)
        if place is None:
            return None

        def changed(is_registered: bool, status: int) -> None:
            self._tell("trunk.registered" if is_registered else "trunk.unregistered", status, target=place.name)

        return Registering(self.settings, settings, place, means, changed)

    def _tell(self, kind: str, status: int, *, target: str) -> None:
        log = _log.info if kind in ("trunk.up", "trunk.registered") else _log.warning
        log(kind, trunk=self.name, target=target, status=status)
        body = {"detail": {"trunk": self.name, "target": target, "status": status, "is_up": self.is_up}}
        self._means.publisher.tell(HouseEvent(kind, self.settings.tenant, "", "", "", lambda: body))
