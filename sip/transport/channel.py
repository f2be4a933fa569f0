"""What one connection carries: SIP messages in a framing, with TLS below it or without. Sans-IO.

After each call the shell writes what `outgoing` gives. Messages that are to be sent before the handshakes are done wait here, a bounded
number of them. When `problem` is set, the connection is to be closed after that.
"""

from collections.abc import Callable
from typing import Final

from sip.transport.framing import Framing
from sip.transport.keepalive import KeepAlive, Pulse
from sip.transport.tls import TlsLayer

WAITING_LIMIT: Final = 64
"""Messages that wait for a connection to be made."""
MESSAGE_PATIENCE: Final = 32.0
"""Seconds for a message to become whole, and for the first one to come."""
IDLE_PATIENCE: Final = 7200.0
"""Seconds without a sign of life; twice the longest registration."""


class Channel:
    """One connection's layers."""

    def __init__(self, framing: Framing, tls: TlsLayer | None, keep_alive: KeepAlive, now: float) -> None:
        self._framing = framing
        self._tls = tls
        self._keep_alive = keep_alive
        self._waiting: list[bytes] = []
        self._outgoing = bytearray()
        self._has_spoken = False
        self._last_sign = now
        self._is_open = False
        self.problem = ""
        """Why it is to be closed: ``closed`` where the peer wishes it; empty while it is not."""
        self.skipped = False
        """Octets came that were no message; whoever looks resets it."""
        self.admits_ping: Callable[[], bool] = lambda: True
        """Whether one more ping of the peer may be answered."""

    @property
    def is_ready(self) -> bool:
        """Whether all handshakes are done."""
        return self._is_open and (self._tls is None or self._tls.is_ready) and self._framing.is_ready

    @property
    def names(self) -> tuple[str, ...]:
        """In the peer's verified certificate."""
        return self._tls.names if self._tls is not None else ()

    @property
    def detail(self) -> str:
        """More about `problem`, for people."""
        return self._tls.detail if self._tls is not None else ""

    def opened(self, *, by_us: bool) -> None:
        """The connection is made; the side that made it begins with TLS."""
        self._is_open = True
        if self._tls is not None and by_us:
            self._tls.start()
        self._flush()

    def receive(self, data: bytes, now: float) -> list[bytes]:
        """Take what was read; the messages in it."""
        if self.problem:
            return []
        framing = self._framing
        plain = data if self._tls is None else self._tls.receive(data)
        messages = framing.feed(plain) if plain else []
        self._heard(bool(plain), bool(messages), now)
        self.skipped = self.skipped or framing.skipped > 0
        framing.skipped = 0
        framing.pings = self._admitted(framing.pings)
        self._push(framing.replies())
        self.problem = self._problem()
        self._flush()
        return messages

    def send(self, message: bytes) -> bool:
        """Send, or keep until there is a connection; False where too many wait."""
        if self.is_ready:
            self._push(self._framing.frame(message))
        elif len(self._waiting) >= WAITING_LIMIT:
            return False
        else:
            self._waiting.append(message)
        return True

    def close(self) -> None:
        """Say goodbye, as far as the layers have words for it."""
        if self.is_ready:
            self._push(self._framing.farewell())
        if self._tls is not None:
            self._tls.close()

    def check(self, now: float) -> str:
        """Why it must be given up now, or empty; pings are sent. To be asked every few seconds."""
        patience = IDLE_PATIENCE if self._has_spoken and not self._framing.is_waiting else MESSAGE_PATIENCE
        if self._is_open and now - self._last_sign > patience:
            return "overdue"
        if not self.is_ready:
            return ""
        match self._keep_alive.check(now):
            case Pulse.DEAD:
                return "pong_missing"
            case Pulse.PING:
                self._push(self._framing.ping())
            case Pulse.NOTHING:
                pass
        return ""

    def outgoing(self) -> bytes:
        """What is to be written; told once."""
        if self._tls is not None:
            return self._tls.outgoing()
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def _admitted(self, pings: int) -> int:
        """So many of these pings are answered; after the first one that may not be, none is."""
        return next((number for number in range(pings) if not self.admits_ping()), pings)

    def _problem(self) -> str:
        if (broken := self._framing.broken) and broken != "closed":
            return f"broken_{broken}"
        return broken or (self._tls.problem if self._tls is not None else "")

    def _heard(self, is_plain: bool, is_whole: bool, now: float) -> None:
        """Half a message is no sign of life, else one that trickles in would hold the connection for ever."""
        if is_plain:
            self._keep_alive.heard(now, is_pong=self._framing.pongs > 0)
            self._framing.pongs = 0
        if is_whole or (is_plain and self._framing.is_ready and not self._framing.is_waiting):
            self._last_sign = now
            self._has_spoken = True

    def _flush(self) -> None:
        if self.is_ready and self._waiting:
            waiting, self._waiting = self._waiting, []
            for message in waiting:
                self._push(self._framing.frame(message))

    def _push(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.send(data)
        else:
            self._outgoing += data
