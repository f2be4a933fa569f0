"""What a connection to the control API may do before it says anything: not much, and not for long."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_TIMEOUT: Final = 10.0
"""Seconds for the first whole request."""
SPARE_CONNECTIONS: Final = 100
"""Connections beside the clients', for health and metrics."""


def bounded_protocol(limit: int) -> type[H11Protocol]:
    """An HTTP protocol that closes connections beyond the limit, and those that ask for nothing."""

    class BoundedProtocol(H11Protocol):
        """One connection until it is a websocket."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limit:
                transport.abort()
                return
            self._patience = self.loop.call_later(REQUEST_TIMEOUT, self._lose_patience)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if hasattr(self, "_patience"):
                self._patience.cancel()

        def handle_websocket_upgrade(self, event: Any) -> None:
            self._patience.cancel()
            super().handle_websocket_upgrade(event)

        def _lose_patience(self) -> None:
            if self.cycle is None:
                self.transport.close()

    return BoundedProtocol
