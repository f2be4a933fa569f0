"""Signing in over HTTP: requests in, the office asked, answers out.

An answer holds the access token, which a page keeps in memory alone. What renews it goes to a browser as a cookie that no script can
read, that comes to us alone, and that counts only beside the session's ``csrf`` in a header, from a page that may use the API; to other
programs it goes in the answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from config.settings import ControlSettings
from control_api.messages import Message, first_problem
from control_api.origins import address_of, bearer_of, check_origin
from control_api.permissions import Refusal
from control_api.rest.answering import STATUS
from control_api.signing_in.cookies import Cookies
from control_api.signing_in.models import DOORS, Renew, SignIn, UseLink
from control_api.signing_in.office import Office
from control_api.signing_in.redirecting import Redirecting
from control_api.signing_in.sessions import Granted
from control_api.tokens import TokenStore, hash_of

CSRF: Final = "x-csrf-token"
LONGEST: Final = 20_000
PATIENCE: Final = 10.0
Model = TypeVar("Model", bound=Message)
Answer = Callable[[Request], Awaitable[Response]]

log = structlog.get_logger("control_api")


class Doors:
    """The requests of signing in."""

    def __init__(self, office: Office, tokens: TokenStore, settings: ControlSettings) -> None:
        self._office = office
        self._tokens = tokens
        self._origins = settings.origins
        self._cookies = Cookies(is_secure=office.settings.secure_cookies)
        redirecting = Redirecting(office, self._cookies)
        self.depart, self.arrive = redirecting.depart, redirecting.arrive

    def add_to(self, app: FastAPI) -> None:
        """Put every path on the application."""
        for path in dict.fromkeys(door.path for door in DOORS):
            by_method = {door.method: self._answering(getattr(self, door.name)) for door in DOORS if door.path == path}
            app.add_route(path, _dispatching(by_method), methods=list(by_method), include_in_schema=False)

    async def offered(self, request: Request) -> Response:
        """How one can sign in."""
        office = self._office
        return JSONResponse({"password": office.takes_passwords, "issuers": office.issuers, "redirects": office.redirects})

    async def sign_in(self, request: Request) -> Response:
        """With a password or an issuer's token."""
        check_origin(request, self._origins)
        asked = await _read(request, SignIn)
        address = self._address(request)
        if asked.token is not None:
            granted = await self._office.exchange(asked.token, address)
        else:
            granted = await self._office.sign_in(asked.tenant, asked.name or "", asked.password or "", address)
        return self._answer(granted, in_cookie=asked.cookie)

    async def use_link(self, request: Request) -> Response:
        """With a listen-in link."""
        check_origin(request, self._origins)
        asked = await _read(request, UseLink)
        return self._answer(self._office.use_link(asked.token, self._address(request)), in_cookie=False)

    async def renew(self, request: Request) -> Response:
        """A new access token."""
        asked = await _read(request, Renew)
        renewal = asked.renewal or self._of_cookie(request)
        granted = self._office.renew(renewal, self._address(request))
        return self._answer(granted, in_cookie=asked.renewal is None)

    async def sign_out(self, request: Request) -> Response:
        """End the session of the access token, or of the cookie."""
        if token := bearer_of(request):
            identity = self._tokens.identity(token)
        else:
            session = self._office.sessions.session_of(self._of_cookie(request))
            identity = None if session is None else session.identity
        if identity is None:
            raise Refusal("unauthenticated", "this session is over already", "sign in again")
        self._office.sign_out(identity, self._address(request))
        answer = JSONResponse({})
        self._cookies.drop_renewal(answer)
        return answer

    def _of_cookie(self, request: Request) -> str:
        """The renewal token in the cookie, where the request is from our own page and not another's. Raises `Refusal`."""
        check_origin(request, self._origins, is_required=True)
        renewal = self._cookies.renewal(request)
        session = self._office.sessions.session_of(renewal) if renewal else None
        if session is None:
            raise Refusal("unauthenticated", "no session", "sign in")
        if hash_of(request.headers.get(CSRF, "")) != hash_of(session.csrf):
            raise Refusal("forbidden", f"the header {CSRF} is missing or wrong", "send the csrf that signing in gave")
        return renewal

    def _answer(self, granted: Granted, *, in_cookie: bool) -> Response:
        identity = granted.identity
        body: dict[str, Any] = {
            "access": granted.access,
            "expires_in": round(granted.expires_in, 1),
            "session": granted.session,
            "identity": identity.name,
            "tenant": identity.tenant,
            "csrf": granted.csrf,
        }
        if granted.renewal and not in_cookie:
            body["renewal"] = granted.renewal
        answer = JSONResponse(body)
        if granted.renewal and in_cookie:
            self._cookies.keep_renewal(answer, granted.renewal)
        return answer

    def _address(self, request: Request) -> str:
        return address_of(request, self._office.settings.proxies)

    def _answering(self, answer: Answer) -> Answer:
        """The same, with refusals in the one shape."""

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except Refusal as refusal:
                log.warning("sign_in_refused", path=request.url.path, address=self._address(request), code=refusal.code, text=refusal.text)
                status = STATUS[refusal.code]
                headers = {"Retry-After": "30"} if status in (429, 503) else {"WWW-Authenticate": "Bearer"} if status == 401 else {}
                return JSONResponse(refusal.shape, status, headers)

        return answered


async def _read(request: Request, model: type[Model]) -> Model:
    """The request's JSON. Raises `Refusal`; a form of another site cannot send what this takes."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal("bad_request", "expected JSON", "send it with Content-Type: application/json")
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                body += part
                if len(body) > LONGEST:
                    raise Refusal("bad_request", f"more than {LONGEST} bytes", "see docs/permissions.md")
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        raise Refusal("bad_request", first_problem(error), "see docs/permissions.md") from None
    except TimeoutError:
        raise Refusal("bad_request", f"the body did not come within {PATIENCE:g} s") from None
    except ClientDisconnect:
        raise Refusal("bad_request", "the client is gone") from None


def _dispatching(by_method: dict[str, Answer]) -> Answer:
    """One path: what answers depends on the method."""

    async def dispatched(request: Request) -> Response:
        return await by_method["GET" if request.method == "HEAD" else request.method](request)

    return dispatched
