"""Sessions that the other side began: their INVITE, until it is answered for good (RFC 3261 §13.3).

100 waits a moment (§17.2.1 allows 200 ms), because there are phones that take no challenge once they saw it; and it goes ahead of a
200 that comes first, because there are phones that take no 200 before they saw a provisional answer.
"""

from collections.abc import Sequence
from typing import Final

from sip.dialog import Dialog
from sip.errors import UnsafeValue
from sip.message import Header, Request, Response
from sip.responding import tagged
from sip.sdp import SessionDescription
from sip.session.core import ALLOW, Core, reason_header, with_body
from sip.session.session import Session, State
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow

TRYING_DELAY: Final = 0.02
"""Seconds; long enough for an owner who challenges at once."""
REMINDER_SECONDS: Final = 60.0
"""So often a provisional answer is repeated, lest proxies give the call up (§13.3.1.1)."""


class IncomingSession(Session):
    """Their INVITE. The dialog is there from the start, since our tag is chosen at once."""

    def __init__(self, core: Core, transaction: ServerTransaction, now: float) -> None:
        """Raises `ParseError` where the request's routes cannot be read; then there is no session."""
        request = transaction.request
        local_tag = core.token()
        local = tagged(request.values("To")[0], local_tag)
        dialog = Dialog.from_request(request, local, local_tag, transaction.flow, core.below(2**16))
        super().__init__(core, State.RINGING, request.call_id, local_tag)
        self.dialog = dialog
        self._invite = transaction
        core.by_remote_tag[self.call_id, dialog.remote_tag] = self
        transaction.user = self
        self._progress = Response(100)
        """The newest provisional answer, but for what every answer copies."""
        self._timer = core.timers.start(now + TRYING_DELAY, Repeating(self), "trying")

    @property
    def request(self) -> Request:
        """The INVITE."""
        return self._invite.request

    @property
    def invited_by(self) -> Flow:
        """Where the INVITE came from."""
        return self._invite.flow

    def say_progress(self, now: float) -> None:
        """Send the newest provisional answer (again)."""
        progress = self._progress
        tag = "" if progress.status == 100 else self.local_tag
        self.core.reply(self._invite, progress.status, now, to_tag=tag, headers=progress.headers, body=progress.body)
        self.core.timers.stop(self._timer)
        self._timer = self.core.timers.start(now + REMINDER_SECONDS, Repeating(self), "reminder")

    def challenge(self, challenges: Sequence[str], now: float) -> None:
        """401; the session is over, the retry is a new one."""
        if self.state is not State.RINGING:
            return self.core.count("command_too_late")
        self._finish(401, now, [("WWW-Authenticate", value) for value in challenges])

    def progress(self, status: int, now: float, description: SessionDescription | None, headers: Sequence[Header]) -> None:
        """A provisional answer."""
        if self.state is not State.RINGING:
            return self.core.count("command_too_late")
        body = description.serialize() if description is not None else b""
        record = [("Record-Route", value) for value in self._invite.request.values("Record-Route")]
        is_sips = self.dialog is not None and self.dialog.is_sips
        ours = [self.core.contact(self._invite.flow, is_sips=is_sips), ALLOW, *with_body(body), *headers]
        before, self._progress = self._progress, Response(status, [*record, *ours], body)
        try:
            self.say_progress(now)
        except UnsafeValue:
            self._progress = before
            raise

    def accept(self, description: SessionDescription, now: float, headers: Sequence[Header]) -> None:
        if self.state is not State.RINGING:
            return super().accept(description, now, headers)
        if self._invite.status == 0:
            self.say_progress(now)
        self.succeed(self._invite, description, now, headers)
        self.core.timers.stop(self._timer)
        self.state = State.CONFIRMED
        self.stand()

    def reject(self, status: int, now: float, reason: str, headers: Sequence[Header]) -> None:
        if self.state is not State.RINGING:
            return super().reject(status, now, reason, headers)
        self._finish(status, now, [*reason_header(reason), *headers])

    def end(self, now: float, reason: str, status: int) -> None:
        if self.state is not State.RINGING:
            return super().end(now, reason, status)
        self._finish(status or 480, now, reason_header(reason))

    def cancelled(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        if transaction is not self._invite:
            return super().cancelled(transaction, request, now)
        self.refuse(transaction, 487, now)
        self.tell_ended("cancelled", request.header("Reason") or "", now)

    def flow_lost(self, flow: Flow, now: float) -> None:
        super().flow_lost(flow, now)
        if self.state is State.RINGING and flow.is_reliable and self._invite.flow == flow:
            self.tell_ended("transport", "", now)

    def close(self, now: float) -> None:
        if not self._invite.is_answered:
            self.refuse(self._invite, 487, now)
        self.core.timers.stop(self._timer)
        super().close(now)

    def _finish(self, status: int, now: float, headers: Sequence[Header]) -> None:
        self.core.reply(self._invite, status, now, to_tag=self.local_tag, headers=headers)
        self.close(now)


class Repeating:
    """The moment at which an INVITE gets its 100, or is told again how far it is."""

    __slots__ = ("_session",)

    def __init__(self, session: IncomingSession) -> None:
        self._session = session

    def fired(self, name: str, now: float) -> None:
        """The owner takes his time."""
        self._session.say_progress(now)
