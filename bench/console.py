"""A control client of the bench's own: commands with the moment they left, events with the moment they came."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgpack
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

_SUBPROTOCOL: Any = "mediaserver.v1.msgpack"
_ANSWERED_WITHIN = 10.0


class CommandFailed(Exception):
    """The server refused a command; has its error code."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class ConnectionLost(Exception):
    """The websocket ended before the bench did."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A command that was carried out."""

    result: dict[str, Any]
    sent: float
    """Monotonic: just before its bytes were written."""
    replied: float
    """When the reply had come."""


@dataclass(frozen=True, slots=True)
class Event:
    """What the server told."""

    kind: str
    leg: int | None
    call: dict[str, Any]
    came: float


class Console:
    """One websocket. Use `open_console`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[tuple[dict[str, Any], float]]] = {}
        self._watchers: list[tuple[Callable[[Event], bool], asyncio.Future[Event]]] = []

    async def command(self, kind: str, **fields: Any) -> Reply:
        """Send a command and wait for its reply; raises `CommandFailed`."""
        number = next(self._ids)
        future: asyncio.Future[tuple[dict[str, Any], float]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        data = msgpack.packb({"type": kind, "id": number, **fields})
        sent = time.monotonic()
        await self._socket.send(data)
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN):
                reply, came = await future
        except TimeoutError:
            raise CommandFailed("no_reply", f"{kind} was not answered within {_ANSWERED_WITHIN:.0f} s") from None
        finally:
            self._waiting.pop(number, None)
        if not reply["ok"]:
            raise CommandFailed(reply["error"]["code"], reply["error"]["text"])
        return Reply(reply.get("result") or {}, sent, came)

    def watch(self, wanted: Callable[[Event], bool]) -> "asyncio.Future[Event]":
        """A future that holds the next event that is wanted."""
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._watchers.append((wanted, future))
        return future

    async def read(self) -> None:
        """Hear the server until the connection ends; raises `ConnectionLost` where the server ends it."""
        try:
            await self._read()
        except ConnectionClosed as closed:
            raise ConnectionLost(f"the control connection broke: {closed}") from closed
        raise ConnectionLost("the server closed the control connection")

    async def _read(self) -> None:
        async for data in self._socket:
            came = time.monotonic()
            message = msgpack.unpackb(data)
            if message["type"] == "reply":
                future = self._waiting.get(message["id"])
                if future is not None and not future.done():
                    future.set_result((message, came))
            elif message["type"] == "event":
                self._tell(Event(message["kind"], message.get("leg"), message.get("call") or {}, came))

    def _tell(self, event: Event) -> None:
        for watcher in [watcher for watcher in self._watchers if watcher[1].done() or watcher[0](event)]:
            self._watchers.remove(watcher)
            if not watcher[1].done():
                watcher[1].set_result(event)


@asynccontextmanager
async def open_console(control: str, token: str) -> AsyncIterator[Console]:
    """Connect, and hear events until the block ends."""
    async with connect(
        f"ws://{control}/v1/control?meters=off",
        additional_headers={"Authorization": f"Bearer {token}"},
        subprotocols=[_SUBPROTOCOL],
        max_size=None,
        compression=None,
    ) as socket:
        console = Console(socket)
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(console.read())
            yield console
            reader.cancel()


def supervising_leg(event: Event, name: str) -> int | None:
    """The number of this supervisor's leg in an event's call, where he has one."""
    legs = (leg for leg in event.call.get("legs", ()) if leg["role"] == "supervisor" and name in (leg["identity"], leg["party"]))
    return next((leg["leg"] for leg in legs if leg["state"] != "ended"), None)
