"""What a shell listens on, how much it bears, and the error that names the listener that could not be had."""

import errno
import os
from dataclasses import dataclass, field

from sip.transport.flow import Address
from sip.transport.websocket import WebSocketSettings


@dataclass(frozen=True, slots=True)
class Listener:
    """One transport on one local address."""

    transport: str
    """One of `sip.transport.flow.TRANSPORTS`."""
    host: str
    """IP address; a wildcard means every local address, ``::`` those of IPv4 too."""
    port: int
    """0 takes a free one."""

    @property
    def address(self) -> Address:
        """Host and port."""
        return self.host, self.port

    def __str__(self) -> str:
        return f"{self.transport.upper()} on {self.host} port {self.port}"


class ListenFailed(OSError):
    """An address cannot be listened on."""

    def __init__(self, listener: Listener, cause: OSError) -> None:
        # A resolver's error number is no errno, and asyncio puts its own words around the system's.
        self.reason = os.strerror(cause.errno) if cause.errno is not None and cause.errno in errno.errorcode else str(cause)
        super().__init__(cause.errno, f"{listener}: {self.reason}")
        self.listener = listener


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """Bounds and patience of connections; times in seconds."""

    max_connections: int = 2000
    """Of each listener, and of those that we open."""
    max_connections_per_source: int = 200
    """From one address, over all listeners."""
    max_handshakes: int = 200
    """Connections that have not come to their first message's layer yet: TLS, WebSocket or both."""
    handshake_patience: float = 10.0
    keep_alive: float = 90.0
    """Between pings on connections that we opened and to browsers; 0: none."""
    websocket: WebSocketSettings = field(default_factory=WebSocketSettings)
