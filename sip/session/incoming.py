"""Sessions that the other side began: their INVITE, until it is answered for good (RFC 3261 §13.3, RFC 3262 §3).

- 100 waits a moment (§17.2.1 allows 200 ms), because there are phones that take no challenge once they saw it; and it goes ahead of a
  200 that comes first, because there are phones that take no 200 before they saw a provisional answer.
- 18x goes reliably where the caller demands it, or can do it and the 18x holds a description (`sip.session.reliable`).
- A description that went reliably is not said again, neither in a later 18x nor in the 200 (RFC 6337 §3.1.1); the 200 waits for its PRACK.
"""

from collections.abc import Sequence
from typing import Final, Literal
from weakref import proxy

from sip.content import description_in
from sip.dialog import Dialog
from sip.errors import UnsafeValue
from sip.events import ProvisionalAcknowledged
from sip.headers import tokens
from sip.message import Header, Request, Response
from sip.responding import tagged
from sip.sdp import SessionDescription
from sip.session.core import Core, reason_header, with_body
from sip.session.offers import UPDATE
from sip.session.reliable import RELIABLY, ReliableSender, parse_rack
from sip.session.session import Session, State
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow

TRYING_DELAY: Final = 0.02
"""Seconds; long enough for an owner who challenges at once."""
REMINDER_SECONDS: Final = 60.0
"""So often a provisional answer is repeated, lest proxies give the call up (§13.3.1.1)."""
RELIABLE_REMINDER_SECONDS: Final = 150.0
"""The same for one that was acknowledged (RFC 3262 §3)."""
_TRYING: Final = Response(100)


class IncomingSession(Session):
    """Their INVITE. The dialog is there from the start, since our tag is chosen at once."""

    def __init__(self, core: Core, transaction: ServerTransaction, now: float, *, has_offer: bool) -> None:
        """Raises `ParseError` where the request's routes cannot be read; then there is no session."""
        request = transaction.request
        local_tag = core.token()
        local = tagged(request.values("To")[0], local_tag)
        dialog = Dialog.from_request(request, local, local_tag, transaction.flow, core.below(2**16))
        super().__init__(core, State.RINGING, request.call_id, local_tag)
        self.dialog: Dialog = dialog
        self._invite = transaction
        self.hear(request)
        core.by_remote_tag[self.call_id, dialog.remote_tag] = self
        transaction.user = self
        self._has_offer = has_offer
        required = tokens(request.values("Require"))
        self._must_be_reliable = RELIABLY in required
        self._may_be_reliable = RELIABLY in core.extensions and (self._must_be_reliable or RELIABLY in tokens(request.values("Supported")))
        self._reliable = ReliableSender(core, proxy(self), request.cseq.number)
        self._has_described = False
        """A description of ours went reliably."""
        self._accepting: tuple[SessionDescription | None, Sequence[Header]] | None = None
        """The 200 that waits for a PRACK."""
        self._progress = _TRYING
        """The newest provisional answer, but for what every answer copies."""
        self._timer = core.timers.start(now + TRYING_DELAY, Repeating(self), "trying")

    @property
    def request(self) -> Request:
        """The INVITE."""
        return self._invite.request

    @property
    def reliably(self) -> Literal["", "may", "must"]:
        """Whether 18x can, or have to, go reliably."""
        return "must" if self._must_be_reliable else "may" if self._may_be_reliable else ""

    @property
    def invited_by(self) -> Flow:
        """Where the INVITE came from."""
        return self._invite.flow

    # -- what the owner wants

    def challenge(self, challenges: Sequence[str], now: float) -> None:
        """401; the session is over, the retry is a new one."""
        if self.state is not State.RINGING:
            return self.core.count("command_too_late")
        self._invite.say_once()
        self._finish(401, now, [("WWW-Authenticate", value) for value in challenges])

    def progress(self, status: int, now: float, description: SessionDescription | None, headers: Sequence[Header]) -> None:
        """A provisional answer."""
        if self.state is not State.RINGING or self._accepting is not None:
            return self.core.count("command_too_late")
        body = description.serialize() if description is not None and not self._has_described else b""
        is_reliable = self._is_to_be_reliable(status, body)
        if not is_reliable and not self._has_offer:
            if self._must_be_reliable:
                # Reliably it would have to make the offer (RFC 3262 §5), and there is none to make.
                return self.core.count("provisional_without_offer")
            body = b""
        record = [("Record-Route", value) for value in self._invite.request.values("Record-Route")]
        progress = Response(status, [*record, *self.targeting(self._invite.flow, self.dialog), *headers], body)
        if is_reliable:
            progress.serialize()
            self._progress = progress
            return self._reliable.progress(progress, now)
        before, self._progress = self._progress, progress
        try:
            self._say_progress(now)
        except UnsafeValue:
            self._progress = before
            raise

    def accept(self, description: SessionDescription | None, now: float, headers: Sequence[Header]) -> None:
        if self.state is not State.RINGING or self.offers.theirs is not None:
            super().accept(description, now, headers)
            return self._go_on(now)
        if self._accepting is not None:
            return self.core.count("command_too_late")
        if self._invite.status == 0:
            self._say_progress(now)
        Response(200, headers).serialize()
        self._accepting = (description, headers)
        self._go_on(now)

    def reject(self, status: int, now: float, reason: str, headers: Sequence[Header]) -> None:
        if self.state is not State.RINGING or self.offers.theirs is not None:
            super().reject(status, now, reason, headers)
            return self._go_on(now)
        self._finish(status, now, [*reason_header(reason), *headers])

    def end(self, now: float, reason: str, status: int) -> None:
        if self.state is not State.RINGING:
            return super().end(now, reason, status)
        self._finish(status or 480, now, reason_header(reason))

    # -- what the other side sends

    def receive_prack(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """A PRACK: with the answer to our offer, with an offer after our answer, or with neither (RFC 3262 §3, §5).

        An offer is refused while another one of theirs waits, which would never be answered.
        """
        request = transaction.request
        if not self._reliable.matches(parse_rack(request.header("RAck"))):
            return self.refuse(transaction, 481, now)
        description = description_in(request)
        if description is not None and self.offers.theirs is not None:
            return self.refuse(transaction, 491, now)
        if description is not None and dialog.is_settled:
            self._reliable.pracked(now)
            return self.offers.tell(transaction, dialog, description, now)
        if description is not None and not self._has_described:
            return self.refuse(transaction, 491, now)
        self.reply(transaction, 200, now)
        if self._has_described and not dialog.is_settled:
            dialog.is_settled = True
            self.core.tell(ProvisionalAcknowledged(self.number, description))
        self._reliable.pracked(now)
        self._go_on(now)

    def cancelled(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        if transaction is not self._invite:
            return super().cancelled(transaction, request, now)
        self.refuse(transaction, 487, now)
        self.tell_ended("cancelled", request.header("Reason") or "", now)

    def flow_lost(self, flow: Flow, now: float) -> None:
        super().flow_lost(flow, now)
        if self.state is State.RINGING and flow.is_reliable and self._invite.flow == flow:
            self.tell_ended("transport", "", now)

    # -- of reliable provisional answers

    def send_reliably(self, progress: Response, rseq: int, now: float) -> bytes:
        """Send one that wants a PRACK; from now on our description is said."""
        body = b"" if self._has_described else progress.body
        if body:
            self._has_described = True
            self.dialog.is_settled = self._has_offer
        headers = [*progress.headers, ("Require", RELIABLY), ("RSeq", str(rseq)), *with_body(body)]
        self._remind_in(RELIABLE_REMINDER_SECONDS, now)
        return self.reply(self._invite, progress.status, now, headers, body)

    def send_again(self, data: bytes) -> None:
        """The same, for no PRACK came yet."""
        self.core.send(data, self._invite.flow)

    def not_pracked(self, now: float) -> None:
        """64 T1 went by without a PRACK (RFC 3262 §3 wants a 5xx)."""
        self.end_early(504, "no_prack", now)

    # -- tools

    def remind(self, now: float) -> None:
        """100 for an owner who takes his time; later, the newest answer again."""
        if self._is_to_be_reliable(self._progress.status, b"") and self._accepting is None:
            return self._reliable.progress(Response(self._progress.status, self._progress.headers), now)
        self._say_progress(now)

    def dialog_for_offer(self, fork: str) -> Dialog | None:
        if self.state is not State.RINGING:
            return super().dialog_for_offer(fork)
        is_ready = self.dialog.is_settled and not self._reliable.is_waiting and UPDATE in self.dialog.allow
        return self.dialog if is_ready else None

    def end_early(self, status: int, cause: str, now: float) -> None:
        if self.state is not State.RINGING:
            return super().end_early(status, cause, now)
        self.refuse(self._invite, status, now)
        self.tell_ended(cause, "", now)

    def close(self, now: float) -> None:
        if not self._invite.is_answered:
            self.refuse(self._invite, 487, now)
        self._reliable.final(now)
        self.core.timers.stop(self._timer)
        super().close(now)

    def _is_to_be_reliable(self, status: int, body: bytes) -> bool:
        """Whether this 18x wants a PRACK. The first one to an INVITE without an offer has to make it (RFC 3262 §5)."""
        if status == 100 or not self._may_be_reliable or not (body or self._has_offer or self._has_described):
            return False
        return self._must_be_reliable or bool(body) or self.core.settings.reliable_provisional == "required"

    def _say_progress(self, now: float) -> None:
        progress = self._progress
        headers = [*progress.headers, *with_body(progress.body)]
        self.reply(self._invite, progress.status, now, headers, progress.body, tag=progress.status != 100)
        self._remind_in(REMINDER_SECONDS, now)

    def _remind_in(self, seconds: float, now: float) -> None:
        self.core.timers.stop(self._timer)
        self._timer = self.core.timers.start(now + seconds, Repeating(self), "reminder")

    def _go_on(self, now: float) -> None:
        """Send the 200 that was waiting, once nothing is in its way: no PRACK to a description, no offer of theirs."""
        is_held_up = (self._reliable.is_waiting and self._reliable.holds_description) or self.offers.theirs is not None
        if self._accepting is None or is_held_up or self.state is not State.RINGING:
            return
        (description, headers), self._accepting = self._accepting, None
        makes_offer = not self._has_offer and not self._has_described
        self.succeed(self._invite, None if self._has_described else description, now, headers, makes_offer=makes_offer)
        self._reliable.final(now)
        self.core.timers.stop(self._timer)
        self.state = State.CONFIRMED
        self._progress = _TRYING  # what was said while it rang is not kept as long as the call
        self.stand()

    def _finish(self, status: int, now: float, headers: Sequence[Header]) -> None:
        self.reply(self._invite, status, now, headers)
        self.close(now)


class Repeating:
    """The moment at which an INVITE gets its 100, or is told again how far it is."""

    __slots__ = ("_session",)

    def __init__(self, session: IncomingSession) -> None:
        self._session = session

    def fired(self, name: str, now: float) -> None:
        """The owner takes his time."""
        self._session.remind(now)
