"""The asyncio shell around a `sip.useragent.UserAgent`: sockets, one timer, and the dispatch of events.

The invariant: after each call into the core, send, dispatch, re-arm. It is kept in one place, `SipShell.settle`; whoever commands the
agent calls it afterwards. Called while it is at work, it returns at once, and the work goes on with what has come in between.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress

from sip.events import Event
from sip.transport.certificates import Certificates
from sip.transport.connections import Connections
from sip.transport.flow import Address, Flow
from sip.transport.listeners import Listener, TransportSettings
from sip.transport.sockets import NoSource, is_wildcard, source_toward
from sip.transport.udp import UdpSocket
from sip.useragent import UserAgent

Tap = Callable[[bytes, Flow, bool, float], None]


class SipShell:
    """Opens listeners, feeds the agent, sends what it says, and hands its events to ``on_event(event, now)`` in order."""

    def __init__(
        self,
        agent: UserAgent,
        *,
        on_event: Callable[[Event, float], None],
        settings: TransportSettings | None = None,
        certificates: Certificates | None = None,
        tap: Tap | None = None,
    ) -> None:
        """``tap(data, flow, is_ours, now)`` is called for each message that comes and is not dropped as a flood, and each that was sent.

        Without ``certificates`` there is no TLS and no WSS.
        """
        self._agent = agent
        self._on_event = on_event
        self._tap = tap
        self._sockets: list[UdpSocket] = []
        self._connections = Connections(self, settings or TransportSettings(), certificates)
        self._listeners: list[Listener] = []
        self._stack = AsyncExitStack()
        self._undelivered: deque[Event] = deque()
        self._is_settling = False
        self._alarm: asyncio.Handle | None = None
        self._alarm_at = 0.0
        self._is_open = False

    async def open(self, listeners: Sequence[Listener]) -> None:
        """Bind and listen, in order. Raises `sip.transport.listeners.ListenFailed`, and then nothing is open."""
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._connections.start(tasks)
        try:
            for listener in listeners:
                await self._listen(listener)
        except OSError:
            await self.close()
            raise
        self._is_open = True

    async def close(self) -> None:
        """Send what is left, and close everything."""
        if self._is_open:
            self.settle()
        self._is_open = False
        if self._alarm is not None:
            self._alarm.cancel()
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()
        await self._connections.close()
        await self._stack.aclose()

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What is listened on, with the ports that were taken."""
        return tuple(self._listeners)

    def address(self, transport: str) -> Address | None:
        """What a transport's first listener is bound to; None where it has none."""
        return next((listener.address for listener in self._listeners if listener.transport == transport), None)

    def flow_to(self, transport: str, remote: Address, name: str = "") -> Flow:
        """The way to an address, for a first request: from where our sockets are, over a connection yet to be opened where it takes one."""
        hosts = [listener.host for listener in self._listeners if transport != "udp" or listener.transport == "udp"]
        host = ""
        with suppress(NoSource):
            host = source_toward(remote[0], "", hosts)
        host = host or ("::" if ":" in remote[0] else "0.0.0.0")
        if transport != "udp":
            return Flow(transport, (host, 0), remote, name if transport == "tls" else "")
        sock = self._socket_for((host, 0), remote)
        return Flow(transport, sock.address if sock is not None else (host, 0), remote)

    def peer_names(self, flow: Flow) -> tuple[str, ...]:
        """The names in the verified certificate of a flow's peer (RFC 5922 §7.1); none where it has shown none."""
        return self._connections.names(flow)

    def settle(self) -> None:
        """Send, dispatch, re-arm, until nothing is left to do now."""
        if self._is_settling:
            return
        self._is_settling = True
        try:
            while self._send_and_dispatch():
                pass
        finally:
            self._is_settling = False
            self._arm()

    def count(self, reason: str) -> None:
        """Add one to the agent's counters."""
        counters = self._agent.counters
        counters[reason] = counters.get(reason, 0) + 1

    # what sockets and connections tell

    def arrived(self, messages: list[bytes], flow: Flow) -> None:
        """Messages came over a connection."""
        self.datagrams_arrived([(message, flow) for message in messages])

    def datagrams_arrived(self, datagrams: list[tuple[bytes, Flow]]) -> None:
        """Messages came, each with its flow."""
        now = time.monotonic()
        for data, flow in datagrams:
            if self._agent.receive(data, flow, now):
                self.count("received")
                if self._tap is not None:
                    self._tap(data, flow, False, now)
        self.settle()

    def admits(self, data: bytes, flow: Flow) -> bool:
        """Whether a keep-alive may be answered."""
        return self._agent.admits(data, flow, time.monotonic())

    def shuts_out(self, flow: Flow) -> bool:
        """Whether a connection is to be refused or closed, since its peer is kept out."""
        return self._agent.shuts_out(flow, time.monotonic())

    def unneeded(self, flows: list[Flow]) -> list[Flow]:
        """Those of these flows that could end without harm."""
        return self._agent.unneeded(flows)

    def lost(self, flows: set[Flow]) -> None:
        """A connection is gone, or could not be made."""
        self.refused(list(flows))

    def refused(self, flows: list[Flow]) -> None:
        """Nobody is at the other end of these flows."""
        if not self._is_open:
            return
        now = time.monotonic()
        for flow in flows:
            self._agent.flow_lost(flow, now)
        self.settle()

    def _send_and_dispatch(self) -> bool:
        """One pass; False where there was nothing to do."""
        outgoing = self._agent.outgoing()
        for data, flow in outgoing:
            self._send(data, flow)
        self._undelivered.extend(self._agent.events())
        if not self._undelivered:
            return bool(outgoing)
        self._on_event(self._undelivered.popleft(), time.monotonic())
        return True

    async def _listen(self, listener: Listener) -> None:
        if listener.transport == "udp":
            sock = UdpSocket(self, listener)
            self._sockets.append(sock)
            bound = Listener("udp", *sock.address)
        else:
            bound = await self._connections.listen(listener)
        self._listeners.append(bound)
        self._connections.hosts.append(bound.host)

    def _send(self, data: bytes, flow: Flow) -> None:
        used = self._send_datagram(data, flow) if flow.transport == "udp" else self._connections.send(data, flow)
        if used is not None:
            self.count("sent")
            if self._tap is not None:
                self._tap(data, used, True, time.monotonic())

    def _send_datagram(self, data: bytes, flow: Flow) -> Flow | None:
        sock = self._socket_for(flow.local, flow.remote)
        if sock is None or not sock.send(data, flow):
            self._agent.flow_lost(flow, time.monotonic())
            return None
        return flow

    def _socket_for(self, local: Address, remote: Address) -> UdpSocket | None:
        """The socket that is bound to this address of ours, else to every one, else any of the remote's family; None: there is none."""
        for sock in self._sockets:
            if sock.address[0] == local[0] and (local[1] in (0, sock.address[1])):
                return sock
        wildcards = [sock for sock in self._sockets if is_wildcard(sock.address[0])]
        return next((sock for sock in [*wildcards, *self._sockets] if sock.can_reach(remote[0])), None)

    def _arm(self) -> None:
        """Keep one timer at the agent's next one; an earlier one may stay, it finds nothing to do and arms anew."""
        due = self._agent.next_timer()
        if due is None or not self._is_open or (self._alarm is not None and self._alarm_at <= due):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = due
        self._alarm = asyncio.get_running_loop().call_later(max(0.0, due - time.monotonic()), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._agent.handle_timer(time.monotonic())
        self.settle()
