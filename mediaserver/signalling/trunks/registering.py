"""Our registration at a trunk's registrar, kept going: `sip.registration` with its way to the registrar and its timer."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import structlog

from config.trunks import RegistrationSettings, TrunkSettings
from mediaserver.signalling.trunks.means import Means
from mediaserver.signalling.trunks.places import Place
from sip.asking import OutsideRequest
from sip.errors import SipError
from sip.events import RequestAnswered
from sip.registration import Account, Registration
from sip.transport.flow import Flow
from sip.uri import Uri

_log = structlog.get_logger(__name__)
_NOWHERE = 503

Changed = Callable[[bool, int], None]
"""Hears when the registration comes and goes, and the status of the last answer."""


class Registering:
    """One trunk's registration."""

    def __init__(self, trunk: TrunkSettings, settings: RegistrationSettings, place: Place, means: Means, changed: Changed) -> None:
        """``place`` is the registrar."""
        self._trunk = trunk.name
        self._place = place
        self._means = means
        self._changed = changed
        self.registration = Registration(_account(trunk, settings, place, means.entropy), means.entropy)
        self._timer = means.new_timer(self._fire)
        self._flows: tuple[Flow, ...] = ()
        self._asked: int | None = None
        self._was_registered = False

    @property
    def contact_user(self) -> str:
        """By it our Contact is known."""
        return self.registration.account.contact_user

    @property
    def domain(self) -> str:
        """Of our address of record."""
        return Uri.parse(self.registration.account.address).host

    @property
    def is_registered(self) -> bool:
        """Whether the registrar knows us now."""
        return self.registration.is_registered(self._means.clock())

    @property
    def service_route(self) -> tuple[str, ...]:
        """Routes for our calls by way of the registrar (RFC 3608)."""
        binding = self.registration.binding
        return binding.service_route if binding is not None and self.is_registered else ()

    @property
    def addresses(self) -> frozenset[str]:
        """Where the registrar is, while it knows us."""
        return frozenset(flow.remote[0] for flow in self._flows) if self.is_registered else frozenset()

    def start(self) -> None:
        """Register, and keep it so."""
        self.registration.start(self._means.clock())
        self._go_on()

    def stop(self) -> None:
        """Take it back."""
        if self._asked is not None:
            self._means.outside.abandon(self._asked, self._means.clock())
            self._asked = None
        self.registration.stop(self._means.clock())
        self._go_on()

    def _fire(self) -> None:
        self.registration.handle_timer(self._means.clock())
        self._go_on()
        self._means.settle()

    def _go_on(self) -> None:
        """Send what is to be sent, tell what changed, re-arm."""
        wish = self.registration.take()
        if wish is not None and wish.contact is not None and self._flows and self.registration.is_leaving:
            self._ask(wish, self._flows)
        elif wish is not None:
            self._means.locator.locate(self._place.uri, lambda flows, _: self._ask(wish, flows))
        self._notice()

    def _notice(self) -> None:
        now = self._means.clock()
        if self.registration.is_registered(now) != self._was_registered:
            self._was_registered = not self._was_registered
            self._changed(self._was_registered, self.registration.status)
        self._timer.set(self.registration.next_timer(now))

    def _ask(self, wish: OutsideRequest, flows: tuple[Flow, ...]) -> None:
        now = self._means.clock()
        try:
            if not flows:
                raise SipError(f"no way to {self._place.name}")
            self._asked = self._means.outside.ask(replace(wish, flows=flows), self._answered, now)
            self._flows = flows
        except SipError as error:
            _log.warning("trunk.not_registered", trunk=self._trunk, problem=str(error))
            self._answered(RequestAnswered(0, _NOWHERE, None), now)

    def _answered(self, event: RequestAnswered, now: float) -> None:
        self._asked = None
        self._means.counters.add("trunk_registrations", str(event.status))
        self.registration.answered(event, now)
        self._go_on()


def _account(trunk: TrunkSettings, settings: RegistrationSettings, place: Place, entropy: Callable[[int], bytes]) -> Account:
    domain = settings.domain or place.uri.host
    address = str(Uri("sip", trunk.user, domain))
    # The same after each restart, so that the registrar replaces what it knew of us (RFC 5626 §4.1).
    instance = uuid.uuid5(uuid.NAMESPACE_URL, f"{address};trunk={trunk.name}").urn if settings.outbound else ""
    return Account(
        registrar=str(Uri("sip", "", domain)),
        address=address,
        # Nobody can guess it: who calls it was told by the registrar.
        contact_user=f"{trunk.name}-{entropy(8).hex()}",
        user=trunk.user,
        secret=trunk.secret.get_secret_value(),
        expires=settings.expires,
        instance=instance,
    )
