"""The control API from Python: a typed client that stays connected and misses nothing.

async with ControlClient("http://127.0.0.1:8080", token) as client:
    made = await client.supervise(agent="robert", mode="listen")
    await client.set_mode(made.leg, "whisper")
    async for update in client.events():
        ...
"""

import asyncio
import random
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol as Offered

from control_api.command_models import COMMANDS
from control_api.encoding import Subprotocol, Unreadable, decode, encode
from control_api.live_commands import LiveCommands
from control_api.messages import (
    SERVER_MESSAGE,
    CallModel,
    EventMessage,
    HelloMessage,
    LegModel,
    MetersMessage,
    ReplyMessage,
    SnapshotMessage,
    first_problem,
)
from control_api.mirror import Inbox, Mirror, OutOfStep, Update
from control_api.permissions import Refusal

PATH: Final = "/v1/control"
FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 5.0
OPEN_TIMEOUT: Final = 10.0
COMMAND_TIMEOUT: Final = 40.0
"""Seconds; longer than the server's own."""
MAX_PENDING: Final = 64
"""Commands without a reply; further ones wait for their turn."""
VIEWED_AGAIN: Final = -1
"""Id of the command by which a new connection views what the last one did; its reply is waited for by nobody."""

Found = TypeVar("Found")


class Unreachable(ConnectionError):
    """The server cannot be reached, or the connection is gone and is not to be made again."""


@dataclass(slots=True)
class _Pending:
    message: dict[str, Any]
    reply: asyncio.Future[ReplyMessage]


class ControlClient(LiveCommands):
    """One identity's connection. Raises `Unreachable`; a command that the server refuses raises `Refusal`.

    After a cut it connects again by itself, resumes the events, and sends commands without a reply again under their
    key, so that each is done once.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        subprotocol: Subprotocol = Subprotocol.MSGPACK,
        reconnects: bool = True,
        wants_meters: bool = False,
        modes_stay: bool = False,
        queue: int = 1000,
    ) -> None:
        """url: ``http://host:port`` or ``ws://…``. queue: updates kept for each watcher.

        modes_stay: a whisper or barge that this client sets goes on when it is gone, as for a program that gives one command.
        """
        self.hello: HelloMessage | None = None
        """What the server said last on who we are and may ask; set as soon as the client is entered."""
        self.connections = 0
        """How often it was connected."""
        self._url = websocket_url(url)
        self._token = token
        self._subprotocol = subprotocol
        self._reconnects = reconnects
        self._wants_meters = wants_meters
        self._modes_stay = modes_stay
        self._queue = queue
        self._viewed: tuple[str, ...] | None = None
        self._mirror = Mirror()
        self._inboxes: dict[Inbox, asyncio.Event] = {}
        self._pending: dict[int, _Pending] = {}
        self._places = asyncio.Semaphore(MAX_PENDING)
        self._requests = 0
        self._websocket: ClientConnection | None = None
        self._failure: Exception | None = None
        self._settled = asyncio.Event()
        self._stack = AsyncExitStack()

    @property
    def calls(self) -> Mapping[str, CallModel]:
        """The live calls by id, as of the last event."""
        return self._mirror.calls

    async def __aenter__(self) -> Self:
        group = await self._stack.enter_async_context(asyncio.TaskGroup())
        runner = group.create_task(self._run())
        self._stack.callback(runner.cancel)
        try:
            await self._settled.wait()
            if self._failure is not None:
                raise self._failure
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    # Watching

    async def events(self) -> AsyncGenerator[Update]:
        """What happens, beginning with a snapshot of what is. A reader that is too slow gets a fresh snapshot instead."""
        news = asyncio.Event()
        inbox = Inbox(self._mirror, self._queue, news.set)
        self._inboxes[inbox] = news
        try:
            while True:
                while (update := inbox.get()) is not None:
                    yield update
                if self._failure is not None:
                    raise self._failure
                news.clear()
                await news.wait()
        finally:
            del self._inboxes[inbox]

    async def until(self, look: Callable[[Mapping[str, CallModel]], Found | None], timeout: float) -> Found:
        """What ``look`` finds in the calls, as soon as it finds something. Raises TimeoutError after so many seconds."""
        async with asyncio.timeout(timeout), aclosing(self.events()) as events:
            async for _ in events:
                if (found := look(self.calls)) is not None:
                    return found
        raise AssertionError("events never end")

    async def joined(self, leg: int, timeout: float = 60.0) -> CallModel:
        """Wait until the phone of a supervision was answered. Raises `Refusal` where it was not, or TimeoutError."""
        was_there = False

        def look(calls: Mapping[str, CallModel]) -> tuple[CallModel, LegModel] | None:
            nonlocal was_there
            for call in calls.values():
                for one in call.legs:
                    if one.leg == leg and one.state != "ended":
                        was_there = True
                        return (call, one) if one.state in ("answered", "held") else None
            if was_there or leg in self._mirror.left:
                raise Refusal("unavailable", "the phone was not answered", "look whether it is registered and free")
            return None

        return (await self.until(look, timeout))[0]

    # Commands

    async def view(self, calls: Iterable[str] | None) -> None:
        """Have the meters of these calls alone, also after a cut; None: of all."""
        self._viewed = None if calls is None else tuple(calls)
        await self.ask("view", calls=self._viewed)

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The result of any command, by its type; what the methods say in types. Raises ValueError for fields that are not allowed."""
        async with self._places:
            self._requests += 1
            request = self._requests
            message = {"type": kind, "id": request, "key": uuid.uuid4().hex} | fields
            try:
                COMMANDS[kind].model_validate(message)
            except ValidationError as error:
                raise ValueError(f"{kind}: {first_problem(error)}") from None
            pending = _Pending(message, asyncio.get_running_loop().create_future())
            self._pending[request] = pending
            try:
                if self._failure is not None:
                    raise self._failure
                async with asyncio.timeout(COMMAND_TIMEOUT):
                    await self._send(message)
                    reply = await pending.reply
            except TimeoutError:
                raise Refusal("timeout", f"no reply to {kind} in time", "look at the call before you try again") from None
            finally:
                del self._pending[request]
        if reply.error is not None:
            raise Refusal(reply.error.code, reply.error.text, reply.error.hint)
        return reply.result or {}

    # Staying connected

    async def _run(self) -> None:
        delay = FIRST_DELAY
        try:
            while True:
                connected = self.connections
                try:
                    await self._connect_once()
                except OutOfStep:
                    self._mirror.forget()
                except Unreachable:
                    if not self._settled.is_set() or not self._reconnects:
                        raise
                delay = FIRST_DELAY if self.connections > connected else min(delay * 2, LONGEST_DELAY)
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
        except (Unreachable, Refusal) as error:
            self._fail(error)

    async def _connect_once(self) -> None:
        """One connection's life. Raises `Unreachable` at its end, `Refusal` where we are not let in."""
        query = f"?meters={'on' if self._wants_meters else 'off'}&resume={quote(self._mirror.position)}"
        query += "&modes=stay" if self._modes_stay else ""
        try:
            async with connect(
                self._url + query,
                additional_headers={"Authorization": f"Bearer {self._token}"},
                subprotocols=[Offered(self._subprotocol)],
                compression=None,
                proxy=None,
                open_timeout=OPEN_TIMEOUT,
                max_size=None,
            ) as websocket:
                await self._listen(websocket)
        except InvalidStatus as error:
            raise self._denial(error) from None
        except ConnectionClosed as error:
            raise Unreachable(f"{self._url}: the connection was closed ({error})") from None
        except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
            raise Unreachable(f"{self._url}: {_reason(error)}") from None
        except (Unreadable, ValidationError) as error:
            raise Unreachable(f"{self._url}: does not speak the control API ({str(error).splitlines()[0]})") from None
        finally:
            self._websocket = None

    async def _listen(self, websocket: ClientConnection) -> None:
        while True:
            message = SERVER_MESSAGE.validate_python(decode(await websocket.recv(), self._subprotocol))
            match message:
                case HelloMessage():
                    await self._greet(websocket, message)
                case ReplyMessage():
                    self._settle(message)
                case MetersMessage():
                    self._tell(message)
                case _:
                    self._take_commands(message)
                    if (update := self._mirror.take(message)) is not None:
                        self._tell(update)
                    self._settled_if_known()

    async def _greet(self, websocket: ClientConnection, hello: HelloMessage) -> None:
        self.hello = hello
        self.connections += 1
        self._mirror.greet(hello)
        self._websocket = websocket
        if self._viewed is not None:
            await self._send({"type": "view", "id": VIEWED_AGAIN, "calls": self._viewed})
        for pending in tuple(self._pending.values()):
            await self._send(pending.message)

    def _take_commands(self, message: SnapshotMessage | EventMessage) -> None:
        """What we may ask is another matter where the policy changed."""
        if isinstance(message, SnapshotMessage) and message.commands is not None and self.hello is not None:
            self.hello = self.hello.model_copy(update={"commands": message.commands})

    async def _send(self, message: dict[str, Any]) -> None:
        """Send now, or leave it to the next connection's greeting."""
        if self._websocket is None:
            return
        data = encode(message, self._subprotocol)
        try:
            await self._websocket.send(data.decode() if self._subprotocol is Subprotocol.JSON else data)
        except ConnectionClosed:
            return

    def _settle(self, reply: ReplyMessage) -> None:
        pending = self._pending.get(reply.id) if isinstance(reply.id, int) else None
        if pending is not None and not pending.reply.done():
            pending.reply.set_result(reply)

    def _tell(self, update: Update) -> None:
        for inbox in self._inboxes:
            inbox.put(update)

    def _settled_if_known(self) -> None:
        if self._mirror.stream:
            self._settled.set()

    def _fail(self, error: Exception) -> None:
        """There will be no further connection: everybody who waits is told."""
        self._failure = error
        self._settled.set()
        for news in self._inboxes.values():
            news.set()
        for pending in self._pending.values():
            if not pending.reply.done():
                pending.reply.set_exception(error)

    def _denial(self, error: InvalidStatus) -> Exception:
        status = error.response.status_code
        try:
            told = decode(bytes(error.response.body or b""), Subprotocol.JSON)
            refusal = Refusal(str(told["code"]), str(told["text"]), str(told.get("hint", "")))
        except (Unreadable, KeyError):
            return Unreachable(f"{self._url}: HTTP {status} where the control API was expected")
        return Unreachable(f"{self._url}: {refusal.text}") if refusal.code == "too_many" else refusal


def websocket_url(url: str) -> str:
    """The websocket's address from ``host:port``, ``http://…`` or ``ws://…``. Raises ValueError."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8080")
    path = parts.path.rstrip("/")
    return urlunsplit((schemes[parts.scheme], parts.netloc, path if path.endswith(PATH) else path + PATH, "", ""))


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
