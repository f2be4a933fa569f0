"""Reliable provisional responses (RFC 3262): the sender's state machine, and the receiver's book of sequence numbers.

The sender, one for each INVITE of theirs:

- One response at a time waits for its PRACK, later ones queue behind it (§3). RSeq starts at random and rises by one.
- It is sent again from T1 on, each interval twice the last; after 64 T1 without PRACK the INVITE is refused.
- A final answer ends all that; it waits for the PRACK only where it is a 2xx and the response holds a description (§3).
- What is not in the table is absorbed: a PRACK that came again, a response after the final one.

The receiver, one for each INVITE of ours: in each early dialog the first RSeq starts the count and only the next one is taken (§4).
"""

from enum import Enum, auto
from typing import Final, NamedTuple, Protocol

from sip.errors import ParseError
from sip.headers import parse_number, tokens
from sip.message import Response
from sip.session.core import Core
from sip.timers import Timer

RELIABLY: Final = "100rel"
MOST_QUEUED: Final = 8
"""18x that may wait behind one without PRACK; more are dropped and counted."""
HIGHEST_RSEQ: Final = 2**32 - 1
_RSEQ_STARTS_BELOW: Final = 2**31 - 1
_RACK_PARTS: Final = 3


class State(Enum):
    """Where the sender is."""

    IDLE = auto()
    WAITING = auto()
    """One response has no PRACK yet."""
    OVER = auto()
    """There is a final answer, or there was no PRACK."""


class Input(Enum):
    """What can happen to the sender."""

    PROGRESS = auto()
    PRACK = auto()
    AGAIN = auto()
    """The interval is over."""
    GIVE_UP = auto()
    """64 T1 are over."""
    FINAL = auto()


class Do(Enum):
    """What a transition does, in the order in which it stands in the table."""

    SEND = auto()
    QUEUE = auto()
    SEND_AGAIN = auto()
    STOP = auto()
    SEND_NEXT = auto()
    """The next one of the queue, if there is one."""
    TELL_TIMEOUT = auto()


TABLE: Final = {
    (State.IDLE, Input.PROGRESS): (State.WAITING, (Do.SEND,)),
    (State.WAITING, Input.PROGRESS): (State.WAITING, (Do.QUEUE,)),
    (State.WAITING, Input.AGAIN): (State.WAITING, (Do.SEND_AGAIN,)),
    (State.WAITING, Input.PRACK): (State.IDLE, (Do.STOP, Do.SEND_NEXT)),
    (State.WAITING, Input.GIVE_UP): (State.OVER, (Do.STOP, Do.TELL_TIMEOUT)),
    (State.WAITING, Input.FINAL): (State.OVER, (Do.STOP,)),
    (State.IDLE, Input.FINAL): (State.OVER, ()),
}


class Rack(NamedTuple):
    """What a PRACK acknowledges (§7.2)."""

    rseq: int
    cseq: int
    method: str


def parse_rack(value: str | None) -> Rack:
    """Read a RAck header. Raises `ParseError`."""
    parts = (value or "").split()
    if len(parts) != _RACK_PARTS:
        raise ParseError(f"not a RAck: {(value or '')[:60]!r}; expected RSeq, CSeq number and method")
    return Rack(parse_number(parts[0], "RSeq", HIGHEST_RSEQ), parse_number(parts[1], "CSeq", HIGHEST_RSEQ), parts[2])


class SenderUser(Protocol):
    """The session that says 18x."""

    def send_reliably(self, progress: Response, rseq: int, now: float) -> bytes:
        """Send it under this number, and return its bytes."""

    def send_again(self, data: bytes) -> None:
        """Send the same bytes again."""

    def not_pracked(self, now: float) -> None:
        """No PRACK came within 64 T1."""


class ReliableSender:
    """The 18x to one INVITE of theirs that want a PRACK."""

    __slots__ = (
        "_core",
        "_cseq",
        "_data",
        "_give_up_at",
        "_interval",
        "_is_pracked",
        "_queue",
        "_rseq",
        "_state",
        "_timer",
        "_user",
        "holds_description",
    )

    def __init__(self, core: Core, user: SenderUser, cseq: int) -> None:
        self._core = core
        self._user = user
        self._cseq = cseq
        self._state = State.IDLE
        self._queue: list[Response] = []
        self._rseq = 0
        """Of the newest one sent; 0: none yet."""
        self._is_pracked = True
        """The newest one sent is; a final answer may come before (§3)."""
        self.holds_description = False
        """The newest one sent has a body."""
        self._data = b""
        self._interval = 0.0
        self._give_up_at = 0.0
        self._timer: Timer | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a response has no PRACK yet."""
        return self._state is State.WAITING

    def progress(self, response: Response, now: float) -> None:
        """Send a response, now or after those before it."""
        self._step(Input.PROGRESS, now, response)

    def matches(self, rack: Rack) -> bool:
        """Whether a PRACK is about a response that has none yet (§3)."""
        return not self._is_pracked and rack == Rack(self._rseq, self._cseq, "INVITE")

    def pracked(self, now: float) -> None:
        """The PRACK came."""
        self._is_pracked = True
        self._step(Input.PRACK, now)

    def final(self, now: float) -> None:
        """There is a final answer, or nobody wants one."""
        self._step(Input.FINAL, now)

    def fired(self, name: str, now: float) -> None:
        """The interval is over, or all the time there was."""
        self._step(Input.GIVE_UP if now >= self._give_up_at else Input.AGAIN, now)

    def _step(self, kind: Input, now: float, response: Response | None = None) -> None:
        found = TABLE.get((self._state, kind))
        if found is None:
            return
        self._state, actions = found
        for action in actions:
            self._act(action, now, response)

    def _act(self, action: Do, now: float, response: Response | None) -> None:
        match action:
            case Do.SEND:
                assert response is not None
                self._send(response, now)
            case Do.QUEUE:
                assert response is not None
                if len(self._queue) >= MOST_QUEUED:
                    return self._core.count("provisional_dropped")
                self._queue.append(response)
            case Do.SEND_AGAIN:
                self._core.count("retransmitted_provisional")
                self._user.send_again(self._data)
                self._interval *= 2
                self._wait(now)
            case Do.STOP:
                self._core.timers.stop(self._timer)
            case Do.SEND_NEXT:
                if self._queue:
                    self._step(Input.PROGRESS, now, self._queue.pop(0))
            case Do.TELL_TIMEOUT:
                self._user.not_pracked(now)
        return None

    def _send(self, response: Response, now: float) -> None:
        self._rseq = self._rseq + 1 if self._rseq else 1 + self._core.below(_RSEQ_STARTS_BELOW)
        self._is_pracked = False
        self.holds_description = bool(response.body)
        self._data = self._user.send_reliably(response, self._rseq, now)
        self._interval = self._core.intervals.t1
        self._give_up_at = now + self._core.intervals.give_up
        self._wait(now)

    def _wait(self, now: float) -> None:
        self._timer = self._core.timers.start(min(now + self._interval, self._give_up_at), self, "prack")


class Order(Enum):
    """What a provisional response is to its receiver."""

    UNRELIABLE = auto()
    NEXT = auto()
    """Reliable and due: it wants a PRACK."""
    AGAIN = auto()
    """Known already: its PRACK is on its way."""
    EARLY = auto()
    """One before it is missing: it will come again after that one."""


class ReliableReceiver:
    """Sequence numbers of the 18x to one INVITE of ours, by early dialog."""

    __slots__ = ("_newest",)

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}
        """By To tag; the session bounds how many there are."""

    def take(self, response: Response, tag: str) -> Order:
        """Judge a response above 100."""
        rseq = response.values("RSeq")
        if not rseq or RELIABLY not in tokens(response.values("Require")):
            return Order.UNRELIABLE
        try:
            number = parse_number(rseq[0], "RSeq", HIGHEST_RSEQ)
        except ParseError:
            return Order.EARLY
        newest = self._newest.get(tag)
        if newest is not None and number != newest + 1:
            return Order.AGAIN if number <= newest else Order.EARLY
        self._newest[tag] = number
        return Order.NEXT
