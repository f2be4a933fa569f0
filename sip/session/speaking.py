"""How a session speaks: its requests, answers and ACKs, with the headers that each of them wants (RFC 3261 §8.2.6, §12.2.1.1)."""

from collections.abc import Sequence

from sip.dialog import Dialog
from sip.message import Header, Message, Request, Response
from sip.session.asking import request_in
from sip.session.core import ALLOW, Core, reason_header, with_body
from sip.session.exchange import Credentials, Exchange, ExchangeUser
from sip.session.farewell import Farewell
from sip.session_id import SessionId, new_uuid
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow


class Speaker:
    """What all messages of one session have in common. No rule of who may say what when is in here."""

    def __init__(self, core: Core, call_id: str, local_tag: str, credentials: Credentials | None, session_id: str) -> None:
        self.core = core
        self.call_id = call_id
        self.local_tag = local_tag
        self.session_id = SessionId(session_id or new_uuid(core.entropy)) if core.settings.session_id else None
        self.credentials = credentials
        self._ack: tuple[Request, bytes, Flow] | None = None
        """The 2xx to our INVITE that was acknowledged last: the INVITE, the ACK, and where it went."""
        self._end_reason = ""
        """Value of the Reason header of a BYE or CANCEL of ours."""

    def identifying(self) -> list[Header]:
        """The Session-ID, unless it is turned off."""
        return [self.session_id.header] if self.session_id is not None else []

    def hear(self, message: Message) -> None:
        """Take what each message of the peer says of the session."""
        if self.session_id is not None:
            self.session_id.hear(message)

    def targeting(self, flow: Flow, dialog: Dialog | None) -> list[Header]:
        """What a message says that makes a dialog or moves its target: where we are, and what we can (§12.1, §12.2)."""
        return [self.core.contact(flow, is_sips=dialog is not None and dialog.is_sips), ALLOW, self.core.supported]

    # -- answers

    def reply(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        headers: Sequence[Header] = (),
        body: bytes = b"",
        *,
        tag: bool = True,
    ) -> bytes:
        """Answer a request, and return the bytes sent. Raises `UnsafeValue`."""
        to_tag = self.local_tag if tag else ""
        return self.core.reply(transaction, status, now, to_tag=to_tag, headers=[*headers, *self.identifying()], body=body)

    def refuse(self, transaction: ServerTransaction, status: int, now: float, headers: Sequence[Header] = ()) -> None:
        """A failure, counted."""
        self.core.count(f"refused_{status}")
        self.reply(transaction, status, now, headers)

    # -- requests

    def request_in(
        self, dialog: Dialog, method: str, sequence: int, headers: Sequence[Header] = (), body: bytes = b""
    ) -> tuple[Request, Flow]:
        """A request inside a dialog, and how it leaves."""
        return request_in(self.core, dialog, method, sequence, [*self.identifying(), *headers], body)

    def ask_in(
        self, dialog: Dialog, user: ExchangeUser | None, method: str, now: float, headers: Sequence[Header] = (), body: bytes = b""
    ) -> Exchange:
        """Send a request inside a dialog; ``user`` is told of its answer. Raises `UnsafeValue`."""
        request, flow = self.request_in(dialog, method, dialog.next_sequence(), headers, body)
        return Exchange(self.core, request, (flow,), user, self.credentials, dialog.next_sequence, now)

    def prack_in(self, dialog: Dialog, response: Response, now: float, body: bytes = b"") -> None:
        """Acknowledge a reliable provisional answer (RFC 3262 §4). What becomes of the PRACK shows in what becomes of the INVITE."""
        rack = ("RAck", f"{response.values('RSeq')[0].strip()} {response.cseq.number} INVITE")
        self.ask_in(dialog, None, "PRACK", now, [rack, *with_body(body)], body)

    def bye_in(self, dialog: Dialog, now: float) -> None:
        """Send a BYE whose answer matters to nobody."""
        farewell = Farewell(self.core, (dialog.call_id, dialog.local_tag, dialog.remote_tag))
        self.ask_in(dialog, farewell, "BYE", now, reason_header(self._end_reason))
        farewell.begin()

    def acknowledge_in(self, dialog: Dialog, exchange: Exchange, body: bytes = b"", *, remembered: bool = True) -> None:
        """ACK a 2xx to an INVITE of ours, and remember the ACK for its retransmissions."""
        invite = exchange.request
        request, flow = self.request_in(dialog, "ACK", invite.cseq.number, [*exchange.credentials, *with_body(body)], body)
        data = request.serialize()
        if remembered:
            self._ack = (invite, data, flow)
        self.core.send(data, flow)

    def acknowledge_again(self, exchange: Exchange) -> bool:
        """Repeat the ACK for a retransmitted 2xx; False where there was none yet."""
        if self._ack is None or self._ack[0] is not exchange.request:
            return False
        self.core.count("retransmitted_ack")
        self.core.send(self._ack[1], self._ack[2])
        return True
