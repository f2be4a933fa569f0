"""The NOTIFYs of one subscription, one at a time (RFC 6665 §4.2.2).

A newer state that comes while a NOTIFY is under way waits behind it, and replaces the one that waited before: a slow subscriber
skips states, and the newest one always reaches him. With an interval, NOTIFYs are that far apart, but for the last. What an answer means:

- 2xx: the one that waits goes out.
- a failure with Retry-After: the subscription stays; the newest state is sent again then.
- any other failure, and none at all: the subscription is gone, and nothing more is sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sip.dialog import Dialog
from sip.errors import ParseError
from sip.headers import parse_number
from sip.message import HIGHEST_SECONDS, Header, Response
from sip.session.asking import request_in
from sip.session.core import Core, with_body
from sip.session.exchange import Credentials, Exchange
from sip.timers import Timer
from sip.transport.flow import Flow

LONGEST_RETRY: Final = 60
"""Seconds that a subscriber's Retry-After can hold us up."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A state to be told."""

    state: str
    """The Subscription-State value."""
    content_type: str = ""
    body: bytes = b""
    is_last: bool = False


class Notifier:
    """Sends notifications inside a dialog. ``over(now, failed)`` is called once: when the last one was answered, or one failed."""

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        event: str,
        credentials: Credentials | None,
        over: Callable[[float, bool], None],
        interval: float = 0.0,
    ) -> None:
        """``interval``: seconds from one NOTIFY to the next."""
        self._core = core
        self._dialog = dialog
        self._event = event
        self._credentials = credentials
        self._over = over
        self._interval = interval
        self._is_over = False
        self._under_way: Exchange | None = None
        self._sent: Notification | None = None
        self._waiting: Notification | None = None
        self._earliest = 0.0
        """When the next one may go."""
        self._must_wait = False
        """The subscriber asked for the pause, so that it holds for the last one too."""
        self._timer: Timer | None = None

    def tell(self, notification: Notification, now: float) -> None:
        """Send a state, now or as soon as it may go. After a last one, nothing is taken any more."""
        ends = (self._sent is not None and self._sent.is_last) or (self._waiting is not None and self._waiting.is_last)
        if self._is_over or ends:
            return
        if self._waiting is not None:
            self._core.count("notifies_coalesced")
        self._waiting = notification
        self._go_on(now)

    def hurry(self) -> None:
        """The next one need not keep its distance: the subscriber asked for it."""
        if not self._must_wait:
            self._earliest = 0.0

    def stop(self) -> None:
        """Send nothing more; the owner is not called any more."""
        self._is_over = True
        self._waiting = None
        if self._under_way is not None:
            self._under_way.is_abandoned = True
        self._core.timers.stop(self._timer)

    def responded(self, exchange: Exchange, response: Response, flow: Flow, now: float) -> None:
        """From the exchange: an answer."""
        if response.status < 200 or self._is_over:
            return
        self._under_way = None
        self._dialog.flow = flow
        if response.status < 300:
            self._dialog.refresh_target(response)
            return self._go_on(now)
        self._core.count(f"notify_{response.status}")
        pause = _retry_after(response)
        if pause is None:
            return self._end(now, failed=True)
        self._waiting = self._waiting or self._sent
        self._sent = None
        self._earliest = now + pause
        self._must_wait = True
        return self._go_on(now)

    def failed(self, exchange: Exchange, cause: str, now: float) -> None:
        """From the exchange: no answer."""
        self._under_way = None
        if not self._is_over:
            self._core.count(f"notify_{cause}")
            self._end(now, failed=True)

    def fired(self, name: str, now: float) -> None:
        """The pause is over."""
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        """Send what waits, if it may go; end after the last one."""
        waiting = self._waiting
        if self._under_way is not None:
            return
        if waiting is None:
            if self._sent is not None and self._sent.is_last:
                self._end(now, failed=False)
        elif now < self._earliest and (self._must_wait or not waiting.is_last):
            self._core.timers.stop(self._timer)
            self._timer = self._core.timers.start(self._earliest, self, "pause")
        else:
            self._core.timers.stop(self._timer)
            self._waiting = None
            self._send(waiting, now)

    def _send(self, notification: Notification, now: float) -> None:
        dialog, core = self._dialog, self._core
        headers: list[Header] = [
            core.contact(dialog.next_hop(), is_sips=dialog.is_sips),
            ("Event", self._event),
            ("Subscription-State", notification.state),
            *with_body(notification.body, notification.content_type),
        ]
        self._sent = notification
        self._earliest = now + self._interval
        self._must_wait = False
        request, flow = request_in(core, dialog, "NOTIFY", dialog.next_sequence(), headers, notification.body)
        core.count("notifies_sent")
        self._under_way = Exchange(core, request, (flow,), self, self._credentials, dialog.next_sequence, now)

    def _end(self, now: float, *, failed: bool) -> None:
        self.stop()
        self._over(now, failed)


def _retry_after(response: Response) -> float | None:
    """Seconds after which to try again, within bounds; None where the subscriber says nothing."""
    value = response.header("Retry-After")
    if value is None:
        return None
    try:
        seconds = parse_number(value.partition(";")[0].partition("(")[0], "Retry-After", HIGHEST_SECONDS)
    except ParseError:
        return None
    return max(1, min(seconds, LONGEST_RETRY))
