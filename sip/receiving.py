"""What happens to bytes that arrive: parsed, matched to a transaction, checked in the order of RFC 3261 §8.2, handed on.

Whatever cannot be handled costs one answer or one counted drop.
"""

from sip.bounds import check as check_bounds
from sip.content import SDP, ContentError, description_in
from sip.errors import ParseError, SipError
from sip.events import InviteReceived
from sip.headers import parse_parameters
from sip.message import BrokenRequest, Header, Request, Response, parse
from sip.registering import Registering
from sip.replaces import replaces_in
from sip.session.core import ALLOW, METHODS, Core
from sip.session.expiry import is_too_small
from sip.session.incoming import IncomingSession
from sip.session.session import Session
from sip.subscription.reading import allow_events
from sip.subscription.subscriptions import Subscriptions
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow

_KEEP_ALIVES = frozenset({b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0"})
_BUSY_SECONDS = "5"


class Receiving:
    """The way in."""

    def __init__(self, core: Core, registering: Registering, subscriptions: Subscriptions) -> None:
        self._core = core
        self._registering = registering
        self._subscriptions = subscriptions

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram, or one message cut from a stream. Never raises."""
        if data in _KEEP_ALIVES:
            return self._core.count("keep_alive")
        try:
            message = parse(data)
        except BrokenRequest as error:
            return self._answer_broken(error, flow)
        except ParseError:
            return self._drop("not_sip")
        if isinstance(message, Response):
            if problem := self._core.transactions.receive(message, flow, now):
                self._drop(problem)
            return None
        if self._core.transactions.absorb(message, now):
            return None
        if message.method == "ACK":
            return self._receive_ack(message, now)
        return self._receive_request(message, flow, now)

    def _drop(self, reason: str) -> None:
        self._core.count(f"dropped_{reason}")

    def _answer_broken(self, error: BrokenRequest, flow: Flow) -> None:
        """400 or 505 without a transaction: a retransmission gets it again (§8.2.7)."""
        request = error.request
        if request.method == "ACK" or not request.values("Via"):
            return self._drop("broken_request")
        self._core.count(f"refused_{error.status}")
        warning = "".join(character if character.isascii() and character.isprintable() else "?" for character in str(error))
        text = warning.replace("\\", "/").replace('"', "'")
        headers: list[Header] = [("Warning", f'399 {self._core.settings.realm.replace(" ", "-")} "{text}"')]
        return self._core.reply_anyhow(request, flow, error.status, headers)

    def _receive_ack(self, request: Request, now: float) -> None:
        session = self._session_of(request)
        if session is None or not session.acknowledged(request, now):
            self._drop("stray_ack")

    def _session_of(self, request: Request) -> Session | None:
        """The session that a request inside a dialog belongs to; by the caller's tag alone where ours is missing or an ACK made one up."""
        tag = request.to.tag
        session = self._core.by_local_tag.get((request.call_id, tag)) if tag else None
        if session is None and (not tag or request.method == "ACK"):
            session = self._core.by_remote_tag.get((request.call_id, request.from_.tag))
        return session

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        core = self._core
        is_new = not request.to.tag
        is_work = is_new and request.method != "CANCEL"
        if core.transactions.is_overfull or (is_work and core.transactions.is_full):
            core.count("refused_transaction_limit")
            return core.reply_anyhow(request, flow, 503, [("Retry-After", _BUSY_SECONDS)])
        if is_work and not core.guard.takes_new(flow, now):
            core.count("refused_rate_limit")
            return core.reply_anyhow(request, flow, 503, [("Retry-After", _BUSY_SECONDS)])
        if request.method == "CANCEL":
            return self._receive_cancel(core.transactions.accept(request, flow), now)
        if is_new and core.transactions.is_merged(request):
            core.count("refused_482")
            return core.reply_anyhow(request, flow, 482)
        transaction = core.transactions.accept(request, flow)
        try:
            self._dispatch(transaction, is_new, now)
        except ContentError as error:
            self._refuse(transaction, error.status, now, error.headers)
        except SipError as error:
            self._refuse(transaction, error.status, now)
        return None

    def _receive_cancel(self, transaction: ServerTransaction, now: float) -> None:
        """200, then 487 by whoever answers the INVITE (§9.2)."""
        request = transaction.request
        invite = self._core.transactions.invite_of(request)
        if invite is None:
            return self._refuse(transaction, 481, now)
        # the To tag of the INVITE's own answers (RFC 3261 §9.2): there are callers who go on with this one
        tag = invite.to_tag or self._core.token()
        self._core.reply(transaction, 200, now, to_tag=tag)
        if invite.user is not None and not invite.is_answered:
            invite.user.cancelled(invite, request, now)
        return None

    def _dispatch(self, transaction: ServerTransaction, is_new: bool, now: float) -> None:
        """Raises `ParseError`, `ContentError`, `SdpError` for what is then refused with their status."""
        request = transaction.request
        check_bounds(request)
        if request.method not in METHODS:
            return self._refuse(transaction, 405, now, [ALLOW])
        unsupported = [tag for tag in request.items("Require") if tag.lower() not in self._core.extensions]
        if unsupported:
            return self._refuse(transaction, 420, now, [("Unsupported", ", ".join(unsupported))])
        if request.method != "INVITE" and request.values("Replaces"):
            return self._refuse(transaction, 400, now)  # RFC 3891 §3
        session = self._session_of(request) if not is_new or request.method == "BYE" else None
        if session is not None and request.method != "OPTIONS":
            return session.receive(transaction, now)
        match request.method:
            case "OPTIONS":
                self._receive_options(transaction, now)
            case "REGISTER":
                self._registering.receive(transaction, now)
            case "SUBSCRIBE":
                self._subscriptions.receive(transaction, now)
            case "INVITE" if is_new:
                self._receive_invite(transaction, now)
            case "REFER" if is_new:
                # outside a dialog there is no call whose agent could be asking (RFC 3515 §2.4.2 leaves it to policy)
                self._refuse(transaction, 403, now)
            case "BYE" if (request.call_id, request.to.tag, request.from_.tag) in self._core.farewells:
                # It crossed ours: both sides wanted the same (RFC 5407 §3.2.1).
                self._core.reply(transaction, 200, now)
            case _:
                self._refuse(transaction, 481, now)
        return None

    def _receive_options(self, transaction: ServerTransaction, now: float) -> None:
        """What we can (§11.2). Even with no hop left: the request is for us."""
        headers: list[Header] = [ALLOW, ("Accept", SDP), ("Accept-Encoding", "identity"), ("Accept-Language", "en"), self._core.supported]
        if self._core.settings.subscriptions.packages:
            headers.append(allow_events(self._core.settings.subscriptions))
        self._core.reply(transaction, 200, now, to_tag=self._core.token(), headers=headers)

    def _receive_invite(self, transaction: ServerTransaction, now: float) -> None:
        core, request = self._core, transaction.request
        if request.max_forwards == 0:
            return self._refuse(transaction, 483, now)
        if len(core.sessions) >= core.settings.max_dialogs:
            return self._refuse(transaction, 503, now, [("Retry-After", _BUSY_SECONDS)])
        if not _accepts_sdp(request):
            return self._refuse(transaction, 406, now)
        _ = request.contacts
        offer = description_in(request)
        replaces = replaces_in(request)
        if is_too_small(core.settings, request):
            return self._refuse(transaction, 422, now, [("Min-SE", str(core.settings.min_se))])
        session = IncomingSession(core, transaction, now, has_offer=offer is not None)
        core.tell(InviteReceived(session.number, request, transaction.flow, offer, replaces, session.reliably))
        return None

    def _refuse(self, transaction: ServerTransaction, status: int, now: float, headers: "list[Header] | tuple[Header, ...]" = ()) -> None:
        self._core.count(f"refused_{status}")
        transaction.say_once()
        self._core.reply(transaction, status, now, to_tag=self._core.token(), headers=headers)


def _accepts_sdp(request: Request) -> bool:
    """Whether the caller takes a session description in our answer; no Accept header means yes (§20.1)."""
    if not request.values("Accept"):
        return True
    kinds = {parse_parameters(item)[0].lower() for item in request.items("Accept")}
    return bool(kinds & {SDP, "application/*", "*/*"}) or any(kind.startswith("multipart/") for kind in kinds)
