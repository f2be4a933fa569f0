"""What a request says of whoever makes it: from a page of which host (RFC 6454), from where, and by which token (RFC 6750).

Pages that may use the API are those of our own host, and those that the configuration names.
"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from control_api.permissions import Refusal


def check_origin(connection: HTTPConnection, allowed: Iterable[str], *, is_required: bool = False) -> None:
    """Raise `Refusal` for a request that a page of another host makes. Who is no browser says no origin, and where a cookie is
    what lets somebody in, that is not enough."""
    origin = connection.headers.get("origin", "")
    if not origin and not is_required:
        return
    if origin and (urlsplit(origin).netloc == connection.headers.get("host", "") or origin in allowed):
        return
    raise Refusal("forbidden", f"pages of {origin[:100] or 'no origin'} may not use this", "name the page's origin in control.origins")


def address_of(connection: HTTPConnection, proxies: Iterable[str]) -> str:
    """Where a request comes from: what the last proxy that is believed says of it, else the other end of the connection."""
    address = connection.client.host if connection.client else ""
    said = [part.strip() for part in connection.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    networks = [ip_network(text, strict=False) for text in proxies]
    while said and _is_address(address) and any(ip_address(address) in network for network in networks):
        address = said.pop()
    return address if _is_address(address) else ""


def bearer_of(connection: HTTPConnection) -> str:
    """The token in its header; empty: none."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
