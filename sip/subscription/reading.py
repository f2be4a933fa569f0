"""What a SUBSCRIBE asks for (RFC 6665 §3.1, §4.2.1.1)."""

from dataclasses import dataclass
from typing import Final

from sip.errors import ParseError, SipError
from sip.headers import TOKEN, parse_parameters
from sip.message import Header, Request
from sip.subscription.settings import EventPackage, SubscriptionSettings

_ANYTHING: Final = "*/*"


class SubscribeError(SipError):
    """A SUBSCRIBE that gets no subscription; ``headers`` say what would have."""

    def __init__(self, text: str, headers: tuple[Header, ...] = ()) -> None:
        super().__init__(text)
        self.headers = headers


class BadEvent(SubscribeError):
    """An event package that we do not know, or none at all."""

    status = 489


class TooBrief(SubscribeError):
    """A subscription for less time than we maintain one."""

    status = 423


class NotAcceptable(SubscribeError):
    """A subscriber who does not read what we write."""

    status = 406


@dataclass(frozen=True, slots=True)
class Wish:
    """A SUBSCRIBE as we read it."""

    package: str
    event: str
    """The Event header of its NOTIFYs: package and id (§8.2.1)."""
    expires: int
    """Seconds, within our bounds; 0: once, or no more."""


def allow_events(settings: SubscriptionSettings) -> Header:
    """The packages that we serve (§8.2.2)."""
    return "Allow-Events", ", ".join(package.name for package in settings.packages)


def event_of(request: Request) -> tuple[str, str]:
    """Package and id of the Event header; both empty where there is none. Raises `ParseError`."""
    values = request.values("Event")
    if len(values) > 1:
        raise ParseError("several Event headers; expected one")
    name, parameters = parse_parameters(values[0]) if values else ("", {})
    number = parameters.get("id") or ""
    if not TOKEN.issuperset(name + number):
        raise ParseError(f"not an Event: {values[0][:60]!r}; expected package;id=token")
    return name.lower(), number


def read(request: Request, settings: SubscriptionSettings) -> Wish:
    """Read a SUBSCRIBE. Raises `ParseError`, and `SubscribeError` with what to answer."""
    name, number = event_of(request)
    package = next((package for package in settings.packages if package.name == name), None)
    if package is None:
        raise BadEvent(f"event package {name[:40]!r} is not served", (allow_events(settings),))
    _demand_accepted(request, package)
    wanted = request.expires
    shortest = settings.shortest
    if wanted is not None and 0 < wanted < shortest:
        raise TooBrief(f"expires in {wanted}; expected {shortest} at least", (("Min-Expires", str(shortest)),))
    expires = min(settings.longest, package.expires if wanted is None else wanted)
    return Wish(name, f"{name};id={number}" if number else name, expires)


def _demand_accepted(request: Request, package: EventPackage) -> None:
    """No Accept header means what the package says (§4.2.1.1)."""
    kinds = {parse_parameters(item)[0].lower() for item in request.items("Accept")}
    main = package.content_type.partition("/")[0]
    if request.values("Accept") and not kinds & {package.content_type, f"{main}/*", _ANYTHING}:
        raise NotAcceptable(f"none of our formats is accepted; expected {package.content_type}", (("Accept", package.content_type),))
