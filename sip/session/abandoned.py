"""Branches of an INVITE that nobody waits for any more (RFC 3261 §9.1, §13.2.2.4).

Whoever rings late is cancelled, whoever answers late is acknowledged and hung up: nobody is left with half a call.
"""

from sip.dialog import Dialog
from sip.message import Header, Request, Response
from sip.session.asking import request_in
from sip.session.core import Core, reason_header
from sip.transaction.client import NOBODY, ClientTransaction
from sip.transport.flow import Flow

_COPIED = ("Via", "From", "To", "Call-ID", "Route", "Max-Forwards", "Session-ID")
_CREDENTIALS = ("Authorization", "Proxy-Authorization")


def cancel(core: Core, invite: ClientTransaction, reason: str, now: float) -> None:
    """CANCEL an INVITE by its own way (§9.1), and wait 64 T1 for its final answer."""
    request = invite.request
    kept: list[Header] = [header for header in request.headers if header[0] in _COPIED]
    headers = [*kept, ("CSeq", f"{request.cseq.number} CANCEL"), *reason_header(reason)]
    core.transactions.request(Request("CANCEL", request.uri, headers), invite.flow, NOBODY, now)
    invite.give_up_later(now)


class Abandoned:
    """Takes a branch over from whoever gave it up."""

    __slots__ = ("_core", "_ended", "_is_cancelled", "_reason")

    def __init__(self, core: Core, transaction: ClientTransaction, reason: str, now: float) -> None:
        """``reason`` is what CANCEL and BYE say (RFC 3326)."""
        self._core = core
        self._reason = reason
        self._is_cancelled = False
        self._ended: set[str] = set()
        """Tags of those who were hung up."""
        is_ringing = transaction.is_proceeding
        transaction.user = self
        transaction.abandon(now)
        if transaction.is_invite and is_ringing:
            self._cancel(transaction, now)

    def responded(self, transaction: ClientTransaction, response: Response, flow: Flow, now: float) -> None:
        """From the transaction. Failures it acknowledges by itself."""
        if not transaction.is_invite or response.status >= 300:
            return
        if response.status < 200:
            self._cancel(transaction, now)
        else:
            self._hang_up(transaction.request, response, flow, now)

    def failed(self, transaction: ClientTransaction, cause: str, now: float) -> None:
        """From the transaction: as was to be expected."""

    def over(self, transaction: ClientTransaction) -> None:
        """From the transaction."""

    def _cancel(self, transaction: ClientTransaction, now: float) -> None:
        if not self._is_cancelled:
            self._is_cancelled = True
            cancel(self._core, transaction, self._reason, now)

    def _hang_up(self, invite: Request, response: Response, flow: Flow, now: float) -> None:
        core, dialog = self._core, Dialog.from_response(invite, response, flow)
        credentials = [header for header in invite.headers if header[0] in _CREDENTIALS]
        ack, way = request_in(core, dialog, "ACK", invite.cseq.number, credentials)
        core.send(ack.serialize(), way)
        if dialog.remote_tag not in self._ended:
            self._ended.add(dialog.remote_tag)
            core.count("success_of_abandoned_branch")
            bye, way = request_in(core, dialog, "BYE", dialog.next_sequence(), reason_header(self._reason))
            core.transactions.request(bye, way, NOBODY, now)
