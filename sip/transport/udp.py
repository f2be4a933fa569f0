"""A UDP socket of a user agent: datagrams in, datagrams out, nothing held back.

- A datagram is answered from the address that it was sent to, also where the socket is bound to all addresses (RFC 3581 §4).
- Who refuses a datagram (ICMP) is told to the owner. Errors wait in a queue of their own; they are read behind an epoll of our own,
  since libuv takes a socket with an error for a broken one and listens to it no longer.
- STUN Binding requests are answered here (RFC 5626 §8): they are no SIP.
"""

import asyncio
import select
import socket
from typing import Final, Protocol

from sip.transport import stun
from sip.transport.ancillary import (
    IP_PKTINFO,
    IP_RECVERR,
    IPV6_RECVERR,
    IPV6_RECVPKTINFO,
    Ancillary,
    is_refusal,
    leaving_by,
    local_host,
)
from sip.transport.flow import Address, Flow
from sip.transport.listeners import Listener, ListenFailed
from sip.transport.sockets import address_of, family_of, is_wildcard, local_host_towards, mark, name_for

LONGEST_DATAGRAM: Final = 65_536
READS_A_TURN: Final = 64
"""Datagrams taken before the event loop gets its turn again."""
BUFFER_BYTES: Final = 4 * 1024 * 1024
_ANCILLARY_BYTES: Final = 256


class DatagramOwner(Protocol):
    """Who is told what a socket does."""

    def datagrams_arrived(self, datagrams: list[tuple[bytes, Flow]]) -> None:
        """What one wake-up brought."""

    def admits(self, data: bytes, flow: Flow) -> bool:
        """Whether a keep-alive may be answered."""

    def refused(self, flows: list[Flow]) -> None:
        """Nobody takes datagrams at the remote addresses of these flows."""

    def count(self, reason: str) -> None:
        """Add one to a counter."""


class UdpSocket:
    """One bound socket."""

    def __init__(self, owner: DatagramOwner, listener: Listener) -> None:
        """Bind, and listen. Raises `ListenFailed`."""
        self._owner = owner
        self._is_wildcard = is_wildcard(listener.host)
        self._socket = sock = socket.socket(family_of(listener.host), socket.SOCK_DGRAM)
        try:
            _prepare(sock, listener.host)
            sock.bind(listener.address)
        except OSError as error:
            sock.close()
            raise ListenFailed(listener, error) from error
        self.address: Address = address_of(sock.getsockname())
        self._poll = select.epoll()
        self._poll.register(sock, select.EPOLLIN)
        asyncio.get_running_loop().add_reader(self._poll.fileno(), self._read)

    def can_reach(self, host: str) -> bool:
        """Whether an address is of this socket's family; bound to every address, it speaks IPv4 too."""
        return self.address[0] == "::" or family_of(host) == self._socket.family

    def send(self, data: bytes, flow: Flow) -> bool:
        """Send one datagram; False where the system has no way to there. A full buffer is a counted loss, as on the wire."""
        try:
            self._send(data, flow)
        except BlockingIOError:
            self._owner.count("udp_send_buffer_full")
        except (OSError, OverflowError, ValueError):
            self._owner.count("udp_send_failed")
            return False
        return True

    def close(self) -> None:
        """Close the socket."""
        asyncio.get_running_loop().remove_reader(self._poll.fileno())
        self._poll.close()
        self._socket.close()

    def _send(self, data: bytes, flow: Flow) -> None:
        sock, to = self._socket, name_for(flow.remote, self._socket.family)
        beside: tuple[Ancillary, ...] = ()
        if self._is_wildcard and not is_wildcard(flow.local[0]):
            beside = leaving_by(flow.local[0], is_ipv6_socket=sock.family == socket.AF_INET6)
        try:
            sock.sendmsg([data], beside, 0, to)
        except BlockingIOError:
            raise
        except OSError:
            # Perhaps the refusal of an earlier datagram, told here first, and of another remote: it stands in the queue too.
            sock.sendmsg([data], beside, 0, to)

    def _read(self) -> None:
        arrived: list[tuple[bytes, Flow]] = []
        for _ in range(READS_A_TURN):
            waiting = self._poll.poll(0, 1)
            if not waiting:
                break
            if waiting[0][1] & select.EPOLLERR and (refused := self._refusals()):
                self._owner.refused(refused)
            try:
                data, beside, _, name = self._socket.recvmsg(LONGEST_DATAGRAM, _ANCILLARY_BYTES)
            except BlockingIOError:
                break
            except OSError:
                self._owner.count("udp_receive_failed")
                break
            flow = self._flow(address_of(name), local_host(beside))
            if stun.is_stun(data):
                self._answer_stun(data, flow)
            else:
                arrived.append((data, flow))
        if arrived:
            self._owner.datagrams_arrived(arrived)

    def _flow(self, remote: Address, local: str) -> Flow:
        host = (local or local_host_towards(remote)) if self._is_wildcard else self.address[0]
        return Flow("udp", (host, self.address[1]), remote)

    def _answer_stun(self, data: bytes, flow: Flow) -> None:
        answer = stun.answer(data, flow.remote) if self._owner.admits(data, flow) else None
        self._owner.count("stun_dropped" if answer is None else "stun_answered")
        if answer is not None:
            self.send(answer, flow)

    def _refusals(self) -> list[Flow]:
        """Empty the error queue."""
        refused: dict[Flow, None] = {}
        for _ in range(READS_A_TURN):
            try:
                _, beside, _, name = self._socket.recvmsg(0, 2 * _ANCILLARY_BYTES, socket.MSG_ERRQUEUE)
            except OSError:
                break
            if is_refusal(beside):
                self._owner.count("udp_refused")
                refused[Flow("udp", self.address, address_of(name))] = None
        return list(refused)


def _prepare(sock: socket.socket, host: str) -> None:
    sock.setblocking(False)
    mark(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    if sock.family == socket.AF_INET6:
        # Every address means IPv4 too, whatever the system's default is.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    if is_wildcard(host):
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
