"""What both kinds of session share: their life from the first message to the last (RFC 3261 §12.2, §15).

- Our 2xx to an INVITE is retransmitted from T1 up to T2 until its ACK comes, 64 T1 at most, on any transport (§13.3.1.4).
- We send no BYE before the ACK to our 2xx came or was given up (§15).
- A 481, or no answer, to a request of ours inside the dialog ends it (§12.2.1.2).
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Final
from weakref import proxy

from sip.content import ContentError, description_in
from sip.dialog import Dialog
from sip.events import Acknowledged, InfoReceived, RefreshDue, SessionEnded
from sip.message import Header, Request, Response
from sip.sdp import SdpError, SessionDescription
from sip.session.core import ALLOW, Core, with_body
from sip.session.exchange import Credentials, Exchange
from sip.session.offers import Offers
from sip.session.speaking import Speaker
from sip.session.success import Success
from sip.session.timer import SessionTimer
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow

INFO_TYPES: Final = frozenset({"application/dtmf-relay", "application/dtmf"})


class State(Enum):
    """Where a session is."""

    CALLING = auto()
    """Our INVITE has no final answer."""
    CANCELLING = auto()
    """Nor do we want one any more."""
    RINGING = auto()
    """Their INVITE has no final answer."""
    CONFIRMED = auto()
    """There is a 2xx."""
    ENDING = auto()
    """We want to end, and wait for the ACK first."""
    OVER = auto()


class Session(Speaker):
    """One INVITE's life. Everything that comes too late is a counted nothing.

    Its parts know it weakly: once it is in no table and no transaction, it goes at once, without the garbage collector, which seldom
    looks at what has lived as long as a call.
    """

    def __init__(
        self, core: Core, state: State, call_id: str, local_tag: str, credentials: Credentials | None = None, session_id: str = ""
    ) -> None:
        super().__init__(core, call_id, local_tag, credentials, session_id)
        self.number = core.next_session()
        self.state = state
        self.dialog: Dialog | None = None
        """The confirmed one; of an INVITE of theirs, the early one too."""
        self.offers = Offers(proxy(self))
        self.timer = SessionTimer(core, proxy(self))
        self._success: Success | None = None
        """Our 2xx that waits for its ACK."""
        self.was_referred = False
        """A REFER came inside this dialog."""
        self._stands = False
        core.sessions[self.number] = self
        core.by_local_tag[call_id, local_tag] = self

    @property
    def is_confirmed(self) -> bool:
        """Whether there is a 2xx, and nobody wants to end."""
        return self.state is State.CONFIRMED

    @property
    def is_early(self) -> bool:
        """Whether there is no final answer yet, and somebody waits for it."""
        return self.state in (State.CALLING, State.RINGING)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is told."""
        return self.state is State.OVER

    @property
    def awaits_ack(self) -> bool:
        """Whether our 2xx was not acknowledged yet."""
        return self._success is not None

    @property
    def awaits_answer_in_ack(self) -> bool:
        """Whether our 2xx made an offer that its ACK will answer."""
        return self._success is not None and self._success.holds_offer

    # -- what the owner wants

    def accept(self, description: SessionDescription | None, now: float, headers: Sequence[Header]) -> None:
        """200 to their offer inside the dialog."""
        self.offers.accept(description, now, headers)

    def reject(self, status: int, now: float, reason: str, headers: Sequence[Header]) -> None:
        """A final failure to their offer inside the dialog."""
        self.offers.reject(status, now, reason, headers)

    def reoffer(self, offer: SessionDescription, now: float, fork: str) -> None:
        """Offer something else."""
        self.offers.make(offer, now, fork)

    def info(self, content_type: str, body: bytes, now: float) -> None:
        """Send an INFO."""
        if self.state is not State.CONFIRMED or self.dialog is None:
            return self.core.count("command_too_late")
        self.ask(self.dialog, "INFO", now, with_body(body, content_type), body)

    def end(self, now: float, reason: str, status: int) -> None:
        """BYE, after the ACK to our 2xx."""
        if self.state is not State.CONFIRMED:
            return self.core.count("command_too_late")
        self._end_reason = reason
        if self._success is not None:
            self.state = State.ENDING
        else:
            self.say_bye(now)

    # -- what the other side sends

    def receive(self, transaction: ServerTransaction, now: float) -> None:
        """A request inside the dialog, other than ACK and CANCEL. Raises `ParseError`, `ContentError`, `SdpError`."""
        request = transaction.request
        dialog = self.dialog_with(request.from_.tag)
        if dialog is None:
            return self.refuse(transaction, 481, now)
        if dialog.remote_sequence is not None and request.cseq.number < dialog.remote_sequence:
            self.core.count("request_out_of_order")
            return self.refuse(transaction, 500, now)
        dialog.remote_sequence = request.cseq.number
        dialog.flow = transaction.flow
        dialog.hear(request)
        self.hear(request)
        self._handle(transaction, dialog, now)

    def _handle(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        match transaction.request.method:
            case "BYE":
                self._receive_bye(transaction, now)
            case "INVITE":
                self.offers.receive_invite(transaction, dialog, now)
            case "UPDATE":
                self.offers.receive_update(transaction, dialog, now)
            case "PRACK":
                self.receive_prack(transaction, dialog, now)
            case "INFO":
                self._receive_info(transaction, now)
            case method if method in self.core.inside:
                self.core.inside[method](self, transaction, now)
            case _:
                self.refuse(transaction, 405, now, [ALLOW])

    def receive_prack(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """A PRACK, to a response that we did not send (RFC 3262 §3)."""
        self.refuse(transaction, 481, now)

    def acknowledged(self, request: Request, now: float) -> bool:
        """An ACK; False where none is waited for."""
        success = self._success
        if success is None or request.cseq.number != success.sequence:
            return False
        success.stop()
        self._success = None
        if self.state is State.ENDING:
            self.say_bye(now)
        else:
            self.core.tell(Acknowledged(self.number, self.description(request)))
        return True

    def cancelled(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A CANCEL of their re-INVITE."""
        self.offers.cancelled(transaction, now)

    def responded(self, exchange: Exchange, response: Response, flow: Flow, now: float) -> None:
        """An answer to a request of ours inside the dialog."""
        if self.dialog is not None and self.dialog.remote_tag == response.to.tag:
            if response.status >= 200:
                self.dialog.flow = flow
            self.dialog.hear(response)
        self.hear(response)
        if self.offers.answered(exchange, response, now):
            return
        if response.status == 481 and self.state is State.CONFIRMED:
            self.tell_ended("timeout", "", now)

    def failed(self, exchange: Exchange, cause: str, now: float) -> None:
        """No answer to a request of ours inside the dialog."""
        self.offers.failed(exchange, cause, now)

    def goes_by(self, flow: Flow) -> bool:
        """Whether what comes next would be sent by this flow."""
        return any(dialog.flow == flow for dialog in self.dialogs())

    def flow_lost(self, flow: Flow, now: float) -> None:
        """A TCP connection is gone: what comes next opens one to where the peer says that it is."""
        for dialog in self.dialogs():
            if flow.is_reliable and dialog.flow == flow:
                dialog.lose_flow()

    def not_acknowledged(self, success: Success, now: float) -> None:
        """64 T1 went by without an ACK to our 2xx."""
        self.core.count("success_not_acknowledged")
        self._success = None
        if self.state is State.OVER:
            return
        was_ending = self.state is State.ENDING
        self._end_reason = self._end_reason or 'SIP;cause=408;text="No ACK"'
        self.say_bye(now)
        if not was_ending:
            self.tell_ended("no_ack", "", now)

    # -- the session timer

    def refresh(self, now: float) -> None:
        """Half the session interval is over: UPDATE where the peer takes it, else the owner has to make an offer (RFC 4028 §7.4)."""
        if not self.offers.refresh(now):
            self.core.tell(RefreshDue(self.number))

    def expired(self, now: float) -> None:
        """Nobody kept the session alive (RFC 4028 §10)."""
        self.give_up('SIP;cause=408;text="session timer expired"', "expired", now)

    # -- tools of the kinds of session

    def ask(self, dialog: Dialog, method: str, now: float, headers: Sequence[Header], body: bytes) -> Exchange:
        """Send a request inside a dialog, and hear of its answer. Raises `UnsafeValue`."""
        return self.ask_in(dialog, self, method, now, headers, body)

    def dialogs(self) -> Iterable[Dialog]:
        """All dialogs, early ones too."""
        return [] if self.dialog is None else [self.dialog]

    def dialog_with(self, remote_tag: str) -> Dialog | None:
        """The dialog whose remote tag this is."""
        return self.dialog if self.dialog is not None and self.dialog.remote_tag == remote_tag else None

    def dialog_for_offer(self, fork: str) -> Dialog | None:
        """The dialog in which an offer of ours may be made now, or None."""
        return self.dialog if self.state is State.CONFIRMED else None

    def say_bye(self, now: float) -> None:
        """BYE, and the session is over."""
        if self.dialog is not None:
            self.bye_in(self.dialog, now)
        self.close(now)

    def give_up(self, reason: str, cause: str, now: float) -> None:
        """The other side is lost to us: BYE all the same, and tell the owner."""
        if self.state is State.OVER:
            return
        was_ending = self.state is State.ENDING
        self._end_reason = self._end_reason or reason
        self.say_bye(now)
        if not was_ending:
            self.tell_ended(cause, "", now)

    def stand(self) -> None:
        """From now on its messages are no flood: it was accepted, or it is we who call."""
        if not self._stands:
            self._stands = True
            self.core.guard.stands(self.call_id)

    def end_early(self, status: int, cause: str, now: float) -> None:
        """It cannot go on: refuse an INVITE that waits, else BYE."""
        self.give_up(f"SIP;cause={status}", cause, now)

    def tell_ended(self, cause: str, reason: str, now: float) -> None:
        """Tell the owner that the other side ended it."""
        self.core.count(f"session_ended_{cause}")
        self.core.tell(SessionEnded(self.number, cause, reason))
        self.close(now)

    def close(self, now: float) -> None:
        """Leave the tables; nothing more is told."""
        if self.state is State.OVER:
            return
        self.state = State.OVER
        self.core.sessions.pop(self.number, None)
        if self._stands:
            self.core.guard.ended(self.call_id)
        self.core.by_local_tag.pop((self.call_id, self.local_tag), None)
        if self.dialog is not None and self.core.by_remote_tag.get((self.call_id, self.dialog.remote_tag)) is self:
            del self.core.by_remote_tag[self.call_id, self.dialog.remote_tag]
        if self._success is not None:
            self._success.stop()
            self._success = None
        self.timer.stop()
        self.offers.close(now)

    def succeed(
        self,
        transaction: ServerTransaction,
        description: SessionDescription | None,
        now: float,
        headers: Sequence[Header],
        *,
        makes_offer: bool,
    ) -> None:
        """200 to an INVITE, retransmitted until its ACK. Raises `UnsafeValue`."""
        request = transaction.request
        body = description.serialize() if description is not None else b""
        record = [("Record-Route", value) for value in request.values("Record-Route")]
        agreed = self.timer.serve(request, now)
        ours = [*self.targeting(transaction.flow, self.dialog), *agreed, *with_body(body), *headers]
        data = self.reply(transaction, 200, now, [*record, *ours], body)
        self._success = Success(self.core, self, data, transaction, request.cseq.number, now, holds_offer=makes_offer)

    def take_as_acknowledged(self) -> None:
        """A later request shows that our 2xx arrived: its ACK was lost, or is on its way (RFC 5407 §3.1.4)."""
        if self._success is not None:
            self._success.stop()
            self._success = None
            self.core.tell(Acknowledged(self.number, None))

    def description(self, message: Request | Response) -> SessionDescription | None:
        """The description in a message to which nothing can be answered any more; a bad one is counted."""
        try:
            return description_in(message)
        except (ContentError, SdpError):
            self.core.count("bad_description")
            return None

    def _receive_bye(self, transaction: ServerTransaction, now: float) -> None:
        reason = transaction.request.header("Reason") or ""
        self.reply(transaction, 200, now)
        if self.state in (State.ENDING, State.OVER):
            return self.close(now)
        self.tell_ended("bye", reason, now)

    def _receive_info(self, transaction: ServerTransaction, now: float) -> None:
        request = transaction.request
        content_type = request.content_type
        if request.body and content_type not in INFO_TYPES:
            return self.refuse(transaction, 415, now, [("Accept", ", ".join(sorted(INFO_TYPES)))])
        self.reply(transaction, 200, now)
        if request.body:
            self.core.tell(InfoReceived(self.number, content_type, request.body))
