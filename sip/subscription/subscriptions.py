"""All subscriptions of a user agent: SUBSCRIBEs led to theirs, or refused (RFC 6665).

A SUBSCRIBE inside the dialog of a session is for the REFER that came by it (RFC 3515 §2.4.4); other subscriptions have dialogs of
their own (RFC 6665 §4.5.2).
"""

from collections.abc import Sequence
from typing import Final

from sip.events import SubscribeReceived
from sip.headers import parse_parameters
from sip.message import Header
from sip.session.core import Core
from sip.subscription.reading import SubscribeError, read
from sip.subscription.subscription import Subscription
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow

_BUSY_SECONDS: Final = "60"


class Subscriptions:
    """The table."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._subscriptions: dict[int, Subscription] = {}
        self._by_dialog: dict[tuple[str, str], Subscription] = {}
        """By Call-ID and our tag."""
        self._last = 0

    def __len__(self) -> int:
        return len(self._subscriptions) + len(self._by_dialog)

    def receive(self, transaction: ServerTransaction, now: float) -> None:
        """A SUBSCRIBE outside the dialogs of sessions. Raises `SipError` for one that cannot be read."""
        try:
            if transaction.request.to.tag:
                self._receive_inside(transaction, now)
            else:
                self._receive_new(transaction, now)
        except SubscribeError as error:
            self.refuse(transaction, error.status, now, error.headers)

    def find(self, number: int) -> Subscription | None:
        """By the number that the owner knows; one that is over is counted."""
        found = self._subscriptions.get(number)
        if found is None:
            self.core.count("command_too_late")
        return found

    def flows(self) -> set[Flow]:
        """Those by which subscribers are told."""
        return {subscription.dialog.flow for subscription in self._subscriptions.values()}

    def flow_lost(self, flow: Flow) -> None:
        """A connection is gone: what comes next opens one to where the subscriber says that he is."""
        for subscription in self._subscriptions.values():
            if flow.is_reliable and subscription.dialog.flow == flow:
                subscription.dialog.lose_flow()

    def forget(self, subscription: Subscription) -> None:
        """It is over."""
        self._subscriptions.pop(subscription.number, None)
        self._by_dialog.pop((subscription.call_id, subscription.local_tag), None)

    def refuse(self, transaction: ServerTransaction, status: int, now: float, headers: Sequence[Header] = ()) -> None:
        """A final failure to a SUBSCRIBE that made no subscription."""
        self.core.count(f"subscribe_{status}")
        self.core.reply(transaction, status, now, to_tag=self.core.token(), headers=headers)

    def _receive_new(self, transaction: ServerTransaction, now: float) -> None:
        core, request = self.core, transaction.request
        if request.max_forwards == 0:
            return self.refuse(transaction, 483, now)
        wish = read(request, core.settings.subscriptions)
        if len(request.contacts) != 1:
            return self.refuse(transaction, 400, now)
        if len(self._subscriptions) >= core.settings.subscriptions.most:
            return self.refuse(transaction, 503, now, [("Retry-After", _BUSY_SECONDS)])
        subscription = Subscription(self, self._last + 1, transaction, wish, now)
        self._last = subscription.number
        self._subscriptions[subscription.number] = subscription
        self._by_dialog[subscription.call_id, subscription.local_tag] = subscription
        accept = tuple(parse_parameters(item)[0].lower() for item in request.items("Accept"))
        core.tell(SubscribeReceived(subscription.number, request, transaction.flow, wish.package, request.uri, accept, wish.expires))
        return None

    def _receive_inside(self, transaction: ServerTransaction, now: float) -> None:
        core, request = self.core, transaction.request
        found = self._by_dialog.get((request.call_id, request.to.tag))
        if found is None or found.dialog.remote_tag != request.from_.tag:
            return self.refuse(transaction, 481, now)
        dialog = found.dialog
        if dialog.remote_sequence is not None and request.cseq.number < dialog.remote_sequence:
            core.count("request_out_of_order")
            return self.refuse(transaction, 500, now)
        dialog.remote_sequence = request.cseq.number
        dialog.flow = transaction.flow
        wish = read(request, core.settings.subscriptions)
        if wish.event != found.event:
            # a second subscription in one dialog is not made any more (RFC 6665 §4.5.2)
            return self.refuse(transaction, 403, now)
        found.refresh(transaction, wish, now)
        return None
