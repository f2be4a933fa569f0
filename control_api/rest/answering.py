"""REST requests answered: who asks, what it is, and the outcome as a response. Commands run where the websocket's do."""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from control_api.acting import Acting, acts
from control_api.command import Command
from control_api.commands import failed
from control_api.encoding import MAX_MESSAGE, Subprotocol, encode
from control_api.idempotency import Outcome
from control_api.origins import bearer_of, check_origin
from control_api.permissions import Identity, Refusal
from control_api.reception import Reception
from control_api.rest.looks import LOOKS, Look
from control_api.rest.openapi import document
from control_api.rest.reading import body_of, command_of
from control_api.rest.routes import ROUTES, Route
from control_api.session import Order

OPENAPI: Final = "/v1/openapi.json"
BODY_TIMEOUT: Final = 10.0
"""Seconds in which a request's body has to be there."""
MAX_RUNNING: Final = 1000
"""Commands of REST clients at once, whether or not they still wait for the outcome."""
KEY: Final = "idempotency-key"
TRACE: Final = "traceparent"
"""W3C Trace Context."""
STATUS: Final = {
    "bad_request": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "private": 403,
    "not_found": 404,
    "ambiguous": 409,
    "conflict": 409,
    "too_many": 429,
    "internal": 500,
    "unavailable": 503,
    "timeout": 504,
}
"""HTTP status by code."""
_HEADERS: Final = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "5"}, 503: {"Retry-After": "5"}}

log = structlog.get_logger("control_api")


def add_rest(app: FastAPI, reception: Reception) -> None:
    """Put every path on the application."""
    rest = Rest(reception)
    making = asyncio.Lock()

    async def describe(_: Request) -> Response:
        async with making:  # who asks side by side waits for the one that is made
            described = await asyncio.to_thread(_described)
        return Response(described, media_type="application/json")

    app.add_route(OPENAPI, describe, methods=["GET"])
    rows: list[Route | Look] = [*ROUTES, *LOOKS]
    for path in dict.fromkeys(row.path for row in rows):
        by_method = {row.method if isinstance(row, Route) else "GET": row for row in rows if row.path == path}
        app.add_route(path, rest.endpoint(by_method), methods=list(by_method))


@cache
def _described() -> bytes:
    """The description, made when somebody asks for it: that takes as long as all the rest of a start."""
    return encode(document(), Subprotocol.JSON)


def response(outcome: Outcome, status: int = 200) -> Response:
    """An outcome as HTTP has it: the result as it is, an error under its status."""
    if outcome["ok"]:
        return Response(encode(outcome["result"], Subprotocol.JSON), status, media_type="application/json")
    error = outcome["error"]
    refused = STATUS[error["code"]]
    return Response(encode(error, Subprotocol.JSON), refused, _HEADERS.get(refused), "application/json")


class Rest:
    """Answers requests."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._running = 0

    def endpoint(self, rows: dict[str, Route | Look]) -> Callable[[Request], Any]:
        """What answers one path."""

        async def answer(request: Request) -> Response:
            row = rows["GET" if request.method == "HEAD" else request.method]
            address = self._reception.address_of(request)
            try:
                identity = self._identity(request)
            except Refusal as refusal:
                self._reception.counters["refused"] += 1
                self._reception.witness.denied("api", address, refusal.code, refusal.text)
                log.warning("request_refused", address=address, code=refusal.code, text=refusal.text)
                return response(failed(refusal))
            acts(Acting(identity, "api", address))
            try:
                return await self._answer(request, identity, row)
            except Refusal as refusal:
                self._reception.refused(identity, row.kind if isinstance(row, Route) else row.name, refusal)
                return response(failed(refusal))

        return answer

    async def _answer(self, request: Request, identity: Identity, row: Route | Look) -> Response:
        if isinstance(row, Look):
            return response({"ok": True, "result": row.show(self._reception.desk, identity)})
        body = body_of(await _body(request)) if row.has_body else {}
        command = command_of(row, request.path_params, request.query_params, body, request.headers.get(KEY), request.headers.get(TRACE, ""))
        return response(await self._carried_out(identity, command, self._reception.address_of(request)), row.status)

    def _identity(self, request: Request) -> Identity:
        check_origin(request, self._reception.settings.origins)
        token = bearer_of(request)
        if not token:
            raise Refusal("unauthenticated", "no token", "send it in the header Authorization: Bearer TOKEN")
        return self._reception.tokens.known(token)

    async def _carried_out(self, identity: Identity, command: Command, remote: str) -> Outcome:
        """The command's outcome, or that of the first one under its key. It goes on when the client has gone."""
        if self._running >= MAX_RUNNING:
            raise Refusal("too_many", f"{self._running} commands run already", "try again in a few seconds")
        asked = _Asked(self._reception, identity, remote)
        order = Order(command)  # type: ignore[arg-type]
        if command.key is None or self._reception.keys.claim(identity, command, asked.tell):
            self._running += 1
            asked.outcome.add_done_callback(self._finished)
            self._reception.start(asked, identity, order)
        return await asyncio.shield(asked.outcome)

    def _finished(self, _: asyncio.Future[Outcome]) -> None:
        self._running -= 1


class _Asked:
    """A request whose command runs."""

    def __init__(self, reception: Reception, identity: Identity, remote: str) -> None:
        self.remote = remote
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._reception = reception
        self._identity = identity

    def finish(self, order: Order, outcome: Outcome) -> None:
        """The command is done."""
        if order.command.key is None:
            self.tell(outcome)
        else:
            self._reception.keys.settle(self._identity, order.command, outcome)

    def tell(self, outcome: Outcome) -> None:
        """The outcome is known."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


async def _body(request: Request) -> bytes:
    """The whole body; what is longer than a websocket's message may be is not read."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for part in request.stream():
                data += part
                if len(data) > MAX_MESSAGE:
                    raise HTTPException(413, f"the body is longer than {MAX_MESSAGE} bytes")
    except TimeoutError:
        raise HTTPException(408, f"the body did not come within {BODY_TIMEOUT:g} s") from None
    except ClientDisconnect:
        raise HTTPException(400, "the body is not whole") from None
    return bytes(data)


def fault(_: Request, __: Exception) -> Response:
    """The one shape for what nobody expected; the log has the traceback."""
    return JSONResponse(Refusal("internal", "the server failed at this request", "its log says why").shape, 500)
