"""The control API as an application: the websocket, REST, the console, health, readiness and metrics."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocket

from config.settings import ControlSettings
from control_api.connection import serve_connection
from control_api.console import add_console, read_assets
from control_api.headers import allow_pages
from control_api.parting import Parting
from control_api.permissions import Refusal
from control_api.ports import Desk, Witness
from control_api.reception import Reception
from control_api.rest.answering import OPENAPI, add_rest, fault
from control_api.signing_in.office import Office
from control_api.signing_in.routes import Doors
from control_api.tokens import TokenStore

PATH: Final = "/v1/control"
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
CODES: Final = {404: "not_found", 405: "bad_request", 426: "bad_request"}


def create_app(
    desk: Desk,
    tokens: TokenStore,
    settings: ControlSettings,
    metrics: Callable[[], bytes],
    witness: Witness | None = None,
    office: Office | None = None,
) -> FastAPI:
    """The application. ``metrics`` gives the Prometheus text; ``app.state.reception`` has the clients and counters. Without an office
    nobody can sign in."""
    reception = Reception(desk, tokens, settings, witness)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with reception.open():
            yield

    async def control(websocket: WebSocket) -> None:
        await serve_connection(reception, websocket)

    async def upgrade() -> Response:
        raise HTTPException(426, "this is a websocket", {"Upgrade": "websocket"})

    app = FastAPI(title="mediaserver", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.reception = reception
    app.add_api_websocket_route(PATH, control)
    app.add_api_route(PATH, upgrade)
    _add_observing(app, desk, metrics)
    if office is not None:
        reception.proxies = office.settings.proxies
        office.on_withdrawn.append(reception.turn_out)
        tokens.sessions = office.sessions.find
        office.others.append(tokens.standings)
        Doors(office, tokens, settings).add_to(app)
    app.add_middleware(Parting)
    allow_pages(app, settings.origins)
    add_rest(app, reception)
    app.add_exception_handler(Exception, fault)
    add_console(app, read_assets())
    app.add_exception_handler(HTTPException, _in_the_one_shape)
    return app


def _add_observing(app: FastAPI, desk: Desk, metrics: Callable[[], bytes]) -> None:
    """Whether the server lives and takes calls, and its metrics; nobody has to sign in for these."""

    async def health() -> Response:
        return JSONResponse(desk.health())

    async def ready() -> Response:
        is_ready = desk.is_ready()
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    async def show_metrics() -> Response:
        return Response(metrics(), media_type=METRICS_TYPE)

    app.add_api_route("/healthz", health)
    app.add_api_route("/readyz", ready)
    app.add_api_route("/metrics", show_metrics)


async def _in_the_one_shape(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    hint = f"there are / (the console), {PATH} (websocket), /healthz, /readyz, /metrics, and what {OPENAPI} tells"
    return JSONResponse(Refusal(CODES.get(error.status_code, "bad_request"), error.detail, hint).shape, error.status_code, error.headers)
