"""OPTIONS to one target of a trunk, again and again: what tells whether it is up (RFC 3261 §11)."""

from collections.abc import Callable

from config.trunks import KeepaliveSettings
from mediaserver.signalling.trunks.means import Means
from mediaserver.signalling.trunks.places import Place
from sip.asking import OutsideRequest, OwnContact
from sip.events import RequestAnswered
from sip.message import Header
from sip.transport.flow import Flow

_ACCEPT: Header = ("Accept", "application/sdp")
_NOWHERE = 503


class Keepalive:
    """Asks one target. ``told(status, has_changed)`` hears each outcome."""

    def __init__(
        self,
        place: Place,
        settings: KeepaliveSettings,
        means: Means,
        told: Callable[[int, bool], None],
    ) -> None:
        self._place = place
        self._settings = settings
        self._means = means
        self._told = told
        self._timer = means.new_timer(self._fire)
        self._is_stopped = False

    def start(self) -> None:
        """Ask for the first time, within a moment: many targets are not asked at once."""
        self._timer.set(self._means.clock() + min(1.0, self._settings.interval) * self._means.below(1000) / 1000)

    def stop(self) -> None:
        """Ask no more."""
        self._is_stopped = True
        self._timer.cancel()

    def _fire(self) -> None:
        self._timer.set(self._means.clock() + self._settings.interval)
        self._means.locator.locate(self._place.uri, lambda flows, _: self._ask(flows))
        self._means.settle()

    def _ask(self, flows: tuple[Flow, ...]) -> None:
        now = self._means.clock()
        if self._is_stopped:
            return
        if not flows:
            self._answered(RequestAnswered(0, _NOWHERE, None), now)
            return
        uri = self._place.address("")
        wish = OutsideRequest(
            method="OPTIONS",
            request_uri=uri,
            from_uri=f"sip:keepalive@{self._means.advertised(flows[0])[0]}",
            to_uri=uri,
            flows=flows,
            headers=(_ACCEPT,),
            contact=OwnContact(),
            patience=self._settings.timeout,
        )
        self._means.outside.ask(wish, self._answered, now)

    def _answered(self, event: RequestAnswered, now: float) -> None:
        if self._is_stopped:
            return
        self._told(event.status, self._place.watch.answered(event.status))
