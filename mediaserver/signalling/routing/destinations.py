"""Where a target of a call is: the phone that registered, the trunk's places that are up, or the host that a URI names."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from mediaserver.call.inputs import Target
from mediaserver.signalling.house import House
from mediaserver.signalling.routing.contacts import branches_of
from mediaserver.signalling.trunks.line import Line
from mediaserver.signalling.trunks.places import Place, locate_all
from sip.errors import SipError
from sip.headers import parse_address
from sip.registrar import Binding
from sip.session.settings import Branch
from sip.transport.flow import Flow
from sip.uri import Uri

NOWHERE = 480
OUT_OF_SERVICE = 503


class NoWay(SipError):
    """A target cannot be called; the status is what its refusal counts as."""

    status = NOWHERE


class TrunkDown(NoWay):
    """A trunk of which no target is up, or that carries all it may."""

    status = OUT_OF_SERVICE


@dataclass(frozen=True, slots=True)
class Way:
    """One flow by which an INVITE can leave, and its Request-URI there."""

    flow: Flow
    uri: str


@dataclass(frozen=True, slots=True)
class Destination:
    """What an INVITE goes to, before its flows are known."""

    uri: str
    """The Request-URI, and To."""
    flow: Flow | None = None
    """A registered phone's."""
    place: Uri | None = None
    """What leads there (RFC 3263), where no flow does."""
    places: tuple[Place, ...] = ()
    """Several of them, in the order in which they are tried."""
    line: Line | None = None
    """The trunk that it is."""
    number: str = ""
    """As the trunk writes it."""
    user: str = ""
    secret: str = field(default="", repr=False)
    route: tuple[str, ...] = ()
    """Proxies before it, the nearest first."""
    branches: tuple[Branch, ...] = ()
    """A user's phones, rung at once or by falling q."""
    owner: str = ""
    """The user who registered the URI that was asked for, where one did."""


Found = Callable[[tuple[Way, ...], str], None]
"""Gets the ways in the order in which to try them, and why there are none."""


class Destinations:
    """Finds them."""

    def __init__(self, house: House) -> None:
        self._house = house

    def of(self, tenant: str, target: Target) -> Destination:
        """A target's destination. Raises `NoWay`."""
        match target.kind:
            case "agent":
                return self._of_user(self._house.router.user_of_agent(tenant, target.value))
            case "user":
                return self._of_user(target.value)
            case "trunk":
                name, _, number = target.value.partition("/")
                return self._of_trunk(name, unquote(number))
            case _:
                return self._of_uri(target.value, target.user)

    def locate(self, destination: Destination, found: Found) -> None:
        """Find the ways there; ``found`` is called once, at once where no look-up is needed."""
        if destination.flow is not None:
            found((Way(destination.flow, destination.uri),), "")
        elif destination.place is not None:
            place = destination.place
            self._house.resolver.locate(
                place, lambda flows, problem: found(tuple(Way(flow, destination.uri) for flow in flows), f"{place.host}: {problem}")
            )
        else:
            self._locate_places(destination, found)

    def _locate_places(self, destination: Destination, found: Found) -> None:
        parameters = _phone(destination.line)

        def located(ways: tuple[tuple[Flow, Place], ...]) -> None:
            written = tuple(Way(flow, place.address(destination.number, parameters)) for flow, place in ways)
            found(written, f"no address for {', '.join(place.name for place in destination.places)}")

        locate_all(self._house.resolver, destination.places, located)

    def _of_user(self, user: str | None) -> Destination:
        """His phones: of those with the highest q the one that registered last, and the others with it."""
        bindings = self._house.agent.contacts(user, self._house.clock()) if user else []
        if not bindings:
            raise NoWay(f"{user or 'the agent'} has no phone registered")
        branches = branches_of(bindings, self._house.media_addresses.toward)
        left_out = len(bindings) - sum(len(branch.flows) for branch in branches)
        if left_out:
            self._house.counters.add("contacts_left_out", amount=left_out)
        return replace(_of_binding(bindings[0]), branches=branches)

    def _of_trunk(self, name: str, number: str) -> Destination:
        line = self._house.trunks.get(name)
        if line is None or not line.settings.is_reachable:
            raise NoWay(f"trunk {name} is not one to send calls to")
        written = line.numbering.outward("called", number)
        settings = line.settings
        if not line.places:
            return self._of_login(line, written)
        places = line.choose()
        if not places:
            raise TrunkDown(f"no target of trunk {name} is up")
        uri = places[0].address(written, _phone(line))
        whole = Destination(
            uri, places=tuple(places), line=line, number=written, user=settings.user, secret=settings.secret.get_secret_value()
        )
        route = line.registering.service_route if line.registering is not None else ()
        return whole if not route else replace(whole, places=(), place=Uri.parse(parse_address(route[0]).uri), route=route)

    def _of_login(self, line: Line, number: str) -> Destination:
        """A trunk that registers here is where its user's Contact is, under another number."""
        phone = self._of_user(line.settings.auth_user)
        contact = Uri.parse(phone.uri)
        uri = str(replace(contact, user=number, password=None, headers=""))
        secret = line.settings.secret.get_secret_value()
        return replace(phone, uri=uri, branches=(), line=line, number=number, user=line.settings.user, secret=secret)

    def _of_uri(self, text: str, user: str) -> Destination:
        try:
            uri = Uri.parse(text)
        except SipError as error:
            raise NoWay(str(error)) from error
        owner = user or uri.user
        for binding in self._house.agent.contacts(owner, self._house.clock()):
            if binding.uri == text:
                return replace(_of_binding(binding), owner=owner)
        return Destination(text, place=uri)


def _of_binding(binding: Binding) -> Destination:
    """A phone by way of the proxies that its registration came by (RFC 3327)."""
    return Destination(binding.uri, binding.flow, route=binding.path)


def _phone(line: Line | None) -> tuple[tuple[str, str | None], ...]:
    return (("user", "phone"),) if line is not None and line.settings.numbers.user_phone else ()
