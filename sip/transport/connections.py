"""All connections of a user agent: accepted at listeners and opened by us, one for each place and name, bounded in number and patience."""

import asyncio
import socket
from functools import partial
from typing import Final, Protocol

import structlog

from sip.transport.admission import Admission
from sip.transport.certificates import Certificates
from sip.transport.channel import Channel
from sip.transport.connection import Connection
from sip.transport.flow import Address, Flow
from sip.transport.framing import PING, Framer, Framing
from sip.transport.keepalive import KeepAlive
from sip.transport.listeners import Listener, ListenFailed, TransportSettings
from sip.transport.sockets import NoSource, address_of, family_of, source_toward
from sip.transport.tls import TlsLayer
from sip.transport.websocket import WebSocketFraming

CONNECT_PATIENCE: Final = 10.0
SWEEP_SECONDS: Final = 2.0
WEBSOCKETS: Final = ("ws", "wss")
SECURE: Final = ("tls", "wss")

Place = tuple[str, Address, str]
"""Transport, remote address, and the name that is asked for there."""

_log = structlog.get_logger(__name__)


class ConnectionOwner(Protocol):
    """Who is told what connections do."""

    def admits(self, data: bytes, flow: Flow) -> bool:
        """Whether a keep-alive may be answered."""

    def shuts_out(self, flow: Flow) -> bool:
        """Whether there is to be no connection with the other end."""

    def unneeded(self, flows: list[Flow]) -> list[Flow]:
        """Those of these flows that could end without harm."""

    def arrived(self, messages: list[bytes], flow: Flow) -> None:
        """Whole messages came."""

    def lost(self, flows: set[Flow]) -> None:
        """Nothing can be sent to these flows any more."""

    def count(self, reason: str) -> None:
        """Add one to a counter."""


class Connections:
    """The table, and the listening sockets."""

    def __init__(self, owner: ConnectionOwner, settings: TransportSettings, certificates: Certificates | None) -> None:
        self._owner = owner
        self._settings = settings
        self._certificates = certificates
        self._admission = Admission(
            listener=settings.max_connections, source=settings.max_connections_per_source, handshakes=settings.max_handshakes
        )
        self._by_flow: dict[Flow, Connection] = {}
        """Those that are made."""
        self._by_place: dict[Place, Connection] = {}
        """The same, and those that we are about to open, by where they lead to."""
        self._opened = 0
        self._servers: list[asyncio.Server] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self.hosts: list[str] = []
        """Addresses of ours that connections may come from."""

    def __len__(self) -> int:
        return len(self._by_flow)

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Connections may be opened from now on."""
        self._tasks = tasks
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    async def listen(self, listener: Listener) -> Listener:
        """Listen; returns the listener with its port. Raises `ListenFailed`."""
        loop = asyncio.get_running_loop()
        bound: list[Listener] = []
        try:
            # asyncio would make an IPv6 listener deaf to IPv4, also where it is to hear every address.
            sock = socket.create_server(listener.address, family=family_of(listener.host), dualstack_ipv6=listener.host == "::")
            bound.append(Listener(listener.transport, *address_of(sock.getsockname())))
            self._servers.append(await loop.create_server(partial(self._accepted, bound[0]), sock=sock))
        except OSError as error:
            raise ListenFailed(listener, error) from error
        return bound[0]

    def send(self, data: bytes, flow: Flow) -> Flow | None:
        """Send over the flow's connection, or open one where the flow has no local port yet; the flow it went by, None where it did not."""
        connection = self._by_flow.get(flow) if flow.local[1] else self._by_place.get(_place(flow))
        if connection is None:
            if flow.local[1] or not flow.can_be_opened or self._tasks is None:
                self._refuse(flow, "connection_gone")
                return None
            if self._opened >= self._settings.max_connections:
                self._refuse(flow, "connection_limit")
                return None
            if flow.is_secure and self._certificates is None:
                self._refuse(flow, "not_configured")
                return None
            connection = self._open(flow)
        connection.aliases.add(flow)
        connection.send(data)
        return connection.flow or flow

    def names(self, flow: Flow) -> tuple[str, ...]:
        """The names in the verified certificate of a flow's peer; none where it showed none, or the connection is gone."""
        connection = self._by_flow.get(flow)
        return connection.channel.names if connection is not None else ()

    async def close(self) -> None:
        """Close all connections and stop listening."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for server in self._servers:
            server.close()
        for connection in list(self._by_flow.values()):
            connection.close("")
        # One turn of the loop to write the farewells; who does not read gets none.
        await asyncio.sleep(0)
        for connection in [*self._by_flow.values(), *self._by_place.values()]:
            connection.abort()

    # what connections tell

    def admit(self, connection: Connection) -> bool:
        """Take a connection that was made into the table; False where there is no room for it."""
        assert connection.flow is not None
        listener, source = connection.listener, connection.flow.remote[0]
        if listener is not None and self._owner.shuts_out(connection.flow):
            self.count(f"{connection.kind}_banned")
            return False
        if listener is not None and (problem := self._admission.enter(listener, source, shakes=connection.kind != "tcp")):
            self.count(f"{connection.kind}_{problem}")
            return False
        connection.is_admitted = True
        self._by_flow[connection.flow] = connection
        self._by_place[_place(connection.flow)] = connection
        if connection.kind != "tcp":
            patience = self._settings.handshake_patience
            connection.alarm = asyncio.get_running_loop().call_later(patience, self._too_slow, connection)
        return True

    def shaken(self, connection: Connection) -> None:
        """It is ready for messages."""
        if connection.alarm is not None:
            connection.alarm.cancel()
            if connection.listener is not None:
                self._admission.shaken()

    def admits_ping(self, connection: Connection) -> bool:
        """Whether one more ping may be answered: it costs its sender as much as a message."""
        assert connection.flow is not None
        return self._owner.admits(PING, connection.flow)

    def arrived(self, connection: Connection, messages: list[bytes]) -> None:
        """Whole messages came."""
        assert connection.flow is not None
        self._owner.arrived(messages, connection.flow)

    def forget(self, connection: Connection) -> None:
        """It is closed, or could not be made."""
        if connection.alarm is not None:
            connection.alarm.cancel()
        if connection.is_admitted and connection.listener is not None and connection.flow is not None:
            self._admission.leave(connection.listener, connection.flow.remote[0], shakes=connection.is_shaking and connection.kind != "tcp")
        self._opened -= connection.target is not None
        if connection.target is not None and connection.channel.problem not in ("", "closed"):
            channel = connection.channel
            _log.warning("connection.failed", to=str(connection.target), problem=channel.problem, detail=channel.detail)
        for flow in connection.aliases:
            if self._by_flow.get(flow) is connection:
                del self._by_flow[flow]
            if self._by_place.get(_place(flow)) is connection:
                del self._by_place[_place(flow)]
        if connection.is_admitted or connection.target is not None:
            self._owner.lost(connection.aliases)

    def count(self, reason: str) -> None:
        """Add one to a counter."""
        self._owner.count(reason)

    # how they are made

    def _accepted(self, listener: Listener) -> Connection:
        return Connection(self, self._channel(listener.transport, None), listener)

    def _open(self, flow: Flow) -> Connection:
        assert self._tasks is not None
        connection = self._by_place[_place(flow)] = Connection(self, self._channel(flow.transport, flow), None, flow)
        self._opened += 1
        self._tasks.create_task(self._connect(connection, flow))
        return connection

    def _channel(self, transport: str, target: Flow | None) -> Channel:
        now = asyncio.get_running_loop().time()
        is_browser = transport in WEBSOCKETS
        framing: Framing = WebSocketFraming(self._settings.websocket) if is_browser else Framer()
        interval = self._settings.keep_alive if is_browser or target is not None else 0.0
        return Channel(framing, self._tls(target) if transport in SECURE else None, KeepAlive(interval, now), now)

    def _tls(self, target: Flow | None) -> TlsLayer:
        certificates = self._certificates
        assert certificates is not None, "a secure transport needs certificates"
        if target is None:
            return TlsLayer(certificates.server, is_server=True, accepts=lambda names: True)
        # Where only an address is known, the certificate must show the address (RFC 5922 §7.3).
        name = target.name or target.remote[0]
        return TlsLayer(certificates.client, is_server=False, name=name, accepts=partial(certificates.accepts, name))

    async def _connect(self, connection: Connection, target: Flow) -> None:
        loop = asyncio.get_running_loop()
        try:
            source = source_toward(target.remote[0], target.local[0], self.hosts)
            async with asyncio.timeout(CONNECT_PATIENCE):
                await loop.create_connection(lambda: connection, *target.remote, local_addr=(source, 0) if source else None)
        except (OSError, NoSource):  # TimeoutError is an OSError
            self.count(f"{target.transport}_connect_failed")
            self.forget(connection)

    def _refuse(self, flow: Flow, reason: str) -> None:
        self.count(f"{flow.transport}_{reason}")
        self._owner.lost({flow})

    def _too_slow(self, connection: Connection) -> None:
        self.count(f"{connection.kind}_handshake_too_slow")
        connection.abort()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._by_flow.values()):
            connection.check(now)
            if connection.listener is not None and all(self._owner.shuts_out(flow) for flow in connection.aliases):
                self.count(f"{connection.kind}_banned")
                connection.abort()
        self._make_room()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)

    def _make_room(self) -> None:
        """Where a listener is nearly full, those go who are there longest and for nothing: else a few sources could keep all phones out."""
        for listener, excess in self._admission.crowded():
            here = list(dict.fromkeys(connection for connection in self._by_flow.values() if connection.listener == listener))
            unneeded = set(self._owner.unneeded([flow for connection in here for flow in connection.aliases]))
            for connection in [connection for connection in here if connection.aliases <= unneeded][:excess]:
                self.count(f"{connection.kind}_made_room")
                connection.abort()


def _place(flow: Flow) -> Place:
    return flow.transport, flow.remote, flow.name
