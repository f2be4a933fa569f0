"""The SIP user agent: bytes and the owner's wishes in, bytes and events out. No I/O, no clock of its own.

After each call the owner drains `outgoing` and `events`, and arranges for `handle_timer` at `next_timer`. Times are seconds of one
monotonic clock. Commands for a session that is over are counted and have no effect, since the other side may always be faster;
a command whose headers hold a line break raises `sip.errors.UnsafeValue` and has no effect either.
"""

from collections.abc import Callable, Iterator, Sequence, Sized

from sip.asking import Asking, OutsideRequest
from sip.digest import HashOf
from sip.errors import SipError
from sip.events import Event
from sip.guard import Ban
from sip.message import Header, Request
from sip.parting import LastingDialog, lasting, part
from sip.receiving import Receiving
from sip.refer.referrals import Referrals
from sip.registering import Registering
from sip.registrar import Binding
from sip.replaces import Replaces
from sip.sdp import SessionDescription
from sip.session.core import Core
from sip.session.incoming import IncomingSession
from sip.session.outgoing import OutgoingSession
from sip.session.replacing import named, replaceable
from sip.session.session import Session
from sip.session.settings import Authentication, Invitation, UserAgentSettings
from sip.subscription.subscriptions import Subscriptions
from sip.transport.flow import Flow

__all__ = ["Authentication", "Invitation", "OutsideRequest", "UserAgent", "UserAgentSettings"]


class UserAgent:
    """Transactions, dialogs, sessions, registrar behind one face."""

    def __init__(self, settings: UserAgentSettings, *, ha1_of: HashOf, entropy: Callable[[int], bytes]) -> None:
        """``ha1_of`` gives a digest user's HA1 by name and algorithm, None for nobody; ``entropy(n)`` gives n random bytes."""
        self._core = Core(settings, entropy)
        self._asking = Asking(self._core)
        self._registering = Registering(self._core, ha1_of)
        self._subscriptions = Subscriptions(self._core)
        self._receiving = Receiving(self._core, self._registering, self._subscriptions)
        self._referrals = Referrals(self._core)

    # -- bytes and time

    def receive(self, data: bytes, flow: Flow, now: float) -> bool:
        """Take one datagram, or one message cut from a stream; False where it was dropped unread. Never raises."""
        if not self.admits(data, flow, now):
            return False
        self._receiving.receive(data, flow, now)
        return True

    def admits(self, data: bytes, flow: Flow, now: float) -> bool:
        """Whether what arrived may be looked at, and its sender answered (see `sip.guard`); else it is counted."""
        refused = self._core.guard.refuses(data, flow, now)
        if refused:
            self._core.count(f"dropped_{refused}")
        return not refused

    def shuts_out(self, flow: Flow, now: float) -> bool:
        """Whether the other end of this flow is kept out, and neither a registration nor a call of ours needs the flow."""
        if not self._core.guard.shuts_out(flow, now):
            return False
        return not any(session.goes_by(flow) for session in self._core.sessions.values())

    def unneeded(self, flows: Sequence[Flow]) -> list[Flow]:
        """Those of these flows by which neither a registration nor a call or a subscription goes, and that are no trusted peer's."""
        core = self._core
        used = {dialog.flow for session in core.sessions.values() for dialog in session.dialogs()} | self._subscriptions.flows()
        return [flow for flow in flows if not (flow in used or core.guard.is_registered(flow) or core.guard.is_trusted(flow.remote[0]))]

    def flow_lost(self, flow: Flow, now: float) -> None:
        """A connection was closed, or nothing could be sent to this flow."""
        self._core.count("flow_lost")
        self._core.transactions.lost(flow, now)
        self._registering.flow_lost(flow, now)
        for session in list(self._core.sessions.values()):
            session.flow_lost(flow, now)
        self._subscriptions.flow_lost(flow)

    def outgoing(self) -> list[tuple[bytes, Flow]]:
        """What is to be sent, in order; told once."""
        core = self._core
        drained, core.outgoing = core.outgoing, []
        return drained

    def events(self) -> list[Event]:
        """What happened, in order; told once."""
        core = self._core
        drained, core.events = core.events, []
        return drained

    def next_timer(self) -> float | None:
        """When `handle_timer` is to be called."""
        timer, expiry = self._core.timers.next(), self._registering.registrar.next_timer()
        return timer if expiry is None else expiry if timer is None else min(timer, expiry)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        self._core.timers.run(now)
        self._registering.expire(now)

    @property
    def counters(self) -> dict[str, int]:
        """Every drop, refusal, retransmission and timeout by its reason."""
        return self._core.counters

    @property
    def live_sessions(self) -> int:
        """Sessions that are not over, those among them that wait for a last word of the other side before they can be ended."""
        return len(self._core.sessions)

    @property
    def in_hand(self) -> int:
        """Requests, ours and theirs, that have no final answer yet: our BYEs on their way among them."""
        return self._core.transactions.in_hand

    def leftovers(self) -> int:
        """How many transactions, sessions and timers are held; 0 after everything was let run out."""
        core = self._core
        tables: list[Sized] = [core.transactions, core.sessions, core.by_local_tag, core.by_remote_tag, core.timers, core.farewells]
        return sum(map(len, [*tables, self._asking, self._referrals, self._subscriptions]))

    def call_id_of(self, session: int) -> str:
        """The Call-ID of a session; empty where it is over."""
        found = self._core.sessions.get(session)
        return "" if found is None else found.call_id

    def host_of(self, session: int, fork: str = "") -> str:
        """The host that the other end's last message came from, in this early dialog while it rings; empty where there is none."""
        found = self._core.sessions.get(session)
        dialog = None if found is None else found.dialog or found.dialog_with(fork)
        return "" if dialog is None else dialog.flow.remote[0]

    def lasting(self) -> Iterator[LastingDialog]:
        """Every confirmed dialog, as whoever comes after this process needs it to end it."""
        return lasting(self._core)

    def part(self, left: LastingDialog, reason: str, now: float) -> bool:
        """Say BYE in a dialog that another process left behind; False where its peer cannot be reached by us."""
        return part(self._core, left, reason, now)

    # -- who somebody is

    def authenticate(self, request: Request, flow: Flow, now: float) -> Authentication:
        """Judge the digest credentials that a request carries, which came by this flow."""
        return self._registering.authenticate(request, flow, now)

    def contacts(self, user: str, now: float) -> list[Binding]:
        """Where a user can be reached, best first."""
        return self._registering.registrar.contacts(user, now)

    # -- requests outside dialogs

    def request(self, wish: OutsideRequest, now: float) -> int:
        """Send a request outside dialogs; `RequestAnswered` follows. Raises `SipError` where it cannot be put into a message."""
        return self._asking.request(wish, now)

    def abandon(self, request: int, now: float) -> None:
        """Wait no longer for the answer to a request outside dialogs; nothing is told."""
        self._asking.abandon(request, now)

    # -- their INVITE

    def challenge(self, session: int, now: float, *, stale: bool = False, after: float = 0.0) -> None:
        """401 to an INVITE, after so many seconds. The session is over; the retry with credentials is a new `InviteReceived`."""

        def answer(now: float) -> None:
            found = self._find(session)
            if isinstance(found, IncomingSession):
                found.challenge(self._registering.challenges(found.request, found.invited_by, now, stale=stale), now)

        self._core.late.say(answer, after, now)

    def bans(self, now: float) -> list[Ban]:
        """Who is kept out, for wrong proofs."""
        return self._core.guard.bans(now)

    def lift_ban(self, source: str, user: str = "") -> bool:
        """Let somebody in again; False where he was not kept out."""
        return self._core.guard.lift(source, user)

    def trust(self, *addresses: str) -> None:
        """Trust more addresses or networks (see `sip.guard`). Raises `ValueError` where one is neither."""
        self._core.guard.trust(*addresses)

    def progress(
        self, session: int, status: int, now: float, *, description: SessionDescription | None = None, headers: Sequence[Header] = ()
    ) -> None:
        """1xx to an INVITE."""
        found = self._find(session)
        if isinstance(found, IncomingSession):
            found.progress(status, now, description, headers)

    def accept(self, session: int, description: SessionDescription | None, now: float, *, headers: Sequence[Header] = ()) -> None:
        """200 to an offer inside the dialog where one is open (`OfferReceived`), else to the INVITE."""
        found = self._find(session)
        if found is not None:
            found.accept(description, now, headers)

    def reject(self, session: int, status: int, now: float, *, reason: str = "", headers: Sequence[Header] = ()) -> None:
        """A final failure, to whatever `accept` would have answered; ``reason`` is the value of a Reason header (RFC 3326)."""
        found = self._find(session)
        if found is not None:
            found.reject(status, now, reason, headers)

    # -- our INVITE

    def invite(self, invitation: Invitation, now: float) -> int:
        """Place a call; returns its session. Raises `SipError` where the invitation cannot be put into a message."""
        session = OutgoingSession(self._core, invitation, now)
        return session.number

    def acknowledge(self, session: int, answer: SessionDescription, now: float, *, fork: str = "") -> None:
        """ACK with our answer, where `Accepted` brought the offer; PRACK, where `Progressed` of this fork did."""
        found = self._find(session)
        if isinstance(found, OutgoingSession):
            found.acknowledge(answer, now, fork)

    # -- both

    def reoffer(self, session: int, offer: SessionDescription, now: float, *, fork: str = "") -> None:
        """Offer something else, by re-INVITE, in an early dialog by UPDATE: `OfferAnswered` or `OfferRejected` follows."""
        found = self._find(session)
        if found is not None:
            found.reoffer(offer, now, fork)

    def session_id_of(self, session: int) -> str:
        """The UUID of who is at the other end, for `speak_for` in the session of who talks to him (RFC 7989); empty: not known."""
        found = self._core.sessions.get(session)
        return "" if found is None or found.session_id is None else found.session_id.remote

    def speak_for(self, session: int, uuid: str) -> None:
        """From now on say this UUID for our side: that of who is behind us."""
        found = self._core.sessions.get(session)
        if found is not None and found.session_id is not None and uuid:
            found.session_id.say(uuid)

    def info(self, session: int, content_type: str, body: bytes, now: float) -> None:
        """Send an INFO inside the dialog."""
        found = self._find(session)
        if found is not None:
            found.info(content_type, body, now)

    def end(self, session: int, now: float, *, reason: str = "", status: int = 0) -> None:
        """End a session: CANCEL, BYE, or a final failure (``status``, else 480) to their INVITE. No event follows."""
        found = self._find(session)
        if found is not None:
            found.end(now, reason, status)

    # -- transfers

    def session_of(self, replaces: Replaces) -> int | None:
        """The session that may be replaced so; None: refuse the INVITE with `replacement_refusal`."""
        try:
            return replaceable(self._core, replaces).number
        except SipError:
            return None

    def session_named(self, replaces: Replaces) -> int | None:
        """The session of this dialog, whatever its state: what a REFER may mean that we carry out ourselves."""
        found = named(self._core, replaces)
        return None if found is None else found.number

    def replacement_refusal(self, replaces: Replaces) -> int:
        """The status that an INVITE with this Replaces gets: 481, 486 or 603 (RFC 3891 §3); 0 where it may replace."""
        try:
            replaceable(self._core, replaces)
        except SipError as error:
            return error.status
        return 0

    def accept_refer(self, session: int, refer: int, now: float) -> None:
        """202 to a REFER, and the first NOTIFY with 100."""
        self._referrals.accept(refer, now)

    def notify_refer(self, session: int, refer: int, status: int, now: float) -> None:
        """Tell who referred how far it is; a final status ends the subscription. Also after the session's own end."""
        self._referrals.report(refer, status, now)

    def reject_refer(self, session: int, refer: int, status: int, now: float, *, reason: str = "") -> None:
        """A final failure to a REFER; ``reason`` is the value of a Reason header (RFC 3326)."""
        self._referrals.reject(refer, status, now, reason=reason)

    # -- their SUBSCRIBE

    def challenge_subscription(self, subscription: int, now: float, *, stale: bool = False, after: float = 0.0) -> None:
        """401 to a SUBSCRIBE, after so many seconds; the retry with credentials is a new `SubscribeReceived`."""

        def answer(now: float) -> None:
            found = self._subscriptions.find(subscription)
            if found is not None:
                asked = found.transaction
                challenges = self._registering.challenges(asked.request, asked.flow, now, stale=stale)
                found.refuse(401, now, tuple(("WWW-Authenticate", value) for value in challenges))

        self._core.late.say(answer, after, now)

    def accept_subscription(self, subscription: int, expires: int, now: float) -> None:
        """200 to a SUBSCRIBE, for ``expires`` seconds at most; `NotificationDue` follows."""
        found = self._subscriptions.find(subscription)
        if found is not None:
            found.accept(expires, now)

    def reject_subscription(self, subscription: int, status: int, now: float, *, headers: Sequence[Header] = ()) -> None:
        """A final failure to a SUBSCRIBE."""
        found = self._subscriptions.find(subscription)
        if found is not None:
            found.refuse(status, now, tuple(headers))

    def notify(self, subscription: int, content_type: str, body: bytes, now: float) -> None:
        """Tell a subscriber the state: at once, or as soon as the NOTIFY before was answered, and then the newest only."""
        found = self._subscriptions.find(subscription)
        if found is not None:
            found.notify(content_type, body, now)

    def end_subscription(self, subscription: int, reason: str, now: float) -> None:
        """End it from our side; ``reason`` is of RFC 6665 §4.1.3: ``noresource``, ``deactivated``, ``probation;retry-after=30``."""
        found = self._subscriptions.find(subscription)
        if found is not None:
            found.end(reason, now)

    def _find(self, session: int) -> Session | None:
        found = self._core.sessions.get(session)
        if found is None:
            self._core.count("command_too_late")
        return found
