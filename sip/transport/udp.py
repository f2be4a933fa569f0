"""The UDP socket of a user agent: datagrams in, datagrams out, nothing held back."""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from sip.transport.flow import Address, Flow
from sip.transport.sockets import address_of, family_of, is_wildcard, local_host_towards, mark, name_for

LONGEST_DATAGRAM: Final = 65_536
READS_A_TURN: Final = 64
"""Datagrams taken before the event loop gets its turn again."""
BUFFER_BYTES: Final = 4 * 1024 * 1024


class UdpSocket:
    """One bound socket. ``on_datagrams`` gets what one wake-up brought."""

    def __init__(self, on_datagrams: Callable[[list[tuple[bytes, Flow]]], None], count: Callable[[str], None]) -> None:
        self._on_datagrams = on_datagrams
        self._count = count
        self._socket: socket.socket | None = None
        self.address: Address = ("", 0)

    def open(self, host: str, port: int) -> None:
        """Bind. Raises `OSError`."""
        sock = socket.socket(family_of(host), socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            mark(sock)
            if host == "::":
                # Every address means IPv4 too, whatever the system's default is.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        self._socket = sock
        self.address = address_of(sock.getsockname())
        asyncio.get_running_loop().add_reader(sock, self._read)

    def send(self, data: bytes, flow: Flow) -> bool:
        """Send one datagram; False where the system has no way to there. A full buffer is a counted loss, as on the wire."""
        assert self._socket is not None
        try:
            self._socket.sendto(data, name_for(flow.remote, self._socket.family))
        except BlockingIOError:
            self._count("udp_send_buffer_full")
        except (OSError, OverflowError):
            self._count("udp_send_failed")
            return False
        return True

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        assert self._socket is not None
        arrived: list[tuple[bytes, Flow]] = []
        for _ in range(READS_A_TURN):
            try:
                data, name = self._socket.recvfrom(LONGEST_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:
                self._count("udp_receive_failed")
                break
            remote = address_of(name)
            host = local_host_towards(remote) if is_wildcard(self.address[0]) else self.address[0]
            arrived.append((data, Flow("udp", (host, self.address[1]), remote)))
        self._on_datagrams(arrived)
