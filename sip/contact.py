"""What a REGISTER wishes: its contacts read, judged, and told apart (RFC 3261 §10.3, §19.1.4, RFC 5626 §6, RFC 3327 §5.3)."""

import ipaddress
from dataclasses import dataclass, replace
from typing import Final

from sip.errors import ParseError, SipError
from sip.headers import parse_address
from sip.message import Request
from sip.transport.flow import Address
from sip.uri import Uri

DEFAULT_EXPIRES: Final = 3600.0
"""Where the request does not say, or says what is not a number (RFC 3261 §10.3 item 7, §20.19)."""
LONGEST_URI: Final = 512
LONGEST_INSTANCE: Final = 128
MOST_HOPS: Final = 8
"""Path values of a request."""
HIGHEST_REG_ID: Final = 2**31 - 1

_MUST_MATCH: Final = ("transport", "user", "ttl", "method", "maddr")
"""URI parameters that tell two contacts apart even where only one has them (RFC 3261 §19.1.4)."""
_LONGEST_NUMBER: Final = 10


class RegisterError(SipError):
    """A REGISTER that cannot be carried out; nothing changed."""

    status = 400


class TooBrief(RegisterError):
    """An expiry under the minimum; the answer names the minimum."""

    status = 423


class OutOfOrder(RegisterError):
    """Older than what is bound: a late or repeated request (RFC 3261 §10.3 item 7)."""

    status = 500


class TooManyContacts(RegisterError):
    """More contacts in one request than a user may have."""

    status = 403


class OwnAddress(RegisterError):
    """A contact that leads back to us: what is sent to it would go in a circle."""

    status = 403


class NoOutbound(RegisterError):
    """Outbound is required, and a proxy on the way does not know it (RFC 5626 §11.6)."""

    status = 439


@dataclass(frozen=True, slots=True)
class Wish:
    """One contact of a request, read."""

    text: str
    uri: Uri
    seconds: float
    q: float
    instance: str
    """``+sip.instance``, where the contact takes part in outbound; else empty."""
    reg_id: int
    """Which of the phone's flows; 0: none."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """A REGISTER, read."""

    values: tuple[str, ...]
    """Contact values, ``*`` among them."""
    expires: str | None
    path: tuple[str, ...]
    """Route values that lead to its contacts, the nearest to us first."""
    is_outbound: bool
    """Whether its contacts' reg-id counts."""

    @classmethod
    def of(cls, request: Request) -> "Wishes":
        """Read a request. Raises `RegisterError` or `ParseError`."""
        path = tuple(request.items("Path"))
        if len(path) > MOST_HOPS:
            raise RegisterError(f"{len(path)} Path values; at most {MOST_HOPS} are taken")
        hops = [Uri.parse(parse_address(value).uri) for value in path]
        wants, demands = ("outbound" in _tags(request, name) for name in ("Supported", "Require"))
        knows_first_hop = len(request.items("Via")) <= 1 or any(hop.parameter("ob") is not None for hop in hops)
        if demands and not knows_first_hop:
            raise NoOutbound("the first proxy on the way does not know outbound")
        return cls(tuple(request.items("Contact")), request.header("Expires"), path, (wants or demands) and knows_first_hop)

    @property
    def first_hop(self) -> Uri | None:
        """The proxy that leads to the contacts."""
        return Uri.parse(parse_address(self.path[0]).uri) if self.path else None

    def wish(self, value: str, minimum: float, maximum: float, own: tuple[Address, ...]) -> Wish:
        """Read one Contact value. Raises `RegisterError`, or `ParseError` where nothing could be sent to it."""
        contact = parse_address(value)
        uri = Uri.parse(contact.uri)
        _judge(contact.uri, uri, own)
        own_expires = contact.parameters.get("expires")
        seconds = seconds_in(own_expires if own_expires is not None else self.expires)
        if 0 < seconds < minimum:
            raise TooBrief(f"{seconds:.0f} s are under the minimum of {minimum:.0f} s")
        instance, reg_id = contact.parameters.get("+sip.instance") or "", _reg_id(contact.parameters.get("reg-id"))
        if not (self.is_outbound and reg_id and 0 < len(instance) <= LONGEST_INSTANCE):
            instance, reg_id = "", 0
        return Wish(contact.uri, uri, min(seconds, maximum), _preference(contact.parameters.get("q")), instance, reg_id)


def supports_path(request: Request) -> bool:
    """Whether the phone wants to be told the Path that we keep (RFC 3327 §5.3)."""
    return "path" in _tags(request, "Supported") or "path" in _tags(request, "Require")


def is_same(one: Uri, other: Uri) -> bool:
    """Whether two contacts are one: equal but for parameters that only one of them has (RFC 3261 §19.1.4)."""
    if replace(one, parameters=(), headers="") != replace(other, parameters=(), headers=""):
        return False
    ours, theirs = dict(one.parameters), dict(other.parameters)
    for name in ours.keys() | theirs.keys():
        both = name in ours and name in theirs
        if (both or name in _MUST_MATCH) and (ours.get(name) or "").lower() != (theirs.get(name) or "").lower():
            return False
    return True


def seconds_in(text: str | None) -> float:
    """An expiry in seconds."""
    plain = (text or "").strip()
    if plain.isascii() and plain.isdigit() and len(plain) <= _LONGEST_NUMBER:
        return float(plain)
    return DEFAULT_EXPIRES


def _judge(text: str, uri: Uri, own: tuple[Address, ...]) -> None:
    """Whether requests may be sent to this contact. Where they go is the flow's (or the proxy's) affair, whatever host it names."""
    if uri.scheme not in ("sip", "sips"):
        raise ParseError(f"a contact must be a sip or sips URI, not {uri.scheme}")
    if len(text) > LONGEST_URI:
        raise RegisterError(f"a contact of {len(text)} characters; at most {LONGEST_URI} are taken")
    if uri.headers:
        raise RegisterError("a contact with headers; it would put them into requests of ours")
    if uri.hostport in own:
        raise OwnAddress(f"{uri.host} is this server")
    try:
        address = ipaddress.ip_address(uri.host)
    except ValueError:
        return
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        raise RegisterError(f"{uri.host} is not the address of one host")


def _tags(request: Request, name: str) -> set[str]:
    return {tag.lower() for tag in request.items(name)}


def _reg_id(text: str | None) -> int:
    plain = text or ""
    is_number = plain.isascii() and plain.isdigit() and len(plain) <= _LONGEST_NUMBER
    return int(plain) if is_number and int(plain) <= HIGHEST_REG_ID else 0


def _preference(text: str | None) -> float:
    """A q value; 1.0 where it is none."""
    try:
        value = float(text or "")
    except ValueError:
        return 1.0
    return value if 0 <= value <= 1 else 1.0
