"""One connection as asyncio sees it: bytes go to its channel, what that has to say is written, and a reader too slow for it is cut off."""

import asyncio
import socket
from functools import partial
from typing import Final, Protocol, cast

from sip.transport.channel import Channel
from sip.transport.flow import Address, Flow
from sip.transport.listeners import Listener
from sip.transport.sockets import address_of, mark

WRITE_LIMIT: Final = 262_144
"""Octets that wait for a slow reader before his connection is cut."""
UNACKNOWLEDGED_MS: Final = 30_000
"""How long the system goes on sending to a peer who has vanished, before it gives the connection up."""


class ConnectionUser(Protocol):
    """Who keeps connections."""

    def admit(self, connection: "Connection") -> bool:
        """It was made; False: cut it."""

    def shaken(self, connection: "Connection") -> None:
        """Its handshakes are done."""

    def admits_ping(self, connection: "Connection") -> bool:
        """Whether one more ping may be answered."""

    def arrived(self, connection: "Connection", messages: list[bytes]) -> None:
        """Whole messages came."""

    def forget(self, connection: "Connection") -> None:
        """It is closed."""

    def count(self, reason: str) -> None:
        """Add one to a counter."""


class Connection(asyncio.Protocol):
    """One connection, from the moment it is wanted: by a peer at a listener, or by us (``target``).

    The invariant: after each call into the channel, write what it has to say, and close where it says so.
    """

    def __init__(self, user: ConnectionUser, channel: Channel, listener: Listener | None, target: Flow | None = None) -> None:
        self._user = user
        self.channel = channel
        self.listener = listener
        """None: we opened it."""
        self.target = target
        self.transport: asyncio.Transport | None = None
        self.flow: Flow | None = None
        self.kind = target.transport if target is not None else listener.transport if listener is not None else "tcp"
        self.aliases: set[Flow] = set() if target is None else {target}
        """Every flow by which it was addressed."""
        self.is_shaking = True
        self.is_admitted = False
        self.alarm: asyncio.TimerHandle | None = None
        """Rings when its handshakes have taken too long."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the name.
        transport = cast("asyncio.Transport", transport)
        self.transport = transport
        name = transport.get_extra_info("peername")
        if name is None and self.target is None:
            # Reset before it was taken: nobody is there any more.
            self._user.count(f"{self.kind}_gone_at_once")
            return transport.abort()
        _prepare(transport.get_extra_info("socket"))
        remote: Address = address_of(name) if self.target is None else self.target.remote
        self.flow = Flow(
            self.kind, address_of(transport.get_extra_info("sockname")), remote, self.target.name if self.target is not None else ""
        )
        self.aliases.add(self.flow)
        if not self._user.admit(self):
            return transport.abort()
        self.channel.admits_ping = partial(self._user.admits_ping, self)
        self.channel.opened(by_us=self.target is not None)
        self._settle()

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        if self.transport.is_closing():
            return
        messages = self.channel.receive(data, asyncio.get_running_loop().time())
        if self.channel.skipped:
            self._user.count(f"{self.kind}_octets_skipped")
            self.channel.skipped = False
        self._settle()
        if messages:
            self._user.arrived(self, messages)
        if self.channel.problem and not self.transport.is_closing():
            self.close("" if self.channel.problem == "closed" else self.channel.problem)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._user.forget(self)

    def send(self, message: bytes) -> None:
        """Send, or keep until there is a connection."""
        if self.transport is not None and self.transport.is_closing():
            return self._user.count(f"{self.kind}_connection_gone")
        if not self.channel.send(message):
            return self._user.count(f"{self.kind}_connecting_queue_full")
        self._settle()
        return None

    def check(self, now: float) -> None:
        """Let the channel look at the time."""
        reason = self.channel.check(now)
        self._settle()
        if reason:
            self._user.count(f"{self.kind}_{reason}")
            self.abort()

    def close(self, reason: str) -> None:
        """Say goodbye and close when it is written; ``reason`` is counted where there is one."""
        if reason:
            self._user.count(f"{self.kind}_{reason}")
        self.channel.close()
        self._settle()
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Cut it."""
        if self.transport is not None:
            self.transport.abort()

    def _settle(self) -> None:
        """Write; tell when the handshakes are done."""
        if self.transport is None or self.transport.is_closing():
            return
        if data := self.channel.outgoing():
            self.transport.write(data)
            if self.transport.get_write_buffer_size() > WRITE_LIMIT:
                self._user.count(f"{self.kind}_slow_reader")
                self.transport.abort()
        if self.is_shaking and self.channel.is_ready:
            self.is_shaking = False
            self._user.shaken(self)


def _prepare(sock: socket.socket) -> None:
    mark(sock)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
