"""REFERs inside the dialogs of sessions (RFC 3515): asked, accepted or refused by the owner, reported on until there is an end.

| State | What happens | Then |
|---|---|---|
| ASKED | the owner accepts: 202, and a NOTIFY with 100 (§2.4.4) | TOLD |
| ASKED | the same without a subscription (RFC 4488) | over |
| ASKED | the owner refuses, or says nothing for `PATIENCE` seconds (500) | over |
| TOLD | a provisional status: NOTIFY active | TOLD |
| TOLD | a final status, or nothing more within the lifetime: NOTIFY terminated | ENDING |
| TOLD | a SUBSCRIBE inside the dialog: 200, NOTIFY with the newest status; terminated where it takes back | TOLD or ENDING |
| TOLD, ENDING | a NOTIFY fails | over |
| ENDING | the last NOTIFY is answered | over |

The subscription outlives its session (RFC 5057): who refers and hangs up is told all the same.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from sip.events import ReferReceived
from sip.message import REASONS, Header
from sip.refer.reading import Reference, read
from sip.session.core import Core, reason_header
from sip.session.session import Session, State
from sip.subscription.notifying import Notification, Notifier
from sip.subscription.reading import allow_events, event_of
from sip.timers import Timer
from sip.transaction.server import ServerTransaction

if TYPE_CHECKING:
    from sip.dialog import Dialog

PATIENCE: Final = 10.0
"""Seconds that the owner has for an answer; the one who asks waits for 32."""
MOST_IN_SESSION: Final = 4
SIPFRAG: Final = "message/sipfrag;version=2.0"
_BUSY: Final = "10"


class Stage(Enum):
    """Where a referral is."""

    ASKED = auto()
    TOLD = auto()
    ENDING = auto()


class Referral:
    """One REFER."""

    def __init__(self, number: int, session: Session, dialog: "Dialog", transaction: ServerTransaction, reference: Reference, event: str):
        self.number = number
        self.session = session
        self.dialog = dialog
        self.transaction = transaction
        self.reference = reference
        self.event = event
        self.sequence = transaction.request.cseq.number
        self.stage = Stage.ASKED
        self.status = 100
        """The newest one that the referrer was told of."""
        self.notifier: Notifier | None = None
        self.timer: Timer | None = None
        self.expires_at = 0.0


class Referrals:
    """All REFERs that are not over."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._referrals: dict[int, Referral] = {}
        self._last = 0
        core.inside["REFER"] = self.receive
        core.inside["SUBSCRIBE"] = self.resubscribe

    def __len__(self) -> int:
        return len(self._referrals)

    def receive(self, session: Session, transaction: ServerTransaction, now: float) -> None:
        """A REFER inside a session's dialog. Raises `SipError` for one that cannot be read."""
        core, dialog = self._core, session.dialog
        if dialog is None or session.state is not State.CONFIRMED:
            return self._answer(transaction, session, 403, now)
        reference = read(transaction.request)
        others = sum(referral.session is session for referral in self._referrals.values())
        if others >= MOST_IN_SESSION:
            return self._answer(transaction, session, 503, now, [("Retry-After", _BUSY)])
        self._last += 1
        is_first = not session.was_referred
        session.was_referred = True
        # RFC 3515 §2.4.6: the first may go without an id, and there are phones that know none
        event = "refer" if is_first else f"refer;id={transaction.request.cseq.number}"
        referral = Referral(self._last, session, dialog, transaction, reference, event)
        self._referrals[referral.number] = referral
        referral.timer = core.timers.start(now + PATIENCE, _Clock(self, referral), "patience")
        core.tell(
            ReferReceived(session.number, referral.number, transaction.request, reference.target, reference.replaces, reference.referred_by)
        )
        return None

    def resubscribe(self, session: Session, transaction: ServerTransaction, now: float) -> None:
        """A SUBSCRIBE of somebody who referred, for longer or for no more (§2.4.4). Raises `ParseError`."""
        core, request = self._core, transaction.request
        package, number = event_of(request)
        if package != "refer":
            return self._answer(transaction, session, 489, now, [allow_events(core.settings.subscriptions)])
        lifetime = core.settings.refer_lifetime
        seconds = min(lifetime, lifetime if request.expires is None else request.expires)
        referral = self._told(session, number)
        if referral is None:
            return self._answer(transaction, session, 481, now)
        contact = core.contact(transaction.flow, is_sips=referral.dialog.is_sips)
        self._answer(transaction, session, 200, now, [contact, ("Expires", str(int(seconds)))])
        core.timers.stop(referral.timer)
        if seconds == 0:
            return self._end(referral, "timeout", now)
        self._run_until(referral, now + seconds)
        return self._report(referral, now)

    def accept(self, number: int, now: float) -> None:
        """202, and the first NOTIFY."""
        referral = self._find(number, Stage.ASKED)
        if referral is None:
            return
        core = self._core
        wants = referral.reference.wants_notifications
        contact = core.contact(referral.transaction.flow, is_sips=referral.dialog.is_sips)
        headers: list[Header] = [contact, *([] if wants else [("Refer-Sub", "false")])]
        core.timers.stop(referral.timer)
        self._answer(referral.transaction, referral.session, 202, now, headers)
        if not wants:
            return self._forget(referral)
        referral.stage = Stage.TOLD
        self._run_until(referral, now + core.settings.refer_lifetime)
        referral.notifier = Notifier(
            core, referral.dialog, referral.event, referral.session.credentials, lambda now, failed: self._over(number, failed=failed)
        )
        self._report(referral, now)

    def report(self, number: int, status: int, now: float) -> None:
        """What the reference came to so far; a final status ends the subscription."""
        referral = self._find(number, Stage.TOLD)
        if referral is None:
            return
        if status < 200 and referral.status == status:
            return
        referral.status = status
        self._report(referral, now)

    def reject(self, number: int, status: int, now: float, *, reason: str = "") -> None:
        """A final failure to the REFER."""
        referral = self._find(number, Stage.ASKED)
        if referral is not None:
            self._answer(referral.transaction, referral.session, status, now, reason_header(reason))
            self._forget(referral)

    def patience_over(self, referral: Referral, now: float) -> None:
        """The owner said nothing."""
        self._core.count("refer_not_answered_by_owner")
        self.reject(referral.number, 500, now)

    def expire(self, referral: Referral, now: float) -> None:
        """The subscription's time is up before there was an end."""
        self._core.count("refer_expired")
        self._end(referral, "timeout", now)

    def _run_until(self, referral: Referral, end: float) -> None:
        referral.expires_at = end
        referral.timer = self._core.timers.start(end, _Clock(self, referral), "expiry")

    def _report(self, referral: Referral, now: float) -> None:
        if referral.status >= 200:
            return self._end(referral, "noresource", now)
        left = max(1, round(referral.expires_at - now))
        assert referral.notifier is not None
        referral.notifier.tell(Notification(f"active;expires={left}", SIPFRAG, _fragment(referral.status)), now)

    def _end(self, referral: Referral, reason: str, now: float) -> None:
        referral.stage = Stage.ENDING
        self._core.timers.stop(referral.timer)
        assert referral.notifier is not None
        referral.notifier.tell(Notification(f"terminated;reason={reason}", SIPFRAG, _fragment(referral.status), is_last=True), now)

    def _over(self, number: int, *, failed: bool) -> None:
        if failed:
            self._core.count("refer_subscription_lost")
        self._forget(self._referrals[number])

    def _forget(self, referral: Referral) -> None:
        self._core.timers.stop(referral.timer)
        self._referrals.pop(referral.number, None)

    def _told(self, session: Session, number: str) -> Referral | None:
        """The referral of a session that an event id names; the session's first one may go without."""
        event = f"refer;id={number}" if number else "refer"
        for referral in self._referrals.values():
            if referral.session is session and referral.stage is Stage.TOLD and event in (referral.event, f"refer;id={referral.sequence}"):
                return referral
        return None

    def _find(self, number: int, stage: Stage) -> Referral | None:
        found = self._referrals.get(number)
        if found is None or found.stage is not stage:
            self._core.count("command_too_late")
            return None
        return found

    def _answer(self, transaction: ServerTransaction, session: Session, status: int, now: float, headers: Sequence[Header] = ()) -> None:
        self._core.count(f"refer_{status}")
        self._core.reply(transaction, status, now, to_tag=session.local_tag, headers=headers)


class _Clock:
    """The timer of one referral."""

    __slots__ = ("_referral", "_referrals")

    def __init__(self, referrals: Referrals, referral: Referral) -> None:
        self._referrals = referrals
        self._referral = referral

    def fired(self, name: str, now: float) -> None:
        """Time is up: for the owner's answer, or for the subscription."""
        if name == "patience":
            self._referrals.patience_over(self._referral, now)
        else:
            self._referrals.expire(self._referral, now)


def _fragment(status: int) -> bytes:
    """A status line as message/sipfrag (RFC 3420)."""
    return f"SIP/2.0 {status} {REASONS.get(status, 'Unknown')}\r\n".encode()
