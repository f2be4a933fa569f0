"""What a REFER asks for: Refer-To (RFC 3515), the Replaces in it (3891), Referred-By (3892), Refer-Sub (4488).

Of the headers that a Refer-To URI may carry, Replaces is obeyed; every other one is passed over, for it would let the one who
refers write our INVITE.
"""

from dataclasses import dataclass, replace

from sip.errors import ParseError, SipError, UnsupportedScheme
from sip.headers import parse_address, parse_parameters
from sip.message import Request
from sip.replaces import Replaces, replaces_of
from sip.uri import Uri


class OtherMethod(SipError):
    """A REFER to send something else than an INVITE."""

    status = 403


@dataclass(frozen=True, slots=True)
class Reference:
    """A REFER as we read it."""

    target: str
    """The URI to be called, without method and headers."""
    replaces: Replaces | None
    referred_by: str
    """A value for the Referred-By of the new INVITE; empty where the REFER had none."""
    wants_notifications: bool
    """False: no subscription is wanted (RFC 4488)."""


def read(request: Request) -> Reference:
    """Read a REFER. Raises `ParseError` (400; 416 for another scheme than sip, sips and tel) and `OtherMethod`."""
    values = request.items("Refer-To")
    if len(values) != 1:
        raise ParseError(f"{len(values)} Refer-To; expected one (RFC 3515 §2.4.2)")
    uri = Uri.parse(parse_address(values[0]).uri)
    if (uri.parameter("method") or "INVITE").upper() != "INVITE":
        raise OtherMethod("reference to another method; INVITE is served")
    parameters = tuple(pair for pair in uri.parameters if pair[0] != "method")
    target = replace(uri, parameters=parameters, headers="", password=None)
    return Reference(str(target), replaces_of(uri), _referred_by(request), _wants_notifications(request))


def _referred_by(request: Request) -> str:
    """Who refers, without the parameters that point at a signed body, which we do not pass on."""
    values = request.values("Referred-By")
    if len(values) > 1:
        raise ParseError("several Referred-By; expected one (RFC 3892 §2.1)")
    if not values:
        return ""
    uri = parse_address(values[0]).uri
    try:
        return f"<{Uri.parse(uri)}>"
    except UnsupportedScheme:
        return ""


def _wants_notifications(request: Request) -> bool:
    value = request.header("Refer-Sub")
    return value is None or parse_parameters(value)[0].lower() != "false"
