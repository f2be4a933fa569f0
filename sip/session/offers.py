"""Offers inside a dialog, theirs and ours (RFC 3261 §14): one at a time.

- A re-INVITE while an offer of ours is under way gets 491, one while theirs is unanswered 500 with Retry-After (§14.2).
- After a 491 to ours the owner is told when to try again: the two sides wait times that never meet (§14.1).
- 408, 481 or no answer to ours ends the dialog (§12.2.1.2); any other failure leaves what was agreed (§14.1).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sip.content import ContentError, description_in
from sip.dialog import Dialog
from sip.events import OfferAnswered, OfferReceived, OfferRejected
from sip.message import Header, Response
from sip.sdp import SdpError, SessionDescription
from sip.session.core import ALLOW, reason_header, with_body
from sip.session.exchange import Exchange
from sip.transaction.server import ServerTransaction

if TYPE_CHECKING:
    from sip.session.session import Session

OFFER_PATIENCE: Final = 32.0
"""Seconds that the owner has for answering an offer of theirs."""
_HIGHEST_RETRY_AFTER: Final = 10


class Offers:
    """The offers of one session."""

    __slots__ = ("_session", "ours", "theirs")

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.theirs: ServerTransaction | None = None
        """Their re-INVITE that waits for an answer."""
        self.ours: Exchange | None = None
        """Our re-INVITE that waits for an answer."""

    # -- theirs

    def receive_invite(self, transaction: ServerTransaction, now: float) -> None:
        """Their re-INVITE."""
        session = self._session
        if self.theirs is not None or not session.is_confirmed_or_ending:
            return self._come_back_later(transaction, now)
        if self.ours is not None or not session.is_confirmed or session.awaits_answer_in_ack:
            return session.refuse(transaction, 491, now)
        try:
            offer = description_in(transaction.request)
        except ContentError as error:
            return session.refuse(transaction, error.status, now, error.headers)
        except SdpError as error:
            return session.refuse(transaction, error.status, now)
        session.take_as_acknowledged()
        self.theirs = transaction
        transaction.user = session
        session.core.reply(transaction, 100, now)
        session.core.timers.start(now + OFFER_PATIENCE, OfferPatience(self, transaction), "patience")
        session.core.tell(OfferReceived(session.number, transaction.request, offer))
        return None

    def accept(self, description: SessionDescription, now: float, headers: Sequence[Header]) -> None:
        """200 to theirs."""
        transaction, dialog = self.theirs, self._session.dialog
        if transaction is None or dialog is None:
            return self._session.core.count("command_too_late")
        request = transaction.request
        self._session.succeed(transaction, description, now, headers)
        self.theirs = None
        dialog.refresh_target(request)

    def reject(self, status: int, now: float, reason: str, headers: Sequence[Header]) -> None:
        """A final failure to theirs; what was agreed before still holds."""
        core = self._session.core
        if self.theirs is None:
            return core.count("command_too_late")
        core.reply(self.theirs, status, now, to_tag=self._session.local_tag, headers=[*reason_header(reason), *headers])
        self.theirs = None

    def cancelled(self, transaction: ServerTransaction, now: float) -> None:
        """A CANCEL of their re-INVITE."""
        if transaction is self.theirs:
            self.theirs = None
            self._session.refuse(transaction, 487, now)

    def not_answered_by_owner(self, now: float) -> None:
        """The owner took too long."""
        self._session.core.count("offer_not_answered_by_owner")
        self.reject(500, now, "", ())

    def _come_back_later(self, transaction: ServerTransaction, now: float) -> None:
        session = self._session
        session.refuse(transaction, 500, now, [("Retry-After", str(session.core.below(_HIGHEST_RETRY_AFTER + 1)))])

    # -- ours

    def make(self, offer: SessionDescription, now: float) -> None:
        """Send a re-INVITE."""
        session, dialog = self._session, self._session.dialog
        if not session.is_confirmed or dialog is None:
            return session.core.count("command_too_late")
        if self.ours is not None or self.theirs is not None or session.awaits_ack:
            session.core.count("reoffer_while_pending")
            return session.core.tell(OfferRejected(session.number, 491, self._retry_in(dialog)))
        body = offer.serialize()
        headers = [session.core.contact(dialog.next_hop(), is_sips=dialog.is_sips), ALLOW, *with_body(body)]
        self.ours = session.ask("INVITE", now, headers, body)

    def answered(self, exchange: Exchange, response: Response, now: float) -> None:
        """An answer to a re-INVITE of ours."""
        session, dialog = self._session, self._session.dialog
        if response.status < 200:
            if exchange is self.ours:
                exchange.transaction.give_up_later(now)
            return
        if exchange is not self.ours:
            if response.status < 300:
                session.acknowledge_again(exchange)
            return
        self.ours = None
        if dialog is None:
            return
        if response.status < 300:
            dialog.refresh_target(response)
            session.acknowledge_in(dialog, exchange)
        if session.is_over:
            return
        if response.status in (408, 481):
            session.give_up(f"SIP;cause={response.status}", "timeout", now)
        elif response.status >= 300:
            retry_in = self._retry_in(dialog) if response.status == 491 else None
            session.core.tell(OfferRejected(session.number, response.status, retry_in))
        else:
            self._tell_answer(response)

    def failed(self, exchange: Exchange, cause: str, now: float) -> None:
        """No answer to one of ours."""
        if exchange is self.ours and not self._session.is_over:
            self.ours = None
            self._session.give_up('SIP;cause=408;text="No answer to re-INVITE"', cause, now)

    def close(self, now: float) -> None:
        """The session is over."""
        if self.ours is not None:
            self.ours.is_abandoned = True
            self.ours.transaction.give_up_later(now)
        if self.theirs is not None:
            self._session.refuse(self.theirs, 487, now)
            self.theirs = None

    def _tell_answer(self, response: Response) -> None:
        session = self._session
        try:
            answer = description_in(response)
        except (ContentError, SdpError):
            session.core.count("bad_answer")
            return session.core.tell(OfferRejected(session.number, 488, None))
        session.core.tell(OfferAnswered(session.number, answer))

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
