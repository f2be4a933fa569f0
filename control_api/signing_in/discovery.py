"""What an issuer publishes of itself (OpenID Connect Discovery 1.0 §4), and where one signs in with it."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from config.identities import IssuerSettings
from control_api.signing_in.kept import Kept

Fetch = Callable[[str], Awaitable[bytes]]
"""The body behind a URL. Raises `OSError` where there is none, or it is too long."""
WELL_KNOWN: Final = "/.well-known/openid-configuration"
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class NoAnswer(Exception):
    """What the issuer publishes cannot be had now; the text says why."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a browser is sent, and where what it brings back is exchanged."""

    authorization: str
    token: str
    takes_basic: bool
    """Whether our secret may go in the header; else it goes in the form."""


class Discovery:
    """The endpoints of one issuer. Times are seconds of one monotonic clock."""

    def __init__(self, settings: IssuerSettings, fetch: Fetch, clock: Callable[[], float]) -> None:
        self._issuer = settings.issuer
        self._fetch = fetch
        self._kept = Kept(settings, "issuer_endpoints_unavailable", self._ask, clock)

    async def endpoints(self) -> Endpoints:
        """As they were told last. Raises `NoAnswer`."""
        found = await self._kept.having()
        if found is None:
            raise NoAnswer(f"{self._issuer} does not say now where one signs in")
        return found

    async def _ask(self) -> Endpoints:
        return _read(await configuration(self._issuer, self._fetch))


async def configuration(issuer: str, fetch: Fetch) -> dict[str, Any]:
    """The issuer's own description. Raises `OSError`, or `ValueError` for one that is another's."""
    found = object_of(await fetch(safe(issuer.rstrip("/") + WELL_KNOWN)))
    if found.get("issuer") != issuer:
        raise ValueError(f"its configuration is that of {str(found.get('issuer'))[:100]!r}")
    return found


def safe(place: str) -> str:
    """TLS, but on the machine itself. Raises `ValueError` for a place that somebody on the way could change."""
    parts = urlsplit(place)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ValueError(f"{place[:200]!r} is not https")
    return place


def object_of(data: bytes) -> dict[str, Any]:
    """A JSON object. Raises `ValueError`."""
    read = json.loads(data)
    if not isinstance(read, dict):
        raise ValueError("not a JSON object")
    return read


def _read(found: dict[str, Any]) -> Endpoints:
    """Raises `ValueError` where one cannot be gone to. Without a word of it the secret goes in the header (§3)."""
    methods = found.get("token_endpoint_auth_methods_supported")
    takes_basic = not isinstance(methods, list) or "client_secret_basic" in methods
    places = [str(found.get(f"{name}_endpoint", "")) for name in ("authorization", "token")]
    if any(urlsplit(place).fragment or any(letter.isspace() for letter in place) for place in places):
        raise ValueError("its endpoints are no addresses")
    return Endpoints(safe(places[0]), safe(places[1]), takes_basic)
