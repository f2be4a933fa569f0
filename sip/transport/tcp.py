"""TCP connections of a user agent: accepted and opened, each framed, bounded in number, buffers and patience."""

import asyncio
import socket
from typing import Final, Protocol, cast

from sip.transport.flow import Address, Flow
from sip.transport.framing import PONG, Framer
from sip.transport.sockets import address_of, family_of, is_wildcard, mark

WRITE_LIMIT: Final = 262_144
"""Octets that wait for a slow reader before his connection is cut."""
WAITING_LIMIT: Final = 64
"""Messages that wait for a connection to be made."""
CONNECT_PATIENCE: Final = 10.0
MESSAGE_PATIENCE: Final = 32.0
"""Seconds for a message to become whole, and for the first one to come."""
IDLE_PATIENCE: Final = 7200.0
"""Seconds without a sign of life; twice the longest registration."""
SWEEP_SECONDS: Final = 5.0


class ConnectionOwner(Protocol):
    """Who is told what connections do."""

    def arrived(self, messages: list[bytes], flow: Flow) -> None:
        """Whole messages came."""

    def lost(self, flows: set[Flow]) -> None:
        """Nothing can be sent to these flows any more."""

    def count(self, reason: str) -> None:
        """Add one to a counter."""


class TcpConnection(asyncio.Protocol):
    """One connection, from the moment it is wanted."""

    def __init__(self, pool: "TcpConnections", remote: Address | None = None) -> None:
        self._pool = pool
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self.remote: Address = remote or ("", 0)
        self.flow: Flow | None = None
        self.aliases: set[Flow] = set()
        """Every flow by which it was addressed."""
        self.last_sign = asyncio.get_running_loop().time()
        self._has_spoken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the name.
        transport = cast("asyncio.Transport", transport)
        self._transport = transport
        mark(transport.get_extra_info("socket"))
        if self.remote == ("", 0):
            name = transport.get_extra_info("peername")
            if name is None:
                # Reset before it was taken: nobody is there any more.
                self._pool.owner.count("tcp_gone_at_once")
                return transport.abort()
            self.remote = address_of(name)
        self.flow = Flow("tcp", address_of(transport.get_extra_info("sockname")), self.remote)
        self.aliases.add(self.flow)
        if not self._pool.admit(self):
            return transport.abort()
        for data in self._waiting:
            transport.write(data)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._transport.is_closing():
            return
        assert self.flow is not None
        messages = self._framer.feed(data)
        if messages or self._framer.pings or not self._framer.is_waiting:
            self.last_sign = asyncio.get_running_loop().time()
            self._has_spoken = True
        for _ in range(self._framer.pings):
            self.send(PONG)
        self._framer.pings = 0
        if self._framer.skipped:
            self._pool.owner.count("tcp_octets_skipped")
            self._framer.skipped = 0
        if messages:
            self._pool.owner.arrived(messages, self.flow)
        if self._framer.broken:
            self._pool.owner.count(f"tcp_broken_{self._framer.broken}")
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._pool.forget(self)

    def send(self, data: bytes) -> None:
        """Send, or keep until there is a connection."""
        if self._transport is None:
            if len(self._waiting) >= WAITING_LIMIT:
                return self._pool.owner.count("tcp_connecting_queue_full")
            return self._waiting.append(data)
        if self._transport.is_closing():
            return self._pool.owner.count("tcp_connection_gone")
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > WRITE_LIMIT:
            self._pool.owner.count("tcp_slow_reader")
            self._transport.abort()
        return None

    def is_overdue(self, now: float) -> bool:
        """Whether its other end has been silent, or in the middle of a message, for too long."""
        patience = IDLE_PATIENCE if self._has_spoken and not self._framer.is_waiting else MESSAGE_PATIENCE
        return self._transport is not None and now - self.last_sign > patience

    def abort(self) -> None:
        """Cut it."""
        if self._transport is not None:
            self._transport.abort()


class TcpConnections:
    """All connections, by remote address, and the listening socket."""

    def __init__(self, owner: ConnectionOwner, limit: int) -> None:
        self.owner = owner
        self._limit = limit
        self._connections: dict[Address, TcpConnection] = {}
        self._server: asyncio.Server | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self.address: Address = ("", 0)

    def __len__(self) -> int:
        return len(self._connections)

    async def open(self, host: str, port: int, tasks: asyncio.TaskGroup) -> None:
        """Listen. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        self._tasks = tasks
        # asyncio would make an IPv6 listener deaf to IPv4, also where it is to hear every address.
        listener = socket.create_server((host, port), family=family_of(host), dualstack_ipv6=host == "::")
        self._server = await loop.create_server(lambda: TcpConnection(self), sock=listener)
        self.address = address_of(self._server.sockets[0].getsockname())
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)

    def send(self, data: bytes, flow: Flow) -> None:
        """Send over the flow's connection, or open one where the flow has no local port yet."""
        connection = self._connections.get(flow.remote)
        if connection is None:
            if flow.local[1] != 0 or self._tasks is None:
                self.owner.count("tcp_connection_gone")
                return self.owner.lost({flow})
            if len(self._connections) >= self._limit:
                self.owner.count("tcp_connection_limit")
                return self.owner.lost({flow})
            connection = self._connections[flow.remote] = TcpConnection(self, flow.remote)
            self._tasks.create_task(self._connect(connection))
        connection.aliases.add(flow)
        connection.send(data)
        return None

    def admit(self, connection: TcpConnection) -> bool:
        """Take a connection that was made into the table; False where it is full."""
        known = self._connections.get(connection.remote)
        if known is not connection and len(self._connections) >= self._limit:
            self.owner.count("tcp_connection_limit")
            return False
        self._connections[connection.remote] = connection
        return True

    def forget(self, connection: TcpConnection) -> None:
        """It is closed."""
        if self._connections.get(connection.remote) is connection:
            del self._connections[connection.remote]
        self.owner.lost(connection.aliases)

    def close(self) -> None:
        """Cut all connections and stop listening."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections.values()):
            connection.abort()

    async def _connect(self, connection: TcpConnection) -> None:
        loop = asyncio.get_running_loop()
        local = None if is_wildcard(self.address[0]) else (self.address[0], 0)
        try:
            async with asyncio.timeout(CONNECT_PATIENCE):
                await loop.create_connection(lambda: connection, *connection.remote, local_addr=local)
        except OSError:  # TimeoutError is one
            self.owner.count("tcp_connect_failed")
            self.forget(connection)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in [each for each in self._connections.values() if each.is_overdue(loop.time())]:
            self.owner.count("tcp_overdue")
            connection.abort()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)
