"""A client's picture of the live calls, made from what the server says; without I/O."""

from collections import deque
from collections.abc import Callable
from typing import Final

from control_api.messages import CallModel, EventMessage, HelloMessage, MetersMessage, SnapshotMessage

Update = SnapshotMessage | EventMessage | MetersMessage
"""What a watcher is told."""

GONE: Final = frozenset({"call.ended", "call.hidden"})
MOST_LEFT: Final = 1000
"""Supervisors' legs that are remembered to have left."""


class OutOfStep(Exception):
    """An event does not follow the last one; the picture has to be made anew."""


class Mirror:
    """The calls as of the last event, and where to resume."""

    def __init__(self) -> None:
        self.calls: dict[str, CallModel] = {}
        self.stream = ""
        self.sequence = 0
        self.left: deque[int] = deque(maxlen=MOST_LEFT)
        """Supervisors' legs that have left, the last ones: whoever looks for one may come after its end."""
        self._parts: list[CallModel] = []

    @property
    def position(self) -> str:
        """For the ``resume`` parameter; empty where nothing is known yet."""
        return f"{self.stream}:{self.sequence}" if self.stream else ""

    def forget(self) -> None:
        """Start from nothing."""
        self.calls, self.stream, self.sequence = {}, "", 0
        self.left.clear()

    def greet(self, hello: HelloMessage) -> None:
        """A connection began. What is left of an interrupted snapshot is of no use."""
        self._parts = []
        if not hello.resumed:
            self.stream = ""
            self.left.clear()

    def take(self, message: SnapshotMessage | EventMessage) -> Update | None:
        """Take a message over; what a watcher is to be told of it. Raises `OutOfStep`."""
        if isinstance(message, SnapshotMessage):
            return self._snapshot(message)
        if message.sequence <= self.sequence:
            return None
        if message.sequence != self.sequence + 1:
            raise OutOfStep(f"event {message.sequence} after {self.sequence}")
        self.sequence = message.sequence
        if message.kind == "supervisor.left" and message.leg is not None:
            self.left.append(message.leg)
        if message.kind in GONE:
            self.calls.pop(message.call_id, None)
        elif message.call is not None:
            self.calls[message.call_id] = message.call
        return message

    def snapshot(self, reason: str) -> SnapshotMessage:
        """The picture as a message."""
        calls = list(self.calls.values())
        fields = {"stream": self.stream, "sequence": self.sequence, "reason": reason, "calls": calls, "last": True}
        return SnapshotMessage.model_validate(fields)

    def _snapshot(self, message: SnapshotMessage) -> SnapshotMessage | None:
        self._parts.extend(message.calls)
        if not message.last:
            return None
        self.calls = {call.call: call for call in self._parts}
        self._parts = []
        self.stream, self.sequence = message.stream, message.sequence
        return self.snapshot(message.reason)


class Inbox:
    """What one watcher has still to read. When he is too slow it is replaced by a snapshot, and that is counted."""

    def __init__(self, mirror: Mirror, limit: int, wake: Callable[[], None]) -> None:
        self.overruns = 0
        self._mirror = mirror
        self._limit = limit
        self._wake = wake
        self._updates: deque[Update] = deque()
        self._reason = "connected" if mirror.stream else ""

    def put(self, update: Update) -> None:
        """Add what happened."""
        if isinstance(update, SnapshotMessage):
            self._updates.clear()
            self._reason = ""
        if len(self._updates) >= self._limit:
            self.overruns += 1
            self._updates.clear()
            self._reason = "too_slow"
        elif self._reason and not isinstance(update, MetersMessage):
            # The snapshot that is still to be read will show it.
            return
        else:
            self._updates.append(update)
        self._wake()

    def get(self) -> Update | None:
        """The next thing to read."""
        if self._reason:
            reason, self._reason = self._reason, ""
            return self._mirror.snapshot(reason)
        return self._updates.popleft() if self._updates else None
