"""One subscription, from the SUBSCRIBE that asks for it to the answer to its last NOTIFY (RFC 6665 §4.2).

| Stage | What happens | Then |
|---|---|---|
| ASKED | accepted: 200; the owner is asked for the state | ACTIVE; CLOSING where it was for once (Expires: 0) |
| ASKED | refused, challenged, or the owner says nothing for `PATIENCE` seconds (500) | OVER |
| ACTIVE | a state: NOTIFY active | ACTIVE |
| ACTIVE | refreshed: 200; the owner is asked for the state | ACTIVE; CLOSING with Expires: 0 |
| ACTIVE | its time is up; the owner is asked for the state | CLOSING |
| ACTIVE | ended by the owner: NOTIFY terminated | ENDING |
| CLOSING | a state: NOTIFY terminated with it; without one after `PATIENCE` seconds | ENDING |
| ENDING | the last NOTIFY is answered | OVER |
| ACTIVE, CLOSING, ENDING | a NOTIFY fails | OVER |
"""

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from sip.dialog import Dialog
from sip.events import NotificationDue, SubscriptionEnded
from sip.message import Header
from sip.responding import tagged
from sip.subscription.notifying import Notification, Notifier
from sip.subscription.reading import Wish, allow_events
from sip.timers import Timer
from sip.transaction.server import ServerTransaction

if TYPE_CHECKING:
    from sip.subscription.subscriptions import Subscriptions

PATIENCE: Final = 10.0
"""Seconds that the owner has for an answer; the one who asks waits for 32."""
_TIMEOUT: Final = "timeout"


class Stage(Enum):
    """Where a subscription is."""

    ASKED = auto()
    ACTIVE = auto()
    CLOSING = auto()
    """The next state is the last that is told."""
    ENDING = auto()
    """It was told."""
    OVER = auto()


class Subscription:
    """One subscription and its dialog."""

    def __init__(self, table: "Subscriptions", number: int, transaction: ServerTransaction, wish: Wish, now: float) -> None:
        """Raises `ParseError` where the request's routes cannot be read."""
        core = table.core
        request = transaction.request
        self._table = table
        self._core = core
        self._transaction = transaction
        self._wish = wish
        self.number = number
        self.stage = Stage.ASKED
        self.local_tag = core.token()
        local = tagged(request.values("To")[0], self.local_tag)
        self.dialog = Dialog.from_request(request, local, self.local_tag, transaction.flow, core.below(2**16))
        self.call_id = request.call_id
        self.event = wish.event
        self._notifier = Notifier(core, self.dialog, wish.event, None, self._notifier_over, core.settings.subscriptions.interval)
        self._expires_at = 0.0
        self._timer: Timer | None = core.timers.start(now + PATIENCE, self, "patience")

    @property
    def transaction(self) -> ServerTransaction:
        """The SUBSCRIBE that made it."""
        return self._transaction

    def accept(self, longest: int, now: float) -> None:
        """200, and from then on NOTIFYs."""
        if self.stage is not Stage.ASKED:
            return self._core.count("command_too_late")
        self._grant(self._transaction, min(self._wish.expires, longest), now)

    def refuse(self, status: int, now: float, headers: tuple[Header, ...] = ()) -> None:
        """A final failure; it is over."""
        if self.stage is not Stage.ASKED:
            return self._core.count("command_too_late")
        self._core.count(f"subscribe_{status}")
        self._core.reply(self._transaction, status, now, to_tag=self.local_tag, headers=headers)
        self._close()

    def refresh(self, transaction: ServerTransaction, wish: Wish, now: float) -> None:
        """A SUBSCRIBE inside the dialog."""
        if self.stage is not Stage.ACTIVE:
            return self._table.refuse(transaction, 481, now)
        self.dialog.refresh_target(transaction.request)
        self._grant(transaction, wish.expires, now)

    def notify(self, content_type: str, body: bytes, now: float) -> None:
        """Tell the state."""
        match self.stage:
            case Stage.ACTIVE:
                left = max(1, round(self._expires_at - now))
                self._notifier.tell(Notification(f"active;expires={left}", content_type, body), now)
            case Stage.CLOSING:
                self._finish(Notification(f"terminated;reason={_TIMEOUT}", content_type, body, is_last=True), now)
                self._core.tell(SubscriptionEnded(self.number))
            case _:
                self._core.count("command_too_late")

    def end(self, reason: str, now: float) -> None:
        """The owner ends it."""
        match self.stage:
            case Stage.ACTIVE | Stage.CLOSING:
                self._finish(Notification(f"terminated;reason={reason}", is_last=True), now)
            case _:
                self._core.count("command_too_late")

    def fired(self, name: str, now: float) -> None:
        """Time is up: for the owner's answer, for the subscription, or for its last state."""
        match self.stage:
            case Stage.ASKED:
                self._core.count("subscribe_not_answered_by_owner")
                self.refuse(500, now)
            case Stage.ACTIVE:
                self._core.count("subscription_expired")
                self._ask_for_the_last(now)
            case Stage.CLOSING:
                self._core.count("last_state_not_told_by_owner")
                self.notify("", b"", now)
            case _:
                pass

    def _grant(self, transaction: ServerTransaction, expires: int, now: float) -> None:
        core = self._core
        core.timers.stop(self._timer)
        record = [("Record-Route", value) for value in transaction.request.values("Record-Route")]
        headers = [
            *record,
            core.contact(transaction.flow, is_sips=self.dialog.is_sips),
            ("Expires", str(expires)),
            allow_events(core.settings.subscriptions),
        ]
        core.count("subscribe_200")
        core.reply(transaction, 200, now, to_tag=self.local_tag, headers=headers)
        self._notifier.hurry()
        if expires == 0:
            return self._ask_for_the_last(now)
        self.stage = Stage.ACTIVE
        self._expires_at = now + expires
        self._timer = core.timers.start(self._expires_at, self, "expiry")
        core.tell(NotificationDue(self.number))

    def _ask_for_the_last(self, now: float) -> None:
        self.stage = Stage.CLOSING
        self._timer = self._core.timers.start(now + PATIENCE, self, "patience")
        self._core.tell(NotificationDue(self.number))

    def _finish(self, last: Notification, now: float) -> None:
        self.stage = Stage.ENDING
        self._core.timers.stop(self._timer)
        self._notifier.tell(last, now)

    def _notifier_over(self, now: float, failed: bool) -> None:
        if failed:
            self._core.count("subscription_lost")
        if self.stage is not Stage.ENDING:
            self._core.tell(SubscriptionEnded(self.number))
        self._close()

    def _close(self) -> None:
        self.stage = Stage.OVER
        self._core.timers.stop(self._timer)
        self._table.forget(self)
