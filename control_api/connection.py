"""One websocket of the control API: who it is, which subprotocol it speaks, what it is told and what it says."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from control_api.acting import Acting, acts
from control_api.encoding import Subprotocol
from control_api.feeds import Feed
from control_api.origins import bearer_of, check_origin
from control_api.outlet import OUTLET, Outlet, Pump
from control_api.permissions import Identity, Refusal
from control_api.reception import Reception
from control_api.session import Order, Position, Refused, Session

BEARER: Final = "bearer."
"""A browser cannot set headers: it offers its token as a subprotocol that begins with this."""

STATUS: Final = {"unauthenticated": 401, "bad_request": 400, "forbidden": 403, "too_many": 503}
"""HTTP status of a refused connection; as close code, 4000 is added."""

log = structlog.get_logger("control_api")


@dataclass(frozen=True, slots=True)
class Guest:
    """Who was let in, and how to speak with him."""

    identity: Identity
    subprotocol: Subprotocol
    is_selected: bool
    """Whether he offered the subprotocol; who offers none gets JSON."""


async def serve_connection(reception: Reception, websocket: WebSocket) -> None:
    """Let a client in, or refuse it, and speak with it until either side ends."""
    try:
        guest = _admit(reception, websocket)
    except Refusal as refusal:
        reception.counters["refused"] += 1
        address = reception.address_of(websocket)
        reception.witness.denied("api", address, refusal.code, refusal.text)
        log.warning("connection_refused", address=address, code=refusal.code, text=refusal.text)
        await _turn_away(websocket, refusal)
        return
    reception.counters["accepted"] += 1
    reception.clients += 1
    try:
        await websocket.accept(subprotocol=guest.subprotocol if guest.is_selected else None)
        await _speak(reception, websocket, guest)
    except WebSocketDisconnect:
        pass
    finally:
        reception.clients -= 1


async def _speak(reception: Reception, websocket: WebSocket, guest: Guest) -> None:
    who = Acting(guest.identity, "api", reception.address_of(websocket))
    acts(who)
    room = asyncio.Event()
    outlet: Outlet = websocket.scope["extensions"][OUTLET]
    pump = Pump(outlet, is_text=guest.subprotocol is Subprotocol.JSON)
    feed = reception.feeds.of(guest.identity)
    session = _session(reception, websocket, guest, feed, pump.wake, who.address)
    if websocket.query_params.get("modes") != "stay":
        reception.desk.came(who)
    _connect(pump, reception, session, outlet, room)
    reception.desk.attended(guest.identity, is_here=True)
    bound = log.bind(identity=guest.identity.name, tenant=guest.identity.tenant, address=who.address)
    bound.info("client_connected", subprotocol=str(guest.subprotocol))
    pump.wake()
    try:
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(_read(reception, websocket, session, guest.identity, room))
            with reception.present(guest.identity.standing) as lapsed:
                lapse = group.create_task(lapsed.wait())
                await asyncio.wait((reader, lapse), return_when=asyncio.FIRST_COMPLETED)
            for task in (reader, lapse):
                task.cancel()
        if lapsed.is_set():
            await _close(websocket, "unauthenticated: your access was withdrawn or has expired")
    finally:
        session.close()
        reception.desk.parted(who)
        if not reception.feeds.has_reader_of(guest.identity):
            reception.desk.attended(guest.identity, is_here=False)
        reception.counters["too_slow"] += session.counters.too_slow
        reception.counters["meters_skipped"] += session.counters.meters_skipped
        bound.info("client_disconnected", too_slow=session.counters.too_slow)


def _session(reception: Reception, websocket: WebSocket, guest: Guest, feed: Feed, wake: Callable[[], None], address: str) -> Session:
    """The protocol with this guest, as the query of his request wants it."""
    said = websocket.query_params
    return Session(
        feed,
        reception.keys,
        guest.subprotocol,
        calls=lambda: reception.desk.calls(guest.identity),
        wake=wake,
        queue=reception.settings.queue,
        resume=Position.read(said.get("resume", "")),
        wants_meters=said.get("meters", "on") != "off",
        remote=address,
        withheld=lambda: reception.desk.withheld(guest.identity),
    )


def _connect(pump: Pump, reception: Reception, session: Session, outlet: Outlet, room: asyncio.Event) -> None:
    """Have the session's frames sent, and the reader told when some were, or when the connection is gone."""

    def next_frame() -> bytes | None:
        try:
            return session.next_frame()
        except (TypeError, ValueError, OverflowError):
            reception.counters["events_unreadable"] += 1
            log.exception("frame_unreadable")
            return None

    def look() -> None:
        if not outlet.is_open:
            session.close()
        room.set()

    pump.next_frame, pump.on_look = next_frame, look


async def _read(reception: Reception, websocket: WebSocket, session: Session, identity: Identity, room: asyncio.Event) -> None:
    while not session.is_closed:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        match session.receive(message["bytes"] if text is None else text):
            case Order() as order:
                reception.start(session, identity, order)
            case Refused(command, refusal):
                reception.refused(identity, command, refusal)
            case None:
                pass
        while session.is_full and not session.is_closed:
            room.clear()
            await room.wait()


def _admit(reception: Reception, websocket: WebSocket) -> Guest:
    """Whom to let in. Raises `Refusal`."""
    check_origin(websocket, reception.settings.origins)
    offered: list[str] = websocket.scope.get("subprotocols", [])
    token = _token(websocket, offered)
    if not token:
        hint = f"send it in the header Authorization: Bearer TOKEN, or offer the subprotocol {BEARER}TOKEN"
        raise Refusal("unauthenticated", "no token", hint)
    identity = reception.tokens.known(token)
    spoken = [name for name in offered if not name.startswith(BEARER)]
    known = [Subprotocol(name) for name in spoken if name in tuple(Subprotocol)]
    if spoken and not known:
        raise Refusal("bad_request", "none of the offered subprotocols is known", f"offer {' or '.join(Subprotocol)}")
    if reception.clients >= reception.settings.max_clients:
        raise Refusal("too_many", f"{reception.clients} clients are connected already", "try again later, or raise control.max_clients")
    return Guest(identity, known[0] if known else Subprotocol.JSON, bool(known))


def _token(websocket: WebSocket, offered: list[str]) -> str:
    return bearer_of(websocket) or next((name.removeprefix(BEARER) for name in offered if name.startswith(BEARER)), "")


async def _turn_away(websocket: WebSocket, refusal: Refusal) -> None:
    """Refuse before the handshake; a browser, which is not shown the answer to it, is told by the close code."""
    status = STATUS[refusal.code]
    offered: list[str] = websocket.scope.get("subprotocols", [])
    if any(name.startswith(BEARER) for name in offered):
        spoken = next((name for name in offered if name in tuple(Subprotocol)), None)
        await websocket.accept(subprotocol=spoken)
        await websocket.close(4000 + status, f"{refusal.code}: {refusal.text}")
        return
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": "5"} if status == 503 else {}
    await websocket.send_denial_response(JSONResponse(refusal.shape, status, headers))


async def _close(websocket: WebSocket, why: str) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # gone by itself
        await websocket.close(4000 + STATUS["unauthenticated"], why)
