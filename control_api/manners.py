"""What a connection to the control API may do before it says who it is: not much, and not for long.

- Each request of a connection, the first and the later ones, has to come whole within `REQUEST_TIMEOUT`, with its body.
- A websocket's handshake is done with within that time too; one that cannot be read is refused at once (`ControlProtocol`).
- Where there are more connections than there may be, one gives way to each new one: the eldest that asks for nothing, else the eldest
  that is being answered. A websocket that was let in never does; of those there are fewer than connections.
"""

import asyncio
from collections import Counter, OrderedDict
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from control_api.outlet import ControlProtocol

REQUEST_TIMEOUT: Final = 10.0
"""Seconds for each whole request, and for an answer that is still to be sent when its connection is closed."""
SPARE_CONNECTIONS: Final = 100
"""Connections beside the clients', for health and metrics."""


class Crowd:
    """The connections that are no clients: who gives way, and what is counted of it.

    Counted are ``connections_made_room``, ``connections_refused`` and ``connections_timed_out``.
    """

    def __init__(self, limit: int, counters: Counter[str]) -> None:
        self.limit = limit
        """Connections at once, clients among them."""
        self.counters = counters
        self._idle: OrderedDict[asyncio.Transport, None] = OrderedDict()
        self._busy: OrderedDict[asyncio.Transport, None] = OrderedDict()

    def waits(self, transport: asyncio.Transport) -> None:
        """It has still to ask for something; it is the youngest of those."""
        self.left(transport)
        self._idle[transport] = None

    def asked(self, transport: asyncio.Transport) -> None:
        """A whole request of its is being answered."""
        self.left(transport)
        self._busy[transport] = None

    def left(self, transport: asyncio.Transport) -> None:
        """It is gone, or somebody's who was let in."""
        self._idle.pop(transport, None)
        self._busy.pop(transport, None)

    def make_room(self) -> bool:
        """End the connection that gives way to a new one; False: there is none."""
        for crowd in (self._idle, self._busy):
            while crowd:
                transport, _ = crowd.popitem(last=False)
                if not _is_let_in(transport):
                    transport.abort()
                    self.counters["connections_made_room"] += 1
                    return True
        return False

    def give_up(self, transport: asyncio.Transport) -> None:
        """Its time is over."""
        if not _is_let_in(transport):
            self.counters["connections_timed_out"] += 1
            transport.abort()


class BoundedProtocol(H11Protocol):
    """One connection until it is a websocket, each of its requests bounded in time. `bounded_protocol` says to which crowd it belongs."""

    crowd: Crowd
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.crowd.limit and not self.crowd.make_room():
            self.crowd.counters["connections_refused"] += 1
            transport.abort()
            return
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._leave()

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]:
            self._await_request()
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        if self in self.connections:  # uvicorn's timer outlives a connection that was reset
            self._arm()  # for who does not read what he was sent

    def handle_websocket_upgrade(self, event: Any) -> None:
        super().handle_websocket_upgrade(event)
        upgraded = self.transport.get_protocol()
        assert isinstance(upgraded, ControlProtocol)
        upgraded.on_lost = self._leave
        self._arm()

    def _await_request(self) -> None:
        self.crowd.waits(self.transport)
        self._arm()

    def _look(self) -> None:
        """After whatever happened: is a request still awaited, or an end of what was answered?"""
        if self.transport.get_protocol() is not self:
            return
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY) and not self.transport.is_closing():
            self._forget_patience()
            self.crowd.asked(self.transport)
        elif self._patience is None:
            self._await_request()

    def _leave(self) -> None:
        self.crowd.left(self.transport)
        self._forget_patience()

    def _arm(self) -> None:
        self._forget_patience()
        self._patience = self.loop.call_later(REQUEST_TIMEOUT, self.crowd.give_up, self.transport)

    def _forget_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def bounded_protocol(crowd: Crowd) -> type[BoundedProtocol]:
    """The protocol of one server's connections, whose number its crowd bounds: uvicorn makes them itself, and knows of no crowd."""
    return type("BoundedProtocol", (BoundedProtocol,), {"crowd": crowd})


def _is_let_in(transport: asyncio.Transport) -> bool:
    """Whether it is a websocket of somebody whose token is known."""
    protocol = transport.get_protocol()
    return isinstance(protocol, ControlProtocol) and protocol.outlet.is_open
