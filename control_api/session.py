"""One client of the control API, without I/O: its bytes in, bytes for it out.

The rules, in the order in which they decide what is sent next:

1. ``hello`` comes first. Then either a snapshot, or, where the client named a position that is still kept, what came after it.
2. A snapshot and its sequence are taken in one step, and the events after it follow: state and changes never overlap.
3. A reply is sent when every event that happened before it was.
4. Events go out in order. A client that is further behind than its queue allows gets a fresh snapshot instead.
5. Meters go out when nothing else is to be sent, the latest only, of the calls that the client views.

The shell sends `next_frame` until there is none, and looks again after `wake`.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from control_api.call_models import ViewCommand
from control_api.command_models import COMMANDS, LOOKING, AnyCommand
from control_api.commands import failed, succeeded
from control_api.encoding import Subprotocol, Unreadable, decode, encode
from control_api.feeds import Feed
from control_api.idempotency import KeyTable, Outcome
from control_api.messages import VERSION, RequestId, first_problem
from control_api.meters import meters_message
from control_api.permissions import Refusal
from control_api.repertoire import introduction, offered

SNAPSHOT_PART: Final = 250
"""Calls in one snapshot message, so that it stays below the 1 MiB that websocket clients take by default."""
MAX_UNANSWERED: Final = 64
"""Commands of a client that run or whose replies wait to be sent; then nothing more is read from it."""

_REQUEST_ID: Final[TypeAdapter[int | str]] = TypeAdapter(RequestId)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a client stopped reading."""

    stream: str
    sequence: int

    @classmethod
    def read(cls, text: str) -> "Position | None":
        """From ``stream:sequence``; None where it is not that."""
        stream, _, sequence = text.rpartition(":")
        return cls(stream, int(sequence)) if stream and sequence.isascii() and sequence.isdigit() and len(sequence) < 16 else None


@dataclass(frozen=True, slots=True)
class Order:
    """A command to be carried out; its outcome is to be given to `Session.finish`."""

    command: AnyCommand


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that was answered with an error at once; for the log."""

    command: str
    refusal: Refusal


@dataclass(slots=True)
class Counters:
    """What happened in a session that a client may not have noticed."""

    too_slow: int = 0
    """Times that events were replaced by a snapshot."""
    meters_skipped: int = 0
    """Meter messages that were overtaken by a newer one."""


class Session:
    """The protocol of one connection; see the rules above."""

    def __init__(
        self,
        feed: Feed,
        keys: KeyTable,
        subprotocol: Subprotocol,
        calls: Callable[[], Sequence[dict[str, Any]]],
        wake: Callable[[], None],
        queue: int,
        resume: Position | None = None,
        wants_meters: bool = True,
        remote: str = "",
        withheld: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """``withheld``: gives the commands that are switched off for the feed's identity."""
        self.subprotocol = subprotocol
        self.counters = Counters()
        self.is_closed = False
        self.remote = remote
        """The client's address, where it is known."""
        self._feed = feed
        self._keys = keys
        self._withheld = withheld
        self._calls = calls
        self._wake = wake
        self._queue = queue
        self._allowed = queue
        """Events it may be behind now; more than the queue while a client that came back catches up."""
        self._viewed: tuple[str, ...] | None = None
        """The calls whose meters are wanted; None: of all that may be seen."""
        self._meters = feed.meters.number
        """The newest reading that was told of."""
        self._are_meters_due = False
        self._leave_meters = feed.meters.join(self._meters_due) if wants_meters else _nothing
        self._waiting = 0
        """Commands without a reply yet."""
        self._replies: deque[tuple[int, bytes]] = deque()
        self._sequence = feed.sequence
        self._opening: Iterator[bytes] = self._open(resume)
        feed.readers.add(wake)

    @property
    def is_full(self) -> bool:
        """Whether so much is unanswered that no more is to be read from the client."""
        return self._waiting + len(self._replies) >= MAX_UNANSWERED

    def close(self) -> None:
        """The connection is gone; commands that run are finished without it."""
        self.is_closed = True
        self._feed.readers.discard(self._wake)
        self._leave_meters()

    def next_frame(self) -> bytes | None:
        """What is to be sent next; None: nothing until `wake` is called."""
        opening = next(self._opening, None)
        if opening is not None:
            return opening
        if self._replies and self._replies[0][0] <= self._sequence:
            return self._replies.popleft()[1]
        behind = self._feed.sequence - self._sequence
        if behind == 0:
            return self._next_meters()
        if behind <= self._queue:
            self._allowed = self._queue
        if self._sequence < self._feed.anew:
            self._opening = self._snapshot("policy_changed")
            return next(self._opening)
        if behind > self._allowed or not self._feed.holds_after(self._sequence):
            self.counters.too_slow += 1
            self._opening = self._snapshot("too_slow")
            return next(self._opening)
        self._sequence += 1
        return self._feed.event(self._sequence, self.subprotocol)

    def receive(self, data: bytes | str) -> Order | Refused | None:
        """Take one message of the client. None: its reply is known already, or will be another's."""
        request: int | str | None = None
        kind = ""
        try:
            message = decode(data, self.subprotocol)
            request, kind = _request_id(message), _kind(message)
            return self._order(_command(message))
        except Unreadable as error:
            refusal = Refusal("bad_request", str(error), "the connection stays; send the next message")
        except Refusal as error:
            refusal = error
        self._reply(request, failed(refusal))
        return Refused(kind, refusal)

    def finish(self, order: Order, outcome: Outcome) -> None:
        """The order was carried out, or not."""
        command = order.command
        if _key(command) is None:
            self._teller(command.id)(outcome)
        else:
            self._keys.settle(self._feed.identity, command, outcome)

    def _order(self, command: AnyCommand) -> Order | None:
        if isinstance(command, ViewCommand):
            self._viewed = command.calls
            self._reply(command.id, succeeded({}))
            return None
        self._waiting += 1
        if _key(command) is None:
            return Order(command)
        try:
            is_new = self._keys.claim(self._feed.identity, command, self._teller(command.id))
        except Refusal:
            self._waiting -= 1
            raise
        return Order(command) if is_new else None

    def _teller(self, request: int | str) -> Callable[[Outcome], None]:
        def tell(outcome: Outcome) -> None:
            self._waiting -= 1
            self._reply(request, outcome)

        return tell

    def _reply(self, request: int | str | None, outcome: Outcome) -> None:
        if not self.is_closed:
            self._replies.append((self._feed.sequence, encode({"type": "reply", "id": request} | outcome, self.subprotocol)))
            self._wake()

    def _open(self, resume: Position | None) -> Iterator[bytes]:
        """Hello, and the snapshot where the client cannot go on from where it was."""
        feed = self._feed
        if resume is not None and resume.stream == feed.stream and feed.holds_after(resume.sequence):
            self._sequence = resume.sequence
            self._allowed = max(self._queue, feed.sequence - resume.sequence + self._queue)
            return iter((encode(self._hello(resumed=True), self.subprotocol),))
        snapshot = self._snapshot("connected" if resume is None else "not_resumable")
        return chain((encode(self._hello(resumed=False), self.subprotocol),), snapshot)

    def _hello(self, *, resumed: bool) -> dict[str, Any]:
        said = {"type": "hello", "version": VERSION} | introduction(self._feed.identity, self._withheld())
        return said | {"stream": self._feed.stream, "sequence": self._sequence, "resumed": resumed}

    def _snapshot(self, reason: Literal["connected", "not_resumable", "too_slow", "policy_changed"]) -> Iterator[bytes]:
        """The calls and the sequence as they are now; encoded part by part, when each is sent."""
        calls = self._calls()
        self._sequence = self._feed.sequence
        return self._parts(calls, self._sequence, reason)

    def _parts(self, calls: Sequence[dict[str, Any]], sequence: int, reason: str) -> Iterator[bytes]:
        anew = {"commands": offered(self._feed.identity, self._withheld())} if reason == "policy_changed" else {}
        for start in range(0, max(len(calls), 1), SNAPSHOT_PART):
            message = {
                "type": "snapshot",
                "stream": self._feed.stream,
                "sequence": sequence,
                "reason": reason,
                **anew,
                "calls": list(calls[start : start + SNAPSHOT_PART]),
                "last": start + SNAPSHOT_PART >= len(calls),
            }
            yield encode(message, self.subprotocol)

    def _meters_due(self) -> None:
        if self._are_meters_due:
            self.counters.meters_skipped += 1
        self._are_meters_due = True
        self._wake()

    def _next_meters(self) -> bytes | None:
        if not self._are_meters_due:
            return None
        self._are_meters_due = False
        after, self._meters = self._meters, self._feed.meters.number
        readings = self._feed.readings(self._viewed, after)
        return meters_message(readings, self.subprotocol, self._feed.identity) if readings else None


def _nothing() -> None:
    """Nothing was begun that would have to end."""


def _key(command: AnyCommand) -> str | None:
    """The command's key, where doing it twice would matter."""
    return None if command.type in LOOKING else command.key


def _request_id(message: dict[str, Any]) -> int | str | None:
    try:
        return _REQUEST_ID.validate_python(message.get("id"), strict=True)
    except ValidationError:
        return None


def _kind(message: dict[str, Any]) -> str:
    """The command's type for the log; what a client made up stays out of it."""
    kind = message.get("type")
    return kind if isinstance(kind, str) and kind in COMMANDS else ""


def _command(message: dict[str, Any]) -> AnyCommand:
    """The message as a command. Raises `Refusal` ``bad_request``."""
    kind = message.get("type")
    model = COMMANDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        near = get_close_matches(str(kind), COMMANDS, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"commands: {', '.join(COMMANDS)}"
        raise Refusal("bad_request", f"unknown command {ascii(kind)[:80]}", hint)
    try:
        return model.model_validate(message)
    except ValidationError as error:
        raise Refusal("bad_request", f"{kind}: {first_problem(error)}", "see docs/control-api.md") from None
