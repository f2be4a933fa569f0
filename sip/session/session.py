"""What both kinds of session share: everything inside a dialog but its offers (RFC 3261 §12.2, §15).

- Our 2xx to an INVITE is retransmitted from T1 up to T2 until its ACK comes, 64 T1 at most, on any transport (§13.3.1.4).
- We send no BYE before the ACK to our 2xx came or was given up (§15).
- A 481, or no answer, to a request of ours inside the dialog ends it (§12.2.1.2).
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Final

from sip.content import ContentError, description_in
from sip.dialog import Dialog
from sip.events import Acknowledged, InfoReceived, SessionEnded
from sip.message import Header, Request, Response
from sip.sdp import SdpError, SessionDescription
from sip.session.asking import request_in
from sip.session.core import ALLOW, Core, reason_header, with_body
from sip.session.exchange import Credentials, Exchange
from sip.session.offers import Offers
from sip.session.success import Success
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


class Session:
    """One INVITE's life. Everything that comes too late is a counted nothing."""

    def __init__(self, core: Core, state: State, call_id: str, local_tag: str, credentials: Credentials | None = None) -> None:
        self.core = core
        self.number = core.next_session()
        self.state = state
        self.call_id = call_id
        self.local_tag = local_tag
        self.dialog: Dialog | None = None
        self.credentials = credentials
        self._success: Success | None = None
        """Our 2xx that waits for its ACK."""
        self.offers = Offers(self)
        self._ack: tuple[Request, bytes, Flow] | None = None
        """The 2xx to our INVITE that was acknowledged last: the INVITE, the ACK, and where it went."""
        self._end_reason = ""
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
    def is_confirmed_or_ending(self) -> bool:
        """Whether there is a 2xx."""
        return self.state in (State.CONFIRMED, State.ENDING)

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

    def accept(self, description: SessionDescription, now: float, headers: Sequence[Header]) -> None:
        """200 to their offer inside the dialog."""
        self.offers.accept(description, now, headers)

    def reject(self, status: int, now: float, reason: str, headers: Sequence[Header]) -> None:
        """A final failure to their offer inside the dialog."""
        self.offers.reject(status, now, reason, headers)

    def reoffer(self, offer: SessionDescription, now: float) -> None:
        """Offer something else."""
        self.offers.make(offer, now)

    def info(self, content_type: str, body: bytes, now: float) -> None:
        """Send an INFO."""
        if self.state is not State.CONFIRMED or self.dialog is None:
            return self.core.count("command_too_late")
        self.ask("INFO", now, with_body(body, content_type), body)

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
        """A request inside the dialog, other than ACK and CANCEL."""
        request = transaction.request
        dialog = self.dialog_with(request.from_.tag)
        if dialog is None:
            return self.refuse(transaction, 481, now)
        if dialog.remote_sequence is not None and request.cseq.number < dialog.remote_sequence:
            self.core.count("request_out_of_order")
            return self.refuse(transaction, 500, now)
        dialog.remote_sequence = request.cseq.number
        dialog.flow = transaction.flow
        match request.method:
            case "BYE":
                self._receive_bye(transaction, now)
            case "INVITE":
                self.offers.receive_invite(transaction, now)
            case "INFO":
                self._receive_info(transaction, now)
            case method if method in self.core.inside:
                self.core.inside[method](self, transaction, now)
            case _:
                self.refuse(transaction, 405, now, [ALLOW])

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
            self.core.tell(Acknowledged(self.number, self._description(request)))
        return True

    def cancelled(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A CANCEL of their re-INVITE."""
        self.offers.cancelled(transaction, now)

    def responded(self, exchange: Exchange, response: Response, flow: Flow, now: float) -> None:
        """An answer to a request of ours inside the dialog."""
        if response.status >= 200 and self.dialog is not None:
            self.dialog.flow = flow
        if exchange.request.method == "INVITE":
            return self.offers.answered(exchange, response, now)
        if response.status == 481 and self.state is State.CONFIRMED:
            self.tell_ended("timeout", "", now)

    def failed(self, exchange: Exchange, cause: str, now: float) -> None:
        """No answer to a request of ours inside the dialog."""
        self.offers.failed(exchange, cause, now)

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

    # -- tools of the kinds of session

    def dialogs(self) -> Iterable[Dialog]:
        """All dialogs, early ones too."""
        return [] if self.dialog is None else [self.dialog]

    def dialog_with(self, remote_tag: str) -> Dialog | None:
        """The dialog whose remote tag this is."""
        return self.dialog if self.dialog is not None and self.dialog.remote_tag == remote_tag else None

    def ask(self, method: str, now: float, headers: Sequence[Header] = (), body: bytes = b"") -> Exchange:
        """Send a request inside the dialog. Raises `UnsafeValue`."""
        assert self.dialog is not None
        request, flow = self.request_in(self.dialog, method, self.dialog.next_sequence(), headers, body)
        return Exchange(self.core, request, (flow,), self, self.credentials, self.dialog.next_sequence, now)

    def request_in(
        self, dialog: Dialog, method: str, sequence: int, headers: Sequence[Header] = (), body: bytes = b""
    ) -> tuple[Request, Flow]:
        """A request inside a dialog, and how it leaves."""
        return request_in(self.core, dialog, method, sequence, headers, body)

    def acknowledge_in(self, dialog: Dialog, exchange: Exchange, body: bytes = b"") -> None:
        """ACK a 2xx to an INVITE of ours, and remember the ACK for its retransmissions."""
        invite = exchange.request
        request, flow = self.request_in(dialog, "ACK", invite.cseq.number, [*exchange.credentials, *with_body(body)], body)
        data = request.serialize()
        if dialog is self.dialog:
            self._ack = (invite, data, flow)
        self.core.send(data, flow)

    def acknowledge_again(self, exchange: Exchange) -> bool:
        """Repeat the ACK for a retransmitted 2xx; False where there was none yet."""
        if self._ack is None or self._ack[0] is not exchange.request:
            return False
        self.core.count("retransmitted_ack")
        self.core.send(self._ack[1], self._ack[2])
        return True

    def say_bye(self, now: float) -> None:
        """BYE, and the session is over."""
        if self.dialog is not None:
            self.bye_in(self.dialog, now)
        self.close(now)

    def give_up(self, reason: str, cause: str, now: float) -> None:
        """The other side is lost to us: BYE all the same, and tell the owner."""
        self._end_reason = self._end_reason or reason
        self.say_bye(now)
        self.tell_ended(cause, "", now)

    def stand(self) -> None:
        """From now on its messages are no flood: it was accepted, or it is we who call."""
        if not self._stands:
            self._stands = True
            self.core.guard.stands(self.call_id)

    def bye_in(self, dialog: Dialog, now: float) -> None:
        """Send a BYE whose answer matters to nobody."""
        request, flow = self.request_in(dialog, "BYE", dialog.next_sequence(), reason_header(self._end_reason))
        Exchange(self.core, request, (flow,), None, self.credentials, dialog.next_sequence, now)

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
        self.offers.close(now)

    def succeed(self, transaction: ServerTransaction, description: SessionDescription, now: float, headers: Sequence[Header]) -> None:
        """200 to an INVITE, retransmitted until its ACK."""
        request = transaction.request
        body = description.serialize()
        record = [("Record-Route", value) for value in request.values("Record-Route")]
        is_sips = self.dialog is not None and self.dialog.is_sips
        ours = [self.core.contact(transaction.flow, is_sips=is_sips), ALLOW, *with_body(body), *headers]
        data = self.core.reply(transaction, 200, now, to_tag=self.local_tag, headers=[*record, *ours], body=body)
        self._success = Success(self.core, self, data, transaction, request, now)

    def take_as_acknowledged(self) -> None:
        """A later request shows that our 2xx arrived: its ACK was lost, or is on its way (RFC 5407 §3.1.4)."""
        if self._success is not None:
            self._success.stop()
            self._success = None
            self.core.tell(Acknowledged(self.number, None))

    def refuse(self, transaction: ServerTransaction, status: int, now: float, headers: Sequence[Header] = ()) -> None:
        """A failure, counted."""
        self.core.count(f"refused_{status}")
        self.core.reply(transaction, status, now, to_tag=self.local_tag, headers=headers)

    def _receive_bye(self, transaction: ServerTransaction, now: float) -> None:
        reason = transaction.request.header("Reason") or ""
        self.core.reply(transaction, 200, now, to_tag=self.local_tag)
        if self.state in (State.ENDING, State.OVER):
            return self.close(now)
        self.tell_ended("bye", reason, now)

    def _receive_info(self, transaction: ServerTransaction, now: float) -> None:
        request = transaction.request
        content_type = request.content_type
        if request.body and content_type not in INFO_TYPES:
            return self.refuse(transaction, 415, now, [("Accept", ", ".join(sorted(INFO_TYPES)))])
        self.core.reply(transaction, 200, now, to_tag=self.local_tag)
        if request.body:
            self.core.tell(InfoReceived(self.number, content_type, request.body))

    def _description(self, message: Request | Response) -> SessionDescription | None:
        """The description in a message to which nothing can be answered any more; a bad one is counted."""
        try:
            return description_in(message)
        except (ContentError, SdpError):
            self.core.count("bad_description")
            return None
