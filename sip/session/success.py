"""Our 2xx to an INVITE on its way to be acknowledged (RFC 3261 §13.3.1.4)."""

from typing import TYPE_CHECKING, Final

from sip.session.core import Core
from sip.transaction.server import ServerTransaction

if TYPE_CHECKING:
    from sip.session.session import Session

_AGAIN: Final = "again"
_GIVE_UP: Final = "give_up"


class Success:
    """Retransmits the 2xx from T1 up to every T2, on any transport, until stopped; gives up after 64 T1."""

    __slots__ = ("_core", "_data", "_give_up", "_interval", "_session", "_timer", "_transaction", "holds_offer", "sequence")

    def __init__(
        self,
        core: Core,
        session: "Session",
        data: bytes,
        transaction: ServerTransaction,
        sequence: int,
        now: float,
        *,
        holds_offer: bool,
    ) -> None:
        self._core = core
        self._session = session
        self._data = data
        self._transaction = transaction
        self.sequence = sequence
        self.holds_offer = holds_offer
        """The INVITE made no offer, so the 2xx did, and its ACK brings the answer."""
        self._interval = core.intervals.t1
        self._timer = core.timers.start(now + self._interval, self, _AGAIN)
        self._give_up = core.timers.start(now + core.intervals.give_up, self, _GIVE_UP)

    def stop(self) -> None:
        """The ACK came, or nobody waits for it any more."""
        self._core.timers.stop(self._timer)
        self._core.timers.stop(self._give_up)

    def fired(self, name: str, now: float) -> None:
        """One of the two timers."""
        if name == _GIVE_UP:
            self.stop()
            return self._session.not_acknowledged(self, now)
        self._core.count("retransmitted_success")
        self._core.send(self._data, self._transaction.flow)
        self._interval = min(self._interval * 2, self._core.intervals.t2)
        self._timer = self._core.timers.start(now + self._interval, self, _AGAIN)
        return None
