"""What the shell is bound to, seen from both families, and where its own connections come from."""

import asyncio
import socket
import struct

import pytest
import uvloop

from sip.events import Accepted, Rejected
from sip.transport.flow import Address
from sip.transport.shell import SipShell
from sip.transport.sockets import address_of, name_for
from tests.sip.transport.phone import PATIENCE, phone


@pytest.mark.parametrize("address", [("192.0.2.1", 5060), ("2001:db8::1", 5060)])
def test_a_name_leads_back_to_its_address(address: Address) -> None:
    assert address_of(name_for(address, socket.AF_INET6)) == address


def test_an_ipv4_socket_is_given_the_address_as_it_stands() -> None:
    assert name_for(("192.0.2.1", 5060), socket.AF_INET) == ("192.0.2.1", 5060)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("family", ["127.0.0.1", "::1"])
async def test_bound_to_every_address_both_families_are_heard_and_answered(family: str, transport: str) -> None:
    async with phone(1, host="::") as bob, phone(2, host=family) as alice:
        port = bob.address(transport)[1]
        alice.call(transport, (family, port))
        await alice.until(Accepted)
        assert "udp_send_failed" not in bob.agent.counters


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_bound_to_every_address_ipv4_peers_can_be_called(transport: str) -> None:
    async with phone(1, host="::") as bob, phone(2, host="127.0.0.1") as alice:
        bob.call(transport, alice.address(transport))
        await bob.until(Accepted)


async def test_connections_come_from_the_address_that_is_bound() -> None:
    sources: asyncio.Queue[Address] = asyncio.Queue()

    async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sources.put_nowait(address_of(writer.get_extra_info("peername")))
        writer.close()

    async with await asyncio.start_server(note, "127.0.0.1", 0) as server, phone(1, host="127.0.0.7") as alice:
        alice.call("tcp", server.sockets[0].getsockname())
        async with asyncio.timeout(PATIENCE):
            assert (await sources.get())[0] == "127.0.0.7"


async def test_a_peer_of_the_other_family_than_the_bound_address_cannot_be_reached() -> None:
    async with phone(1, host="::1") as alice, phone(2, host="127.0.0.1") as bob:
        alice.call("tcp", bob.address("tcp"))
        await alice.until(Rejected)
        assert alice.agent.counters["tcp_connect_failed"] == 1


async def test_a_connection_that_is_reset_at_once_is_closed_and_counted() -> None:
    faults: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: faults.append(context))
    async with phone(1, host="127.0.0.1") as bob:
        with socket.create_connection(bob.address("tcp")) as hasty:
            # Lingering for no time at all makes a reset of the close.
            hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reader, writer = await asyncio.open_connection(*bob.address("tcp"))
        writer.write(b"\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            assert await reader.readexactly(2) == b"\r\n"
        assert connections_of(bob.shell) == 1
        # Python's own loop keeps the name from when it accepted; then it is a connection like any other that is lost.
        assert bob.agent.counters.get("tcp_gone_at_once", 0) == (1 if isinstance(loop, uvloop.Loop) else 0)
        writer.close()
    assert faults == []


def connections_of(shell: SipShell) -> int:
    return len(shell._connections)
