"""The cookies of signing in: what renews a session, the journey to an issuer, and what a page is told when it comes from there.

Their names promise browsers' checks (RFC 6265bis §4.1.3): over TLS, from this host, for all of it. Where cookies may go without TLS
they have plain names.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response

from control_api.signing_in.journeys import LASTS

COOKIE: Final = "__Host-mediaserver"
PLAIN_COOKIE: Final = "mediaserver"
TOLD_FOR: Final = 60
"""Seconds that a page has to read what it is told."""


class Cookies:
    """Those of one server."""

    def __init__(self, *, is_secure: bool) -> None:
        self._is_secure = is_secure
        self._name = COOKIE if is_secure else PLAIN_COOKIE

    def renewal(self, request: Request) -> str:
        """What renews the session; empty: there is none."""
        return request.cookies.get(self._name, "")

    def keep_renewal(self, answer: Response, renewal: str) -> None:
        """No script reads it, and it comes from our own pages alone."""
        answer.set_cookie(self._name, renewal, secure=self._is_secure, httponly=True, samesite="strict")

    def drop_renewal(self, answer: Response) -> None:
        """The session is over."""
        answer.delete_cookie(self._name, secure=self._is_secure, httponly=True, samesite="strict")

    def journey(self, request: Request) -> str:
        """The journey that this browser is on; empty: none."""
        return request.cookies.get(f"{self._name}-journey", "")

    def keep_journey(self, answer: Response, journey: str) -> None:
        """Lax: the issuer's page, another site, sends the browser back with it."""
        self._set(answer, "journey", journey, int(LASTS), "lax", is_read=False)

    def drop_journey(self, answer: Response) -> None:
        """It is over, however it ended."""
        answer.delete_cookie(f"{self._name}-journey", secure=self._is_secure, httponly=True, samesite="lax")

    def tell(self, answer: Response, said: Mapping[str, str]) -> None:
        """The page reads and drops it. No other site can set it, as it could what stands in the address."""
        value = urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
        self._set(answer, "told", value, TOLD_FOR, "strict", is_read=True)

    def _set(self, answer: Response, what: str, value: str, seconds: int, same_site: Literal["lax", "strict"], *, is_read: bool) -> None:
        name = f"{self._name}-{what}"
        answer.set_cookie(name, value, max_age=seconds, secure=self._is_secure, httponly=not is_read, samesite=same_site)
