"""What both kinds of session share: everything inside a confirmed dialog (RFC 3261 §12.2, §14, §15).

- One offer at a time: a re-INVITE while one of ours is under way gets 491, one while theirs is unanswered 500 (§14.2).
- Our 2xx to an INVITE is retransmitted from T1 up to T2 until its ACK comes, 64 T1 at most, on any transport (§13.3.1.4).
- We send no BYE before the ACK to our 2xx came or was given up (§15).
- A 481, or no answer, to a request of ours inside the dialog ends it (§12.2.1.2).
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Final

from sip.content import ContentError, description_in
from sip.dialog import Dialog
from sip.events import Acknowledged, InfoReceived, OfferAnswered, OfferReceived, OfferRejected, SessionEnded
from sip.message import Header, Request, Response
from sip.sdp import SdpError, SessionDescription
from sip.session.core import ALLOW, Core, reason_header, with_body
from sip.session.exchange import Credentials, Exchange
from sip.session.success import Success
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow

INFO_TYPES: Final = frozenset({"application/dtmf-relay", "application/dtmf"})
OFFER_PATIENCE: Final = 32.0
"""Seconds that the owner has for answering a re-INVITE."""


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
        self._credentials = credentials
        self._success: Success | None = None
        """Our 2xx that waits for its ACK."""
        self._offered: ServerTransaction | None = None
        """Their re-INVITE that waits for an answer."""
        self._offering: Exchange | None = None
        """Our re-INVITE that waits for an answer."""
        self._ack: tuple[Request, bytes, Flow] | None = None
        """The 2xx to our INVITE that was acknowledged last: the INVITE, the ACK, and where it went."""
        self._end_reason = ""
        core.sessions[self.number] = self
        core.by_local_tag[call_id, local_tag] = self

    # -- what the owner wants

    def accept(self, description: SessionDescription, now: float, headers: Sequence[Header]) -> None:
        """200 to their re-INVITE."""
        transaction, dialog = self._offered, self.dialog
        if transaction is None or dialog is None:
            return self.core.count("command_too_late")
        request = transaction.request
        self._succeed(transaction, description, now, headers)
        self._offered = None
        dialog.refresh_target(request)

    def reject(self, status: int, now: float, reason: str, headers: Sequence[Header]) -> None:
        """A final failure to their re-INVITE; what was agreed before still holds."""
        if self._offered is None:
            return self.core.count("command_too_late")
        self.core.reply(self._offered, status, now, to_tag=self.local_tag, headers=[*reason_header(reason), *headers])
        self._offered = None

    def reoffer(self, offer: SessionDescription, now: float) -> None:
        """Send a re-INVITE."""
        dialog = self.dialog
        if self.state is not State.CONFIRMED or dialog is None:
            return self.core.count("command_too_late")
        if self._offering is not None or self._offered is not None or self._success is not None:
            self.core.count("reoffer_while_pending")
            return self.core.tell(OfferRejected(self.number, 491, self._retry_in(dialog)))
        body = offer.serialize()
        headers = [self.core.contact(dialog.next_hop(), is_sips=dialog.is_sips), ALLOW, *with_body(body)]
        self._offering = self.ask("INVITE", now, headers, body)

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
            return self._refuse(transaction, 481, now)
        if dialog.remote_sequence is not None and request.cseq.number < dialog.remote_sequence:
            self.core.count("request_out_of_order")
            return self._refuse(transaction, 500, now)
        dialog.remote_sequence = request.cseq.number
        dialog.flow = transaction.flow
        match request.method:
            case "BYE":
                self._receive_bye(transaction, now)
            case "INVITE":
                self._receive_offer(transaction, now)
            case "INFO":
                self._receive_info(transaction, now)
            case _:
                self._refuse(transaction, 405, now, [ALLOW])

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
        if transaction is self._offered:
            self._offered = None
            self._refuse(transaction, 487, now)

    def responded(self, exchange: Exchange, response: Response, flow: Flow, now: float) -> None:
        """An answer to a request of ours inside the dialog."""
        if response.status < 200:
            if exchange is self._offering:
                exchange.transaction.give_up_later(now)
            return
        if self.dialog is not None:
            self.dialog.flow = flow
        if exchange.request.method == "INVITE":
            return self._reinvite_answered(exchange, response, now)
        if response.status == 481 and self.state is State.CONFIRMED:
            self.tell_ended("timeout", "", now)

    def failed(self, exchange: Exchange, cause: str, now: float) -> None:
        """No answer to a request of ours inside the dialog."""
        if exchange is not self._offering or self.state is State.OVER:
            return
        self._offering = None
        self._end_reason = self._end_reason or 'SIP;cause=408;text="No answer to re-INVITE"'
        self.say_bye(now)
        self.tell_ended(cause, "", now)

    def fired(self, name: str, now: float) -> None:
        """The owner did not answer a re-INVITE in time."""
        if self._offered is not None:
            self.core.count("offer_not_answered_by_owner")
            self.reject(500, now, "", ())

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
        return Exchange(self.core, request, flow, self, self._credentials, self.dialog.next_sequence, now)

    def request_in(
        self, dialog: Dialog, method: str, sequence: int, headers: Sequence[Header] = (), body: bytes = b""
    ) -> tuple[Request, Flow]:
        """A request inside a dialog, and how it leaves."""
        flow = dialog.next_hop()
        uri, route = dialog.address()
        common: list[Header] = [
            self.core.via(flow),
            ("Max-Forwards", "70"),
            *route,
            ("From", dialog.local),
            ("To", dialog.remote),
            ("Call-ID", dialog.call_id),
            ("CSeq", f"{sequence} {method}"),
            ("User-Agent", self.core.settings.user_agent),
        ]
        return Request(method, uri, [*common, *headers], body), flow

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

    def bye_in(self, dialog: Dialog, now: float) -> None:
        """Send a BYE whose answer matters to nobody."""
        request, flow = self.request_in(dialog, "BYE", dialog.next_sequence(), reason_header(self._end_reason))
        Exchange(self.core, request, flow, None, self._credentials, dialog.next_sequence, now)

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
        self.core.by_local_tag.pop((self.call_id, self.local_tag), None)
        if self.dialog is not None and self.core.by_remote_tag.get((self.call_id, self.dialog.remote_tag)) is self:
            del self.core.by_remote_tag[self.call_id, self.dialog.remote_tag]
        if self._success is not None:
            self._success.stop()
            self._success = None
        if self._offering is not None:
            self._offering.is_abandoned = True
            self._offering.transaction.give_up_later(now)
        if self._offered is not None:
            self._refuse(self._offered, 487, now)
            self._offered = None

    def _succeed(self, transaction: ServerTransaction, description: SessionDescription, now: float, headers: Sequence[Header]) -> None:
        """200 to an INVITE, retransmitted until its ACK."""
        request = transaction.request
        body = description.serialize()
        record = [("Record-Route", value) for value in request.values("Record-Route")]
        is_sips = self.dialog is not None and self.dialog.is_sips
        ours = [self.core.contact(transaction.flow, is_sips=is_sips), ALLOW, *with_body(body), *headers]
        data = self.core.reply(transaction, 200, now, to_tag=self.local_tag, headers=[*record, *ours], body=body)
        self._success = Success(self.core, self, data, transaction, request, now)

    def _refuse(self, transaction: ServerTransaction, status: int, now: float, headers: Sequence[Header] = ()) -> None:
        self.core.count(f"refused_{status}")
        self.core.reply(transaction, status, now, to_tag=self.local_tag, headers=headers)

    def _receive_bye(self, transaction: ServerTransaction, now: float) -> None:
        reason = transaction.request.header("Reason") or ""
        self.core.reply(transaction, 200, now, to_tag=self.local_tag)
        if self.state in (State.ENDING, State.OVER):
            return self.close(now)
        self.tell_ended("bye", reason, now)

    def _receive_offer(self, transaction: ServerTransaction, now: float) -> None:
        if self._offered is not None or self.state is State.RINGING:
            return self._refuse(transaction, 500, now, [("Retry-After", str(self.core.below(11)))])
        if self._offering is not None or self.state is not State.CONFIRMED or (self._success is not None and self._success.holds_offer):
            return self._refuse(transaction, 491, now)
        try:
            offer = description_in(transaction.request)
        except ContentError as error:
            return self._refuse(transaction, error.status, now, error.headers)
        except SdpError as error:
            return self._refuse(transaction, error.status, now)
        if self._success is not None:
            # A re-INVITE shows that our 2xx arrived: its ACK was lost (RFC 5407 §3.1.2).
            self._success.stop()
            self._success = None
            self.core.tell(Acknowledged(self.number, None))
        self._offered = transaction
        transaction.user = self
        self.core.reply(transaction, 100, now)
        self.core.timers.start(now + OFFER_PATIENCE, OfferPatience(self, transaction), "patience")
        self.core.tell(OfferReceived(self.number, transaction.request, offer))

    def _receive_info(self, transaction: ServerTransaction, now: float) -> None:
        request = transaction.request
        content_type = request.content_type
        if request.body and content_type not in INFO_TYPES:
            return self._refuse(transaction, 415, now, [("Accept", ", ".join(sorted(INFO_TYPES)))])
        self.core.reply(transaction, 200, now, to_tag=self.local_tag)
        if request.body:
            self.core.tell(InfoReceived(self.number, content_type, request.body))

    def _reinvite_answered(self, exchange: Exchange, response: Response, now: float) -> None:
        if exchange is not self._offering:
            if response.status < 300:
                self.acknowledge_again(exchange)
            return
        self._offering = None
        dialog = self.dialog
        if dialog is None:
            return
        if response.status < 300:
            dialog.refresh_target(response)
            self.acknowledge_in(dialog, exchange)
        if self.state is State.OVER:
            return
        if response.status in (408, 481):
            self._end_reason = f"SIP;cause={response.status}"
            self.say_bye(now)
            self.tell_ended("timeout", "", now)
        elif response.status >= 300:
            self.core.tell(OfferRejected(self.number, response.status, self._retry_in(dialog) if response.status == 491 else None))
        else:
            self._tell_answer(response)

    def _tell_answer(self, response: Response) -> None:
        try:
            answer = description_in(response)
        except (ContentError, SdpError):
            self.core.count("bad_answer")
            return self.core.tell(OfferRejected(self.number, 488, None))
        self.core.tell(OfferAnswered(self.number, answer))

    def _retry_in(self, dialog: Dialog) -> float:
        """Seconds to wait after a 491: 2.1 to 4 for the owner of the Call-ID, 0 to 2 for the other (§14.1)."""
        if dialog.owns_call_id:
            return round(2.1 + self.core.below(191) / 100, 2)
        return self.core.below(201) / 100

    def _description(self, message: Request | Response) -> SessionDescription | None:
        """The description in a message to which nothing can be answered any more; a bad one is counted."""
        try:
            return description_in(message)
        except (ContentError, SdpError):
            self.core.count("bad_description")
            return None


class OfferPatience:
    """The wait for the owner's answer to one re-INVITE."""

    __slots__ = ("_session", "_transaction")

    def __init__(self, session: Session, transaction: ServerTransaction) -> None:
        self._session = session
        self._transaction = transaction

    def fired(self, name: str, now: float) -> None:
        """It took too long, if it is still the same."""
        if not self._transaction.is_answered:
            self._session.fired(name, now)
