"""Signing in at an issuer's own page: the browser is sent there, and comes back with a code (RFC 6749 §4.1, RFC 7636, OpenID Connect §3.1).

What the code is exchanged for is judged as every other token of the issuer is, and must hold the nonce of this journey besides.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus, urlencode

from config.identities import IssuerSettings
from control_api.permissions import Identity, Refusal
from control_api.signing_in.discovery import Endpoints, NoAnswer, object_of
from control_api.signing_in.issuers import Issuers
from control_api.signing_in.journeys import AGAIN, Journey

Post = Callable[[str, Mapping[str, str], tuple[str, str] | None], Awaitable[bytes]]
"""The answer to a form, sent with a name and secret where they are given. Raises `OSError`."""
PATIENCE: Final = 12.0
"""Seconds for all that an issuer is asked while a browser waits."""
LONGEST_CODE: Final = 4096
_ERROR: Final = re.compile(r"[a-z_]{1,40}")
_WHY: Final = {
    "access_denied": "you were not let in there, or have called it off",
    "temporarily_unavailable": "the issuer cannot do it now",
}


@dataclass(frozen=True, slots=True)
class Returned:
    """What a browser brings back, as it says."""

    state: str = ""
    code: str = ""
    error: str = ""
    iss: str = ""
    """Who sent it back, where he says so (RFC 9207)."""


class Redirects:
    """The ways there and back, for issuers that are configured with a ``redirect_uri``."""

    def __init__(self, issuers: Issuers, post: Post) -> None:
        self._issuers = issuers
        self._post = post

    async def way(self, journey: Journey) -> str:
        """Where the browser goes. Raises `Refusal`."""
        settings, endpoints = await self._known(journey.issuer)
        asked = {
            "response_type": "code",
            "client_id": settings.audience,
            "redirect_uri": settings.redirect_uri,
            "scope": " ".join(settings.scopes),
            "state": journey.state,
            "nonce": journey.nonce,
            "code_challenge": journey.challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoints.authorization}{'&' if '?' in endpoints.authorization else '?'}{urlencode(asked)}"

    async def back(self, journey: Journey, returned: Returned) -> Identity:
        """Who came back. Raises `Refusal`."""
        try:
            async with asyncio.timeout(PATIENCE):
                settings, endpoints = await self._known(journey.issuer)
                _check(settings, returned)
                token = await self._exchanged(settings, endpoints, journey, returned.code)
                return await self._issuers.exchange(token, settings, journey.nonce)
        except TimeoutError:
            raise Refusal("unavailable", f"{journey.issuer} did not answer in time", "try again soon") from None

    async def _known(self, name: str) -> tuple[IssuerSettings, Endpoints]:
        found = self._issuers.redirecting(name)
        if found is None:
            raise Refusal("bad_request", "there is no issuer of this name to go to", "GET /v1/sign-in names those that there are")
        settings, discovery = found
        try:
            return settings, await discovery.endpoints()
        except NoAnswer as error:
            raise Refusal("unavailable", str(error), "try again soon; the server's log says why") from None

    async def _exchanged(self, settings: IssuerSettings, endpoints: Endpoints, journey: Journey, code: str) -> str:
        """The ID token for the code (RFC 6749 §4.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "client_id": settings.audience,
            "code_verifier": journey.verifier,
        }
        secret, login = settings.client_secret.get_secret_value(), None
        if secret and endpoints.takes_basic:
            login = quote_plus(settings.audience), quote_plus(secret)  # RFC 6749 §2.3.1
        elif secret:
            form["client_secret"] = secret
        try:
            answer = object_of(await self._post(endpoints.token, form, login))
        except (OSError, ValueError) as error:
            raise Refusal("unavailable", f"{settings.name} does not exchange the code ({str(error)[:150]})", AGAIN) from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Refusal("unauthenticated", f"{settings.name} gave no ID token", "the scope openid is needed; see issuers.scopes")
        return token


def _check(settings: IssuerSettings, returned: Returned) -> None:
    """What came back must be a code of this issuer."""
    if returned.iss and returned.iss != settings.issuer:
        raise Refusal("unauthenticated", "another issuer answered than the one that was asked", AGAIN)
    if returned.error:
        named = returned.error if _ERROR.fullmatch(returned.error) else "error"
        raise Refusal("forbidden", f"{settings.name} says {named}", _WHY.get(named, AGAIN))
    if not 0 < len(returned.code) <= LONGEST_CODE:
        raise Refusal("unauthenticated", f"{settings.name} gave no code", AGAIN)
