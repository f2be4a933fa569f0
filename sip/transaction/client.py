"""Client transactions: a request of ours until it is answered for good (RFC 3261 §17.1)."""

from typing import TYPE_CHECKING, Final, Protocol

from sip.message import Request, Response
from sip.transaction.machine import Machine
from sip.transaction.states import CLIENT, INVITE_CLIENT, Do, Input, State, answered
from sip.transport.flow import Flow

if TYPE_CHECKING:
    from sip.transaction.layer import Transactions


class ClientUser(Protocol):
    """Whoever sent the request."""

    def responded(self, transaction: "ClientTransaction", response: Response, flow: Flow, now: float) -> None:
        """A response came; 2xx to an INVITE come again with each of their retransmissions."""

    def failed(self, transaction: "ClientTransaction", cause: str, now: float) -> None:
        """There will be no answer: ``timeout`` or ``transport``."""

    def over(self, transaction: "ClientTransaction") -> None:
        """Nothing more comes of it."""


class Unheard:
    """Whoever asked something whose answer matters to nobody."""

    def responded(self, transaction: "ClientTransaction", response: Response, flow: Flow, now: float) -> None:
        """So be it."""

    def failed(self, transaction: "ClientTransaction", cause: str, now: float) -> None:
        """So be it."""

    def over(self, transaction: "ClientTransaction") -> None:
        """So be it."""


NOBODY: Final[ClientUser] = Unheard()
_STARTS: Final = {True: (Input.A, Input.B), False: (Input.E, Input.F)}


class ClientTransaction(Machine):
    """One request, its retransmissions, and for an INVITE the ACK to its failure."""

    __slots__ = ("_ack", "_data", "_response", "_response_flow", "branch", "call_id", "is_invite", "method", "request", "user")

    def __init__(self, layer: "Transactions", request: Request, flow: Flow, user: ClientUser, now: float) -> None:
        self._data = request.serialize()
        self.is_invite = request.method == "INVITE"
        super().__init__(layer, INVITE_CLIENT if self.is_invite else CLIENT, State.CALLING if self.is_invite else State.TRYING, flow)
        self.request = request
        self.method = request.method
        self.call_id = request.call_id
        self.branch = request.via.branch
        self.user = user
        self._ack = b""
        self._response: Response | None = None
        self._response_flow = flow
        retransmission, giving_up = _STARTS[self.is_invite]
        if not flow.is_reliable:
            self.start(retransmission, layer.intervals.t1, now)
        self.start(giving_up, layer.intervals.give_up, now)
        layer.send(self._data, flow)

    def receive(self, response: Response, flow: Flow, now: float) -> bool:
        """Take a response that matches; False where it has nothing to say any more."""
        self._response = response
        self._response_flow = flow
        try:
            return self.step(answered(response.status), now)
        finally:
            self._response = None  # read by now, and the transaction stays for half a minute
            self._part()

    def is_unheard_by(self, flow: Flow) -> bool:
        """Whether this begins something new with the flow's remote address, by datagrams, and nothing came back yet."""
        is_there = self.flow.transport == flow.transport and self.flow.remote == flow.remote
        return is_there and self.state in (State.CALLING, State.TRYING) and not self.request.to.tag

    @property
    def is_proceeding(self) -> bool:
        """Whether a provisional answer came, and no final one."""
        return self.state is State.PROCEEDING

    def abandon(self, now: float) -> None:
        """Send it no more; a late answer to an INVITE is still heard."""
        self.step(Input.ABANDONED, now)

    def give_up_later(self, now: float) -> None:
        """After CANCEL, and where nobody waits any more: a final answer comes within 64 T1, or is taken as never coming (§9.1)."""
        if not self.is_answered:
            self.start(Input.C, self.layer.intervals.give_up, now)

    def act(self, action: Do, kind: Input, now: float) -> None:
        intervals = self.layer.intervals
        match action:
            case Do.SEND:
                self.layer.count("retransmitted_request")
                self.layer.send(self._data, self.flow)
            case Do.SEND_ACK:
                self._send_ack()
            case Do.TELL:
                assert self._response is not None
                self.user.responded(self, self._response, self._response_flow, now)
            case Do.TELL_TIMEOUT:
                self.layer.count("request_timeout")
                self.user.failed(self, "timeout", now)
            case Do.TELL_LOST:
                self.layer.count("request_lost")
                self.user.failed(self, "transport", now)
            case Do.RETRANSMIT_LATER:
                self.retransmit_later(kind, intervals.give_up if self.is_invite else intervals.t2, now)
            case Do.RETRANSMIT_SLOWLY:
                self.start(kind, intervals.t2, now)
            case Do.STOP:
                self.stop_timers()
            case Do.START_C:
                self.start(Input.C, intervals.give_up, now)
            case Do.START_D:
                self.start_unless_reliable(Input.D, intervals.give_up, now)
            case Do.START_K:
                self.start_unless_reliable(Input.K, intervals.t4, now)
            case Do.START_M:
                self.start(Input.M, intervals.give_up, now)
            case _:
                raise AssertionError(f"{action} has no meaning for a client")

    def over(self, now: float) -> None:
        self._data = b""  # sessions keep their INVITE, and nobody sends it again
        self.request.let_go()
        self.layer.forget_client(self)
        self._part()

    def _part(self) -> None:
        """Who asked and the transaction let go of each other, once all is told: neither waits for the garbage collector."""
        if self.state is State.TERMINATED and self._response is None:
            user, self.user = self.user, NOBODY
            user.over(self)

    def _send_ack(self) -> None:
        """The ACK to a failure: same branch and route, the response's To (§17.1.1.3)."""
        assert self._response is not None
        if not self._ack:
            request = self.request
            kept = [header for header in request.headers if header[0] in ("Via", "From", "Call-ID", "Route", "Max-Forwards", "User-Agent")]
            to = ("To", self._response.values("To")[0])
            self._ack = Request("ACK", request.uri, [*kept, to, ("CSeq", f"{request.cseq.number} ACK")]).serialize()
        self.layer.send(self._ack, self.flow)
