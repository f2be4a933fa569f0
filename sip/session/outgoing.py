"""Sessions that we begin: our INVITE, its forks, its cancellation (RFC 3261 §9.1, §13.2, §12.1.2).

- Each To tag of an answer is a dialog of its own. The first 2xx wins; others are acknowledged and ended at once.
- A reliable 18x is acknowledged by PRACK in its own dialog (RFC 3262 §4); the description in it is the answer for good.
- Several branches may be under way (`sip.session.branches`); what is said here about *the* INVITE is about the one that spoke last.
- CANCEL waits for a provisional answer. A 2xx that crosses it is acknowledged and ended.
"""

from collections.abc import Iterable
from typing import Final
from weakref import proxy

from sip.content import SDP, ContentError, description_in
from sip.dialog import Dialog, addressed, asks_for_sips
from sip.errors import ParseError
from sip.events import Accepted, Progressed, Rejected
from sip.message import Header, Request, Response
from sip.sdp import SdpError, SessionDescription
from sip.session.abandoned import cancel
from sip.session.branches import ELSEWHERE, Branches, Failure, Written
from sip.session.core import ALLOW, Core, display_address, with_body
from sip.session.exchange import Credentials, Exchange, retry_after
from sip.session.expiry import asked_by_client
from sip.session.offers import UPDATE
from sip.session.reliable import RELIABLY, Order, ReliableReceiver
from sip.session.session import Session, State
from sip.session.settings import Branch, Invitation
from sip.session_id import NIL, new_uuid
from sip.transport.flow import Flow

MOST_FORKS: Final = 32


class OutgoingSession(Session):
    """Our INVITE."""

    def __init__(self, core: Core, invitation: Invitation, now: float) -> None:
        """Send it. Raises `UnsafeValue` or `ParseError` for an invitation that cannot be sent; then there is no session."""
        tag, call_id = core.token(), core.token()
        credentials = Credentials(invitation.user, invitation.secret) if invitation.user else None
        uuid = invitation.session_id or (new_uuid(core.entropy) if core.settings.session_id else "")
        sequence = 1 + core.below(2**16)
        written = [_invite(core, invitation, branch, tag, call_id, uuid, sequence) for branch in _branches(invitation)]
        super().__init__(core, State.CALLING, call_id, tag, credentials, uuid)
        self._sequence = sequence
        self._forks: dict[str, Dialog] = {}
        self._ended_forks: set[str] = set()
        """Those that answered in vain, and were hung up."""
        self._reliable = ReliableReceiver()
        self._offered: dict[str, Response] = {}
        """Reliable 18x with an offer, by fork: their PRACKs wait for the owner's answer."""
        self._is_cancelled = False
        self._uris = dict(zip(invitation.flows, invitation.uris, strict=False))
        self._branches = Branches(core, written, proxy(self))
        self._branches.ring_next(now)
        self._invite = self._branches.first
        self.stand()

    def acknowledge(self, answer: SessionDescription, now: float, fork: str) -> None:
        """ACK with the answer to a 2xx that made the offer; PRACK, where a reliable 18x did."""
        offered = self._offered.pop(fork or next(iter(self._offered), ""), None)
        if offered is not None and self.state is State.CALLING:
            dialog = self._forks[offered.to.tag]
            dialog.is_settled = True
            return self.prack_in(dialog, offered, now, answer.serialize())
        if self.state is not State.CONFIRMED or self.dialog is None or self._ack is not None:
            return self.core.count("command_too_late")
        return self.acknowledge_in(self.dialog, self._invite, answer.serialize())

    def end(self, now: float, reason: str, status: int) -> None:
        match self.state:
            case State.CALLING:
                self._end_reason = reason
                self.state = State.CANCELLING
                self._branches.leave(reason, now, but=self._invite)
                self._invite.is_abandoned = True
                if self._invite.transaction.is_proceeding:
                    self._cancel(now)
            case State.CONFIRMED:
                if self._ack is None and self.dialog is not None:
                    self.acknowledge_in(self.dialog, self._invite)
                super().end(now, reason, status)
            case _:
                self.core.count("command_too_late")

    def dialogs(self) -> Iterable[Dialog]:
        return [*super().dialogs(), *self._forks.values()]

    def dialog_with(self, remote_tag: str) -> Dialog | None:
        return super().dialog_with(remote_tag) or self._forks.get(remote_tag)

    def dialog_for_offer(self, fork: str) -> Dialog | None:
        if self.state is not State.CALLING:
            return super().dialog_for_offer(fork)
        ready = [dialog for dialog in self._forks.values() if dialog.is_settled and UPDATE in dialog.allow]
        return next((dialog for dialog in reversed(ready) if fork in ("", dialog.remote_tag)), None)

    def responded(self, exchange: Exchange, response: Response, flow: Flow, now: float) -> None:
        if exchange not in self._branches:
            return super().responded(exchange, response, flow, now)
        if self.state is State.CALLING:
            self._invite = exchange
        if response.status < 200:
            self._progressed(response, flow, now)
        elif response.status < 300:
            self._succeeded(response, flow, now)
        elif response.status == 422 and self.state is State.CALLING and self._ask_for_longer(response, now):
            pass
        elif self.state is State.CALLING:
            self._branch_failed(exchange, Failure(response.status, response), now)
        else:
            self.close(now)

    def failed(self, exchange: Exchange, cause: str, now: float) -> None:
        if exchange not in self._branches:
            return super().failed(exchange, cause, now)
        if self.state is State.CALLING:
            self._branch_failed(exchange, Failure(408 if cause == "timeout" else 503, None), now)
        elif self.state is State.CANCELLING:
            self.close(now)

    def close(self, now: float) -> None:
        self._branches.leave(self._end_reason, now, but=self._invite)
        if not self._invite.transaction.is_answered:
            self._invite.is_abandoned = True
            if self._invite.transaction.is_proceeding:
                self._cancel(now)
        super().close(now)

    def ring(self, request: Request, flows: tuple[Flow, ...], now: float) -> Exchange:
        """Send a branch's INVITE. Raises `UnsafeValue`."""
        return Exchange(self.core, request, flows, self, self.credentials, self._next_sequence, now, self._uris)

    def _branch_failed(self, exchange: Exchange, failure: Failure, now: float) -> None:
        best = self._branches.failed(exchange, failure, now)
        if best is None:
            self._invite = self._branches.first
        else:
            self._tell_rejected(best.status, best.response, now)

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def _progressed(self, response: Response, flow: Flow, now: float) -> None:
        if self.state is State.CANCELLING:
            return self._cancel(now)
        if response.status == 100 or self.state is not State.CALLING:
            return
        self.hear(response)
        tag = response.to.tag
        dialog = self._early_dialog(tag, response, flow)
        order = Order.UNRELIABLE if dialog is None else self._reliable.take(response, tag)
        if order in (Order.AGAIN, Order.EARLY):
            return self.core.count("provisional_again" if order is Order.AGAIN else "provisional_out_of_order")
        description = None if dialog is not None and dialog.is_settled else self.description(response)
        if dialog is not None and order is Order.NEXT:
            self._acknowledge_early(dialog, response, description, now)
        self.core.tell(Progressed(self.number, response, tag, description))

    def _early_dialog(self, tag: str, response: Response, flow: Flow) -> Dialog | None:
        """The dialog of a provisional answer; None where it has no tag, or there are too many."""
        known = self._forks.get(tag)
        if known is not None:
            known.confirm(self._invite.request, response, flow)
        elif tag and len(self._forks) < MOST_FORKS:
            known = self._forks[tag] = Dialog.from_response(self._invite.request, response, flow)
        return known

    def _acknowledge_early(self, dialog: Dialog, response: Response, description: SessionDescription | None, now: float) -> None:
        """PRACK, at once unless it has to bring our answer."""
        has_offered = bool(self._invite.request.body)
        if description is not None and not has_offered and not dialog.is_settled:
            self._offered[dialog.remote_tag] = response
            return
        dialog.is_settled = dialog.is_settled or description is not None
        self.prack_in(dialog, response, now)

    def _ask_for_longer(self, response: Response, now: float) -> bool:
        """422: the same INVITE with a longer session interval (RFC 4028 §7.3); False where it makes no sense."""
        if not self.timer.raise_to(response):
            return False
        old, flow = self._invite.request, self._invite.transaction.flow
        replaced = {"Via": self.core.via(flow)[1], "CSeq": f"{self._next_sequence()} INVITE"}
        kept = [(name, replaced.get(name, value)) for name, value in old.headers if name not in ("Session-Expires", "Min-SE")]
        request = Request("INVITE", old.uri, [*kept, *self.timer.request_headers()], old.body)
        old_invite, self._invite = self._invite, self.ring(request, (flow,), now)
        self._branches.replace(old_invite, self._invite)
        return True

    def _succeeded(self, response: Response, flow: Flow, now: float) -> None:
        tag = response.to.tag
        if self.dialog is not None and self.dialog.remote_tag == tag:
            self.acknowledge_again(self._invite)
            return
        dialog = self._forks.pop(tag, None)
        if dialog is not None:
            dialog.confirm(self._invite.request, response, flow)
        else:
            dialog = Dialog.from_response(self._invite.request, response, flow)
        if self.state is State.CALLING:
            return self._confirm(dialog, response, now)
        self._hang_up(dialog, now)
        if self.state is State.CANCELLING:
            self.close(now)

    def _hang_up(self, dialog: Dialog, now: float) -> None:
        """A fork that answered in vain: ACK each time, BYE once (§13.2.2.4)."""
        self.acknowledge_in(dialog, self._invite, remembered=False)
        if dialog.remote_tag not in self._ended_forks and len(self._ended_forks) < MOST_FORKS:
            self._ended_forks.add(dialog.remote_tag)
            self.core.count("success_of_unwanted_fork")
            self.bye_in(dialog, now)

    def _confirm(self, dialog: Dialog, response: Response, now: float) -> None:
        self.hear(response)
        self.dialog = dialog
        self.state = State.CONFIRMED
        self._branches.leave(ELSEWHERE, now, but=self._invite)
        self._forks.clear()
        try:
            description = None if dialog.is_settled else description_in(response)
        except (ContentError, SdpError) as error:
            self.core.count("bad_answer")
            self.acknowledge_in(dialog, self._invite)
            self.bye_in(dialog, now)
            return self._tell_rejected(488, None, now, str(error))
        if self._invite.request.body or description is None:
            self.acknowledge_in(dialog, self._invite)
        self.timer.answered(response, now)
        self.core.tell(Accepted(self.number, response, dialog.remote_tag, description))

    def _cancel(self, now: float) -> None:
        """CANCEL, once (§9.1)."""
        transaction = self._invite.transaction
        if self._is_cancelled or transaction.is_answered:
            return
        self._is_cancelled = True
        cancel(self.core, transaction, self._end_reason, now)

    def _tell_rejected(self, status: int, response: Response | None, now: float, reason: str = "") -> None:
        contacts: tuple[str, ...] = ()
        if response is not None:
            reason = response.header("Reason") or ""
            if 300 <= status < 400:
                contacts = _best_first(response)
        self.core.count(f"rejected_{status}")
        self.core.tell(Rejected(self.number, status, reason, response, contacts, retry_after(response)))
        self.close(now)


def _branches(invitation: Invitation) -> tuple[Branch, ...]:
    return invitation.branches or (Branch(invitation.request_uri, invitation.flows, invitation.route),)


def _invite(core: Core, invitation: Invitation, branch: Branch, tag: str, call_id: str, uuid: str, sequence: int) -> Written:
    uri, route = addressed(branch.request_uri, branch.route)
    body = invitation.offer.serialize() if invitation.offer is not None else b""
    headers: list[Header] = [
        core.via(branch.flows[0]),
        ("Max-Forwards", str(invitation.max_forwards)),
        *route,
        ("From", f"{display_address(invitation.from_display, invitation.from_uri)};tag={tag}"),
        ("To", f"<{invitation.to_uri}>"),
        ("Call-ID", call_id),
        ("CSeq", f"{sequence} INVITE"),
        core.contact(branch.flows[0], is_sips=asks_for_sips(uri, branch.route)),
        ALLOW,
        core.supported,
        *([("Require", RELIABLY)] if core.settings.reliable_provisional == "required" else []),
        *asked_by_client(core.settings),
        *([("Session-ID", f"{uuid};remote={NIL}")] if uuid else []),
        ("Accept", SDP),
        ("User-Agent", core.settings.user_agent),
        *invitation.headers,
        *with_body(body),
    ]
    request = Request("INVITE", uri, headers, body)
    request.serialize()
    _ = request.request_uri, request.to, request.from_
    return Written(request, branch.flows, branch.q)


def _best_first(response: Response) -> tuple[str, ...]:
    """Contact URIs of a 3xx by falling q."""
    try:
        contacts = response.contacts
    except ParseError:
        return ()

    def preference(text: str | None) -> float:
        try:
            return -float(text or "1")
        except ValueError:
            return 0.0

    return tuple(contact.uri for contact in sorted(contacts, key=lambda contact: preference(contact.parameters.get("q"))))
