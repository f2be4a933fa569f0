"""Signing in at an issuer's own page, over HTTP: the browser is sent there, comes back, and goes to the console whatever happened.

Where it goes is the issuer's endpoint or the console, never what the request says.
"""

from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from control_api.origins import address_of
from control_api.permissions import Refusal
from control_api.signing_in.cookies import Cookies
from control_api.signing_in.office import Office
from control_api.signing_in.redirects import Returned

CONSOLE: Final = "../../"
"""Seen from both paths; relative, since the server may stand behind a path of a reverse proxy's."""
LONGEST: Final = 8192

log = structlog.get_logger("control_api")


class Redirecting:
    """Both ways."""

    def __init__(self, office: Office, cookies: Cookies) -> None:
        self._office = office
        self._cookies = cookies

    async def depart(self, request: Request) -> Response:
        """To the issuer that the query names."""
        try:
            place, journey = await self._office.depart(request.query_params.get("name", "")[:LONGEST], self._address(request))
        except Refusal as refusal:
            return self._refused(request, refusal)
        answer = RedirectResponse(place, 303)
        self._cookies.keep_journey(answer, journey.cookie)
        return answer

    async def arrive(self, request: Request) -> Response:
        """Back, with a code or with an error: from here on there is a session, or the door says why there is none."""
        said = {name: request.query_params.get(name, "")[:LONGEST] for name in ("state", "code", "error", "iss")}
        try:
            granted = await self._office.arrive(self._cookies.journey(request), Returned(**said), self._address(request))
        except Refusal as refusal:
            answer = self._refused(request, refusal)
        else:
            answer = RedirectResponse(CONSOLE, 303)
            self._cookies.keep_renewal(answer, granted.renewal)
            self._cookies.tell(answer, {"csrf": granted.csrf})
        self._cookies.drop_journey(answer)
        return answer

    def _refused(self, request: Request, refusal: Refusal) -> Response:
        address = self._address(request)
        log.warning("sign_in_refused", path=request.url.path, address=address, code=refusal.code, text=refusal.text)
        answer = RedirectResponse(CONSOLE, 303)
        self._cookies.tell(answer, refusal.shape)
        return answer

    def _address(self, request: Request) -> str:
        return address_of(request, self._office.settings.proxies)
