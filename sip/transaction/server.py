"""Server transactions: a request of the other side until its answer has surely arrived (RFC 3261 §17.2)."""

from typing import TYPE_CHECKING, Final, Protocol

from sip.message import Request, Response
from sip.transaction.key import Identity, ServerKey
from sip.transaction.machine import Machine
from sip.transaction.states import INVITE_SERVER, SERVER, Do, Input, State, answered
from sip.transport.flow import Flow

if TYPE_CHECKING:
    from sip.transaction.layer import Transactions


_ANSWERED: Final = Request("", "")
"""Stands in for a request that was answered: many wait for retransmissions, and their requests are not needed for that."""


class ServerUser(Protocol):
    """Whoever answers an INVITE."""

    local_tag: str
    """The To tag of its answers."""

    def cancelled(self, transaction: "ServerTransaction", request: Request, now: float) -> None:
        """A CANCEL came, and was answered, before there was a final response."""


class ServerTransaction(Machine):
    """One request and our newest answer to it."""

    __slots__ = ("_data", "_repeats", "_tag", "identity", "is_invite", "key", "request", "status", "user")

    def __init__(self, layer: "Transactions", key: ServerKey, identity: Identity, request: Request, flow: Flow) -> None:
        self.is_invite = request.method == "INVITE"
        super().__init__(layer, INVITE_SERVER if self.is_invite else SERVER, State.PROCEEDING if self.is_invite else State.TRYING, flow)
        self.key = key
        self.identity = identity
        self.request = request
        """Empty once it is answered for good."""
        self.status = 0
        """Of the newest answer; 0: none yet."""
        self.user: ServerUser | None = None
        """Nobody once it is answered for good: many wait for retransmissions, and a session is large."""
        self._tag = ""
        """The To tag of its user's answers, kept."""
        self._data = b""
        self._repeats = True

    def say_once(self) -> None:
        """Do not repeat the failure that comes next by ourselves (RFC 3261 §26.3.2.4): whoever asks may not be where he says, and would get
        eleven answers to one question. Who asks again is answered again, and he does so as long as he was told nothing at all."""
        self._repeats = self.status != 0

    @property
    def to_tag(self) -> str:
        """The To tag of its user's answers; empty where it never had one."""
        return self._tag if self.user is None else self.user.local_tag

    def respond(self, response: Response, now: float) -> bytes:
        """Send a response, and return its bytes for those who must retransmit a 2xx. A second final one is absorbed."""
        data = response.serialize()
        if self.is_answered:
            return data
        self.status = response.status
        self._data = data
        self.step(answered(response.status), now)
        if self.is_answered:
            self.request = _ANSWERED
            self._tag, self.user = self.to_tag, None
        return data

    def act(self, action: Do, kind: Input, now: float) -> None:
        intervals = self.layer.intervals
        match action:
            case Do.SEND:
                if self._data:
                    if kind in (Input.REQUEST, Input.G):
                        self.layer.count("retransmitted_response")
                    self.layer.send(self._data, self.flow)
            case Do.START_G_AND_H:
                if self._repeats and not self.flow.is_reliable:
                    self.start(Input.G, intervals.t1, now)
                self.start(Input.H, intervals.give_up, now)
            case Do.RETRANSMIT_LATER:
                self.retransmit_later(kind, intervals.t2, now)
            case Do.STOP:
                self.stop_timers()
            case Do.START_I:
                self.start_unless_reliable(Input.I, intervals.t4, now)
            case Do.START_J:
                self.start_unless_reliable(Input.J, intervals.give_up, now)
            case Do.START_L:
                self.start(Input.L, intervals.give_up, now)
            case Do.TELL_TIMEOUT:
                self.layer.count("failure_not_acknowledged")
            case Do.TELL:
                pass
            case _:
                raise AssertionError(f"{action} has no meaning for a server")

    def over(self, now: float) -> None:
        self._data = b""  # sessions keep their INVITE's transaction, and nobody asks for the answer again
        self.layer.forget_server(self)
