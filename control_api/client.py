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

from control_api.annotation_models import FlagsResult, NoteModel, NotesResult
from control_api.browser_messages import AnswerResult, IceServersResult
from control_api.client_commands import PastCommands
from control_api.command_models import COMMANDS
from control_api.encoding import Subprotocol, Unreadable, decode, encode
from control_api.messages import (
    SERVER_MESSAGE,
    AppliedResult,
    BansResult,
    CallModel,
    CallResult,
    CallsResult,
    FlagModel,
    FollowModel,
    FollowsResult,
    HelloMessage,
    HelpResult,
    InvitedResult,
    LegModel,
    MessageResult,
    MetersMessage,
    ReplyMessage,
    ResendResult,
    SupervisionResult,
    TraceResult,
    first_problem,
)
from control_api.mirror import Inbox, Mirror, OutOfStep, Update
from control_api.permissions import Refusal
from mixer.modes import Mode, Role

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


class ControlClient(PastCommands):
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
        """What the server said last on who we are; set as soon as the client is entered."""
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
            if was_there:
                raise Refusal("unavailable", "the phone was not answered", "look whether it is registered and free")
            return None

        return (await self.until(look, timeout))[0]

    # Commands

    async def list(self) -> tuple[CallModel, ...]:
        """Every live call that we may see."""
        return CallsResult.model_validate(await self._ask("list")).calls

    async def view(self, calls: Iterable[str] | None) -> None:
        """Have the meters of these calls alone, also after a cut; None: of all."""
        self._viewed = None if calls is None else tuple(calls)
        await self._ask("view", calls=self._viewed)

    async def get(self, call: str) -> CallModel:
        """One call, live or ended in the last minute."""
        return CallResult.model_validate(await self._ask("get", call=call)).call

    async def supervise(
        self,
        *,
        call: str | None = None,
        agent: str | None = None,
        mode: Mode | str = Mode.LISTEN,
        target: Role | str = Role.AGENT,
        phone: str | None = None,
        offer: str | None = None,
    ) -> SupervisionResult:
        """Have our phone rung into a call; `joined` waits for its answer. With a WebRTC ``offer`` no phone rings: we are joined at once."""
        result = await self._ask("supervise", call=call, agent=agent, mode=str(mode), target=str(target), phone=phone, offer=offer)
        return SupervisionResult.model_validate(result)

    async def reoffer(self, leg: int, offer: str) -> str:
        """The answer to another WebRTC offer for a leg of ours: a restart of ICE, or another direction."""
        return AnswerResult.model_validate(await self._ask("reoffer", leg=leg, offer=offer)).answer

    async def candidate(self, leg: int, candidate: str) -> None:
        """Tell a candidate that came after the offer; empty: there are no more."""
        await self._ask("candidate", leg=leg, candidate=candidate)

    async def ice_servers(self) -> IceServersResult:
        """STUN and TURN servers for our WebRTC."""
        return IceServersResult.model_validate(await self._ask("ice_servers"))

    async def set_mode(self, leg: int, mode: Mode | str, target: Role | str = Role.AGENT) -> AppliedResult:
        """Change the mode; returns when the audio has changed."""
        return AppliedResult.model_validate(await self._ask("set_mode", leg=leg, mode=str(mode), target=str(target)))

    async def mute(self, leg: int, muted: bool = True) -> AppliedResult:
        """Mute or unmute our leg."""
        return AppliedResult.model_validate(await self._ask("mute", leg=leg, muted=muted))

    async def volumes(self, leg: int, *, hears: float | None = None, heard: float | None = None) -> AppliedResult:
        """Set our leg's volumes, linear, 0 to 4."""
        return AppliedResult.model_validate(await self._ask("volumes", leg=leg, hears=hears, heard=heard))

    async def leave(self, leg: int) -> None:
        """End our leg."""
        await self._ask("leave", leg=leg)

    async def hand_over(self, leg: int, to: int) -> AppliedResult:
        """Give our talk to another supervisor's leg; returns when both gains have changed."""
        return AppliedResult.model_validate(await self._ask("hand_over", leg=leg, to=to))

    async def take_over(self, leg: int) -> AppliedResult:
        """Talk in the agent's stead."""
        return AppliedResult.model_validate(await self._ask("take_over", leg=leg))

    async def drop_agent(self, leg: int) -> AppliedResult:
        """Hang up the agent, and keep the other party."""
        return AppliedResult.model_validate(await self._ask("drop_agent", leg=leg))

    async def give_back(self, leg: int) -> AppliedResult:
        """Let the agent talk again."""
        return AppliedResult.model_validate(await self._ask("give_back", leg=leg))

    async def invite(self, call: str, number: str) -> int:
        """Ring a third one into a call; returns the number of his leg."""
        return InvitedResult.model_validate(await self._ask("invite", call=call, number=number)).leg

    async def ask_help(self, text: str | None = "", *, call: str | None = None, agent: str | None = None) -> str:
        """Say that an agent (ourselves, where none is named) needs help, or with None none any more; returns the call's id."""
        return HelpResult.model_validate(await self._ask("ask_help", text=text, call=call, agent=agent)).call

    async def follow(
        self,
        *,
        agent: str | None = None,
        team: str | None = None,
        pick: str = "next",
        calls: int | None = None,
        current: bool = True,
        seconds: float = 60.0,
        phone: str | None = None,
        offer: str | None = None,
    ) -> FollowModel:
        """Have one leg, our phone's or a browser's, join each new call of an agent, of a team, or of anybody."""
        wanted = {"agent": agent, "team": team, "pick": pick, "calls": calls, "current": current, "seconds": seconds}
        return FollowModel.model_validate(await self._ask("follow", **wanted, phone=phone, offer=offer))

    async def unfollow(self, follow: int) -> None:
        """Follow no more."""
        await self._ask("unfollow", follow=follow)

    async def follows(self) -> FollowsResult:
        """Whom we follow."""
        return FollowsResult.model_validate(await self._ask("follows"))

    async def note(self, call: str, text: str, *, seconds: float | None = None) -> NoteModel:
        """Write about a call, live or over; ``seconds``: the moment that is meant, as its duration counts."""
        return NoteModel.model_validate(await self._ask("note", call=call, text=text, seconds=seconds))

    async def notes(self, call: str) -> NotesResult:
        """What was written about a call."""
        return NotesResult.model_validate(await self._ask("notes", call=call))

    async def flag(self, call: str, label: str = "look", *, seconds: float | None = None) -> FlagModel:
        """Put a flag on a call, live or over."""
        return FlagModel.model_validate(await self._ask("flag", call=call, label=label, seconds=seconds))

    async def unflag(self, call: str, flag: str) -> None:
        """Take a flag back."""
        await self._ask("unflag", call=call, flag=flag)

    async def flags(self, call: str) -> FlagsResult:
        """The flags of a call that stand."""
        return FlagsResult.model_validate(await self._ask("flags", call=call))

    async def hang_up(self, call: str, leg: int) -> None:
        """Hang up one leg of a call."""
        await self._ask("hang_up", call=call, leg=leg)

    async def end(self, call: str) -> None:
        """End a call."""
        await self._ask("end", call=call)

    async def originate(self, *, agent: str, number: str) -> dict[str, Any]:
        """Ring an agent, then a number for him."""
        return await self._ask("originate", agent=agent, number=number)

    async def message(self, text: str, *, agent: str | None = None, call: str | None = None) -> MessageResult:
        """Send a text to the phones of an agent, or of a call's agent; returns when one has taken it."""
        return MessageResult.model_validate(await self._ask("message", agent=agent, call=call, text=text))

    async def trace(self, call: str, after: int = 0) -> TraceResult:
        """The SIP messages of a call, from a place on."""
        return TraceResult.model_validate(await self._ask("trace", call=call, after=after))

    async def bans(self) -> BansResult:
        """Who is kept out for wrong passwords."""
        return BansResult.model_validate(await self._ask("bans"))

    async def lift_ban(self, source: str, user: str = "") -> None:
        """Let somebody in again."""
        await self._ask("lift_ban", source=source, user=user)

    async def resend(self, webhook: str) -> int:
        """Have what a webhook was told in vain delivered again; how many events that is."""
        return ResendResult.model_validate(await self._ask("resend", webhook=webhook)).events

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The result of any command, by its type; what the methods above say in types."""
        return await self._ask(kind, **fields)

    async def _ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a command and wait for its reply. Raises ValueError for fields that the protocol does not allow."""
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
