"""Offers inside a dialog, theirs and ours (RFC 3261 §14, RFC 3262 §5, RFC 3311): one at a time, by re-INVITE, UPDATE or PRACK.

- An offer while one of ours has no answer gets 491; while one of theirs has none, 500 with Retry-After (§14.2, RFC 3311 §5.2). The
  first offer counts too: until it is answered for good in an early dialog, no other one is taken there (RFC 6337 §2.2).
- Ours goes by re-INVITE; in an early dialog, by UPDATE where the peer serves it (RFC 3311 §5.1).
- After a 491 to ours the owner is told when to try again: the two sides wait times that never meet (§14.1).
- 408, 481 or no answer to ours ends a confirmed dialog (§12.2.1.2); any other failure leaves what was agreed (§14.1).
- An UPDATE without an offer moves the target and keeps the session alive; it is answered at once (RFC 3311 §5.2).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sip.content import ContentError, description_in
from sip.dialog import Dialog
from sip.events import OfferAnswered, OfferReceived, OfferRejected
from sip.message import Header, Response
from sip.sdp import SdpError, SessionDescription
from sip.session.core import reason_header, with_body
from sip.session.exchange import Exchange, retry_after
from sip.session.expiry import is_too_small
from sip.session.reliable import Order, ReliableReceiver
from sip.transaction.server import ServerTransaction

if TYPE_CHECKING:
    from sip.session.session import Session

OFFER_PATIENCE: Final = 32.0
"""Seconds that the owner has for answering an offer of theirs."""
UPDATE: Final = "UPDATE"
_LONGEST_RETRY_AFTER: Final = 10
_GONE: Final = (408, 481)
_NOT_SERVED: Final = (405, 420, 501)


class Offers:
    """The offers of one session, and its UPDATEs."""

    __slots__ = ("_early_answer", "_has_offer", "_refreshing", "_reliable", "_session", "_their_dialog", "ours", "theirs")

    def __init__(self, session: "Session") -> None:
        """``session`` is a weak reference to it (`weakref.proxy`), as the session holds this."""
        self._session = session
        self.theirs: ServerTransaction | None = None
        """Their re-INVITE, UPDATE or PRACK that waits for an answer."""
        self._their_dialog: Dialog | None = None
        self._has_offer = False
        """Theirs brought one; else our 200 makes it."""
        self.ours: Exchange | None = None
        """Our re-INVITE or UPDATE that waits for an answer."""
        self._refreshing: Exchange | None = None
        """Our UPDATE without an offer."""
        self._reliable = ReliableReceiver()
        """Of our re-INVITE."""
        self._early_answer: SessionDescription | None = None
        """In a reliable 18x to our re-INVITE: its 200 need not say it again (RFC 6337 §3.1.1)."""

    # -- theirs

    def receive_invite(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """Their re-INVITE. Raises `ParseError`, `ContentError`, `SdpError`."""
        session = self._session
        if self.theirs is not None or session.is_early:
            return self._come_back_later(transaction, now)
        if self.ours is not None or not session.is_confirmed or session.awaits_answer_in_ack:
            return session.refuse(transaction, 491, now)
        if self._is_too_brief(transaction, now):
            return None
        offer = description_in(transaction.request)
        session.take_as_acknowledged()
        session.reply(transaction, 100, now, tag=False)
        self.tell(transaction, dialog, offer, now)
        return None

    def receive_update(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """Their UPDATE. Raises `ParseError`, `ContentError`, `SdpError`."""
        session = self._session
        offer = description_in(transaction.request)
        if self.theirs is not None and (offer is not None or self.theirs.request.method == UPDATE):
            return self._come_back_later(transaction, now)
        is_ending = not session.is_confirmed and not session.is_early
        if offer is not None and (self.ours is not None or session.awaits_answer_in_ack or is_ending):
            return session.refuse(transaction, 491, now)
        if offer is not None and not dialog.is_settled and session.is_early:
            # The INVITE's own offer is open: ours where we called, theirs where they did.
            return session.refuse(transaction, 491, now) if dialog.owns_call_id else self._come_back_later(transaction, now)
        if self._is_too_brief(transaction, now):
            return None
        if offer is not None:
            return self.tell(transaction, dialog, offer, now)
        dialog.refresh_target(transaction.request)
        session.reply(transaction, 200, now, self._updated(transaction, dialog, now))
        return None

    def tell(self, transaction: ServerTransaction, dialog: Dialog, offer: SessionDescription | None, now: float) -> None:
        """Hand an offer of theirs to the owner, who has `OFFER_PATIENCE` to answer."""
        session = self._session
        self.theirs, self._their_dialog, self._has_offer = transaction, dialog, offer is not None
        transaction.user = session
        session.core.timers.start(now + OFFER_PATIENCE, OfferPatience(self, transaction), "patience")
        fork = dialog.remote_tag if session.is_early and dialog.owns_call_id else ""
        session.core.tell(OfferReceived(session.number, transaction.request, offer, fork))

    def accept(self, description: SessionDescription | None, now: float, headers: Sequence[Header]) -> None:
        """200 to theirs."""
        transaction, dialog = self.theirs, self._their_dialog
        if transaction is None or dialog is None:
            return self._session.core.count("command_too_late")
        request = transaction.request
        if transaction.is_invite:
            self._session.succeed(transaction, description, now, headers, makes_offer=not self._has_offer)
        else:
            body = description.serialize() if description is not None else b""
            ours = self._updated(transaction, dialog, now)
            self._session.reply(transaction, 200, now, [*ours, *with_body(body), *headers], body)
        self.theirs = self._their_dialog = None
        if request.method != "PRACK":
            dialog.refresh_target(request)

    def reject(self, status: int, now: float, reason: str, headers: Sequence[Header]) -> None:
        """A final failure to theirs; what was agreed before still holds."""
        transaction = self.theirs
        if transaction is None:
            return self._session.core.count("command_too_late")
        is_prack = transaction.request.method == "PRACK"
        # A PRACK that fits is always a success: what cannot be borne is ended by other means (RFC 6337 §3.2).
        self._session.reply(transaction, 200 if is_prack else status, now, [*reason_header(reason), *headers])
        self.theirs = self._their_dialog = None
        if is_prack:
            self._session.end_early(status, "unacceptable", now)

    def cancelled(self, transaction: ServerTransaction, now: float) -> None:
        """A CANCEL of their re-INVITE."""
        if transaction is self.theirs:
            self.theirs = self._their_dialog = None
            self._session.refuse(transaction, 487, now)

    def not_answered_by_owner(self, now: float) -> None:
        """The owner took too long."""
        self._session.core.count("offer_not_answered_by_owner")
        self._session.reject(500, now, "", ())

    def _updated(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> list[Header]:
        """Headers of a 2xx to UPDATE; a PRACK is no target refresh and keeps nothing alive."""
        session = self._session
        if transaction.request.method != UPDATE:
            return []
        agreed = session.timer.serve(transaction.request, now) if session.is_confirmed else ()
        return [*session.targeting(transaction.flow, dialog), *agreed]

    def _is_too_brief(self, transaction: ServerTransaction, now: float) -> bool:
        """422 where a shorter session interval is asked for than we bear (RFC 4028 §9)."""
        settings = self._session.core.settings
        if not is_too_small(settings, transaction.request):
            return False
        self._session.refuse(transaction, 422, now, [("Min-SE", str(settings.min_se))])
        return True

    def _come_back_later(self, transaction: ServerTransaction, now: float) -> None:
        session = self._session
        session.refuse(transaction, 500, now, [("Retry-After", str(session.core.below(_LONGEST_RETRY_AFTER + 1)))])

    # -- ours

    def make(self, offer: SessionDescription, now: float, fork: str) -> None:
        """Send a re-INVITE, or an UPDATE in an early dialog."""
        session = self._session
        dialog = session.dialog_for_offer(fork)
        if dialog is None and session.is_early:
            session.core.count("early_reoffer_impossible")
            return session.core.tell(OfferRejected(session.number, 491, None))
        if dialog is None:
            return session.core.count("command_too_late")
        if self.ours is not None or self.theirs is not None or session.awaits_ack:
            session.core.count("reoffer_while_pending")
            return session.core.tell(OfferRejected(session.number, 491, self._retry_in(dialog)))
        self.ours = self._send("INVITE" if session.is_confirmed else UPDATE, dialog, now, offer.serialize())

    def refresh(self, now: float) -> bool:
        """Keep the session alive by an UPDATE without an offer (RFC 4028 §7.4); False where the peer serves none."""
        dialog = self._session.dialog
        if self.ours is not None or self._refreshing is not None:
            return True  # what is under way keeps it alive as well
        if dialog is None or UPDATE not in dialog.allow:
            return False
        self._refreshing = self._send(UPDATE, dialog, now)
        return True

    def answered(self, exchange: Exchange, response: Response, now: float) -> bool:
        """An answer to a request of ours; False where it is none of the offers' business."""
        is_invite = exchange.request.method == "INVITE"
        if exchange is not self.ours and exchange is not self._refreshing:
            if is_invite and 200 <= response.status < 300:
                self._session.acknowledge_again(exchange)
            return is_invite
        if response.status >= 200:
            self._finally(exchange, response, now)
        elif is_invite:
            exchange.transaction.give_up_later(now)
            self._progressed(exchange, response, now)
        return True

    def failed(self, exchange: Exchange, cause: str, now: float) -> None:
        """No answer to one of ours."""
        if exchange is self.ours or exchange is self._refreshing:
            is_offer = self._forget(exchange)
            self._lost(408 if cause == "timeout" else 503, cause, is_offer, now)

    def close(self, now: float) -> None:
        """The session is over."""
        if self.ours is not None and self.ours.request.method == "INVITE":
            self.ours.is_abandoned = True
            self.ours.transaction.give_up_later(now)
        if self.theirs is not None:
            self._session.refuse(self.theirs, 487, now)
            self.theirs = self._their_dialog = None

    def _send(self, method: str, dialog: Dialog, now: float, body: bytes = b"") -> Exchange:
        session = self._session
        self._reliable, self._early_answer = ReliableReceiver(), None
        timed = session.timer.request_headers() if session.is_confirmed else []
        headers = [*session.targeting(dialog.next_hop(), dialog), *timed, *with_body(body)]
        return session.ask(dialog, method, now, headers, body)

    def _progressed(self, exchange: Exchange, response: Response, now: float) -> None:
        """1xx to our re-INVITE; a reliable one gets its PRACK."""
        session = self._session
        dialog = session.dialog_with(response.to.tag)
        if dialog is None or session.is_over or self._reliable.take(response, dialog.remote_tag) is not Order.NEXT:
            return
        self._early_answer = self._early_answer or session.description(response)
        session.prack_in(dialog, response, now)

    def _forget(self, exchange: Exchange) -> bool:
        """It is answered; whether it was an offer."""
        if exchange is self._refreshing:
            self._refreshing = None
            return False
        self.ours = None
        return True

    def _finally(self, exchange: Exchange, response: Response, now: float) -> None:
        session = self._session
        is_offer = self._forget(exchange)
        dialog = session.dialog_with(response.to.tag)
        if response.status < 300:
            self._succeeded(exchange, response, dialog, now, is_offer=is_offer)
        elif session.is_over:
            pass
        elif response.status in _GONE:
            self._lost(response.status, "timeout", is_offer, now)
        elif response.status == 422 and session.timer.raise_to(response) and dialog is not None:
            again = self._send(exchange.request.method, dialog, now, exchange.request.body)
            self.ours, self._refreshing = (again, self._refreshing) if is_offer else (self.ours, again)
        else:
            self._refused(exchange, response, dialog, now, is_offer=is_offer)

    def _succeeded(self, exchange: Exchange, response: Response, dialog: Dialog | None, now: float, *, is_offer: bool) -> None:
        session = self._session
        if dialog is not None:
            dialog.refresh_target(response)
            if exchange.request.method == "INVITE":
                session.acknowledge_in(dialog, exchange)
        if session.is_over:
            return
        if session.is_confirmed:
            session.timer.answered(response, now)
        if is_offer:
            self._tell_answer(response)

    def _refused(self, exchange: Exchange, response: Response, dialog: Dialog | None, now: float, *, is_offer: bool) -> None:
        session = self._session
        if exchange.request.method == UPDATE and response.status in _NOT_SERVED and dialog is not None:
            dialog.allow -= {UPDATE}
            if not is_offer:
                return session.refresh(now)
        session.timer.refused(now)
        if is_offer:
            session.core.tell(OfferRejected(session.number, response.status, self._wait_after(response, dialog)))
        return None

    def _lost(self, status: int, cause: str, is_offer: bool, now: float) -> None:
        """The other side does not know the dialog, or does not answer. An early one ends with its INVITE, which has timers of its own."""
        session = self._session
        if not session.is_early:
            session.give_up(f"SIP;cause={status}", cause, now)
        elif is_offer:
            session.core.tell(OfferRejected(session.number, status, None))

    def _tell_answer(self, response: Response) -> None:
        session = self._session
        try:
            answer = self._early_answer or description_in(response)
        except (ContentError, SdpError):
            session.core.count("bad_answer")
            return session.core.tell(OfferRejected(session.number, 488, None))
        session.core.tell(OfferAnswered(session.number, answer))

    def _wait_after(self, response: Response, dialog: Dialog | None) -> float | None:
        if response.status == 491 and dialog is not None:
            return self._retry_in(dialog)
        seconds = retry_after(response) if response.status == 500 else None
        return seconds if seconds is not None and seconds <= _LONGEST_RETRY_AFTER else None

    def _retry_in(self, dialog: Dialog) -> float:
        """Seconds to wait after a 491: 2.1 to 4 for the owner of the Call-ID, 0 to 2 for the other (§14.1)."""
        core = self._session.core
        if dialog.owns_call_id:
            return round(2.1 + core.below(191) / 100, 2)
        return core.below(201) / 100


class OfferPatience:
    """The wait for the owner's answer to one offer of theirs."""

    __slots__ = ("_offers", "_transaction")

    def __init__(self, offers: Offers, transaction: ServerTransaction) -> None:
        self._offers = offers
        self._transaction = transaction

    def fired(self, name: str, now: float) -> None:
        """It took too long, if it is still the same."""
        if self._transaction is self._offers.theirs:
            self._offers.not_answered_by_owner(now)
