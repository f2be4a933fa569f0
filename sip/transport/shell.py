"""The asyncio shell around a `sip.useragent.UserAgent`: sockets, one timer, and the dispatch of events.

The invariant: after each call into the core, send, dispatch, re-arm. It is kept in one place, `SipShell.settle`; whoever commands the
agent calls it afterwards. Called while it is at work, it returns at once, and the work goes on with what has come in between.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from sip.events import Event
from sip.transport.flow import Address, Flow
from sip.transport.tcp import TcpConnections
from sip.transport.udp import UdpSocket
from sip.useragent import UserAgent

MOST_CONNECTIONS: Final = 2000

Tap = Callable[[bytes, Flow, bool, float], None]


class SipShell:
    """Opens UDP and TCP, feeds the agent, sends what it says, and hands its events to ``on_event(event, now)`` in order."""

    def __init__(
        self, agent: UserAgent, *, on_event: Callable[[Event, float], None], max_connections: int = MOST_CONNECTIONS, tap: Tap | None = None
    ) -> None:
        """``tap(data, flow, is_ours, now)`` is called for each message that comes, before it is looked at, and each that leaves."""
        self._agent = agent
        self._on_event = on_event
        self._tap = tap
        self._udp = UdpSocket(self._receive, self.count)
        self._tcp = TcpConnections(self, max_connections)
        self._stack = AsyncExitStack()
        self._undelivered: deque[Event] = deque()
        self._is_settling = False
        self._alarm: asyncio.Handle | None = None
        self._alarm_at = 0.0
        self._is_open = False

    async def open(self, bind: str, udp_port: int, tcp_port: int | None) -> None:
        """Bind and listen; port 0 takes a free one, and ``tcp_port=None`` leaves TCP out. Raises `OSError`."""
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        try:
            self._udp.open(bind, udp_port)
            if tcp_port is not None:
                await self._tcp.open(bind, tcp_port, tasks)
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
        self._udp.close()
        self._tcp.close()
        await self._stack.aclose()

    @property
    def udp_address(self) -> Address:
        """What UDP is bound to."""
        return self._udp.address

    @property
    def tcp_address(self) -> Address:
        """What TCP listens on; port 0 where it does not."""
        return self._tcp.address

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

    def arrived(self, messages: list[bytes], flow: Flow) -> None:
        """Messages came over a TCP connection."""
        self._receive([(message, flow) for message in messages])

    def lost(self, flows: set[Flow]) -> None:
        """A TCP connection is gone, or could not be made."""
        if not self._is_open:
            return
        now = time.monotonic()
        for flow in flows:
            self._agent.flow_lost(flow, now)
        self.settle()

    def _receive(self, messages: list[tuple[bytes, Flow]]) -> None:
        now = time.monotonic()
        for data, flow in messages:
            if self._tap is not None:
                self._tap(data, flow, False, now)
            self._agent.receive(data, flow, now)
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

    def _send(self, data: bytes, flow: Flow) -> None:
        if self._tap is not None:
            self._tap(data, flow, True, time.monotonic())
        match flow.transport:
            case "tcp":
                self._tcp.send(data, flow)
            case "udp" if self._udp.send(data, flow):
                pass
            case _:
                self._agent.flow_lost(flow, time.monotonic())

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
