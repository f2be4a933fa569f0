"""Two sockets on one port: the connected one gets the source's packets, the lent one gets the rest, and all when the other dies."""

import os
import socket

import pytest

from rtp.sockets import adopt, connect_beside, drain, overflowed, plain_address


def bound(family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> socket.socket:
    end = socket.socket(family, socket.SOCK_DGRAM)
    end.bind((host, 0))
    end.settimeout(5)
    return end


def test_the_kernel_sorts_source_and_strangers() -> None:
    with bound() as port, bound() as source, bound() as stranger:
        lent = adopt(os.dup(port.fileno()))
        beside, stale = connect_beside(lent, source.getsockname())
        source.sendto(b"source", port.getsockname())
        stranger.sendto(b"stranger", port.getsockname())
        beside.settimeout(5)
        assert beside.recv(100) == b"source"
        lent.settimeout(5)
        assert lent.recvfrom(100) == (b"stranger", stranger.getsockname())
        beside.send(b"answer")
        assert source.recvfrom(100) == (b"answer", port.getsockname())
        beside.close()
        source.sendto(b"again", port.getsockname())
        assert lent.recv(100) == b"again"
        lent.close()
    assert stale == 0


def test_traffic_class_is_carried_over() -> None:
    with bound() as port, bound() as source:
        port.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 46 << 2)
        lent = adopt(os.dup(port.fileno()))
        beside, _ = connect_beside(lent, source.getsockname())
        assert beside.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 46 << 2
        beside.close()
        lent.close()


def test_what_waits_is_drained_and_counted() -> None:
    with bound() as port, bound() as source:
        for _ in range(7):
            source.sendto(b"old", port.getsockname())
        port.setblocking(False)
        assert drain(port) == 7
        assert drain(port) == 0


def test_what_the_kernel_dropped_for_want_of_room_is_told() -> None:
    with bound() as port, bound() as source:
        lent = adopt(os.dup(port.fileno()))
        assert overflowed(lent) == 0
        for _ in range(1000):
            source.sendto(b"x" * 1000, port.getsockname())
        kept = drain(lent)
        assert overflowed(lent) == 1000 - kept > 0
        lent.close()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, None])
def test_what_is_no_udp_socket_is_refused_and_closed(kind: socket.SocketKind | None) -> None:
    descriptor = os.memfd_create("file") if kind is None else socket.socket(socket.AF_INET, kind).detach()
    with pytest.raises(OSError, match=r".+"):
        adopt(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_an_address_that_cannot_be_reached_is_an_error_and_leaks_nothing() -> None:
    with bound() as port:
        lent = adopt(os.dup(port.fileno()))
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(OSError, match=r".+"):
            connect_beside(lent, ("255.255.255.255", 9))
        assert len(os.listdir("/proc/self/fd")) == before
        lent.close()


def test_addresses_are_written_one_way() -> None:
    assert plain_address(("::ffff:10.0.0.1", 5, 0, 0)) == ("10.0.0.1", 5)
    assert plain_address(("2001:db8::1", 5, 0, 0)) == ("2001:db8::1", 5)
    assert plain_address(("10.0.0.1", 5)) == ("10.0.0.1", 5)
