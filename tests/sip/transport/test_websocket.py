"""SIP over WebSocket on loopback (RFC 7118), spoken to by the websockets library's own client."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from sip.events import InviteReceived
from sip.transport.listeners import TransportSettings
from sip.transport.websocket import WebSocketSettings
from tests.sip.peer import SDP_OFFER
from tests.sip.transport.authority import Authority
from tests.sip.transport.phone import PATIENCE, Phone, options, phone

NAME = "phone.example.com"
SIP = [Subprotocol("sip")]


@asynccontextmanager
async def server(**settings: Any) -> AsyncIterator[Phone]:
    """A phone that browsers can reach."""
    async with phone(2, ["ws"], settings=TransportSettings(websocket=WebSocketSettings(**settings))) as made:
        yield made


def browser(bob: Phone, path: str = "/", **wishes: Any) -> connect:
    """A browser that connects."""
    host, port = bob.address("ws")
    return connect(f"ws://{host}:{port}{path}", **{"subprotocols": SIP, "compression": None} | wishes)


async def said(socket: ClientConnection) -> str | bytes:
    """The next message."""
    async with asyncio.timeout(PATIENCE):
        return await socket.recv()


def invite(call: str = "call") -> bytes:
    """An INVITE as a browser writes it: nobody can connect to it."""
    lines = [
        "INVITE sip:bob@127.0.0.1 SIP/2.0",
        "Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK" + call,
        "Max-Forwards: 70",
        "From: <sip:web@127.0.0.1>;tag=web",
        "To: <sip:bob@127.0.0.1>",
        f"Call-ID: {call}",
        "CSeq: 1 INVITE",
        "Contact: <sip:web@df7jal23ls0d.invalid;transport=ws>",
        "Content-Type: application/sdp",
        f"Content-Length: {len(SDP_OFFER)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + SDP_OFFER


@pytest.mark.parametrize("is_text", [True, False])
async def test_a_message_of_either_kind_is_answered_as_text(is_text: bool) -> None:
    async with server() as bob, browser(bob) as socket:
        assert socket.subprotocol == "sip"
        await socket.send(options("one", transport=b"WS"), text=is_text)
        answer = await said(socket)
        assert isinstance(answer, str)
        assert answer.startswith("SIP/2.0 200")


async def test_a_call_and_what_follows_in_it_go_by_the_browsers_connection() -> None:
    async with server() as bob, browser(bob) as socket:
        await socket.send(invite(), text=True)
        accepted = str(await said(socket))
        while not accepted.startswith("SIP/2.0 200"):
            accepted = str(await said(socket))
        assert f"Contact: <sip:127.0.0.1:{bob.address('ws')[1]};transport=ws>" in accepted
        session = (await bob.until(InviteReceived)).session
        ack = invite().replace(b"INVITE", b"ACK").partition(b"Contact:")[0] + b"Content-Length: 0\r\n\r\n"
        tag = accepted.partition("\nTo: ")[2].partition("\r\n")[0].partition(";tag=")[2]
        await socket.send(ack.replace(b"To: <sip:bob@127.0.0.1>", f"To: <sip:bob@127.0.0.1>;tag={tag}".encode()), text=True)
        while bob.agent.in_hand:
            await asyncio.sleep(0.005)
        bob.agent.end(session, asyncio.get_running_loop().time())
        bob.shell.settle()
        bye = str(await said(socket))
        while bye.startswith("SIP/2.0"):
            bye = str(await said(socket))
        assert bye.startswith("BYE sip:web@df7jal23ls0d.invalid;transport=ws SIP/2.0\r\nVia: SIP/2.0/WS ")


async def test_a_fragmented_message_is_put_together() -> None:
    async with server() as bob, browser(bob) as socket:
        data = options("one", transport=b"WS").decode()
        await socket.send([data[:40], data[40:90], data[90:]])
        assert str(await said(socket)).startswith("SIP/2.0 200")


async def test_what_is_not_utf8_goes_out_as_binary() -> None:
    async with server() as bob, browser(bob) as socket:
        strange = options("one", transport=b"WS").replace(b"From: <sip:p@h>", b'From: "J\xf6rg" <sip:p@h>')
        await socket.send(strange, text=False)
        assert isinstance(await said(socket), bytes)


async def test_too_long_a_message_closes_the_connection_and_says_why() -> None:
    async with server(longest_message=2000) as bob, browser(bob) as socket:
        await socket.send(b"x" * 2001)
        with pytest.raises(ConnectionClosed) as closed:
            await said(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        await bob.counted("ws_broken_message_too_big")


async def test_fragments_that_are_too_long_together_close_it_too() -> None:
    async with server(longest_message=2000) as bob, browser(bob) as socket:
        await socket.send([b"x" * 900] * 3)
        with pytest.raises(ConnectionClosed):
            await said(socket)
        await bob.counted("ws_broken_message_too_big")


async def test_a_frame_of_nonsense_closes_the_connection() -> None:
    async with server() as bob, browser(bob) as socket:
        socket.transport.write(b"\xff\xff\xff\xff")
        with pytest.raises(ConnectionClosed):
            await said(socket)
        await bob.counted("ws_broken_frames")


async def test_a_ping_gets_its_pong() -> None:
    async with server() as bob, browser(bob) as socket:
        async with asyncio.timeout(PATIENCE):
            await (await socket.ping())
        assert len(bob.shell._connections) == 1


async def test_a_crlf_ping_gets_a_crlf_pong_and_a_lone_crlf_nothing() -> None:
    async with server() as bob, browser(bob) as socket:
        await socket.send("\r\n")
        await socket.send("\r\n\r\n")
        assert await said(socket) == "\r\n"
        assert "dropped_not_sip" not in bob.agent.counters


async def test_a_browser_that_closes_is_let_go_and_its_flow_is_lost() -> None:
    async with server() as bob:
        async with browser(bob) as socket:
            await socket.send(options("one", transport=b"WS"))
            await said(socket)
        await bob.counted("flow_lost")
        assert len(bob.shell._connections) == 0


async def test_a_connection_without_the_subprotocol_is_refused() -> None:
    async with server() as bob:
        with pytest.raises(InvalidStatus) as refused:
            await browser(bob, subprotocols=None)
        assert refused.value.response.status_code == 400
        await bob.counted("ws_broken_handshake")


async def test_only_the_path_of_the_settings_is_taken() -> None:
    async with server(path="/sip") as bob:
        with pytest.raises(InvalidStatus) as refused:
            await browser(bob, "/other")
        assert refused.value.response.status_code == 404
        async with browser(bob, "/sip?token=1") as socket:
            assert socket.subprotocol == "sip"


@pytest.mark.parametrize("origin", [None, "https://evil.example.net"])
async def test_pages_of_other_origins_are_refused_where_origins_are_listed(origin: str | None) -> None:
    async with server(origins=("https://phone.example.com",)) as bob:
        with pytest.raises(InvalidStatus) as refused:
            await browser(bob, origin=origin)
        assert refused.value.response.status_code == 403
        async with browser(bob, origin=Origin("https://phone.example.com")) as socket:
            assert socket.subprotocol == "sip"


async def test_what_is_no_handshake_is_answered_and_closed() -> None:
    async with server() as bob:
        reader, writer = await asyncio.open_connection(*bob.address("ws"))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            assert (await reader.read()).startswith(b"HTTP/1.1 426")
        writer.close()


async def test_a_handshake_that_takes_too_long_is_cut_off() -> None:
    settings = TransportSettings(handshake_patience=0.1)
    async with phone(2, ["ws"], settings=settings) as bob:
        reader, writer = await asyncio.open_connection(*bob.address("ws"))
        writer.write(b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(PATIENCE):
            await reader.read()
        assert bob.agent.counters["ws_handshake_too_slow"] == 1
        writer.close()


async def test_nobody_is_called_by_websocket() -> None:
    async with phone(1, ["ws"]) as alice:
        alice.call("ws", ("127.0.0.1", 9))
        assert alice.agent.counters["ws_connection_gone"] == 1


async def test_websocket_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.create_default_context(cafile=str(authority.root))
    async with phone(2, ["wss"], certificates=authority.certificates(authority.issue(NAME))) as bob:
        host, port = bob.address("wss")
        async with connect(f"wss://{NAME}:{port}/", host=host, port=port, ssl=context, subprotocols=SIP) as socket:
            await socket.send(options("one", transport=b"WSS"))
            assert str(await said(socket)).startswith("SIP/2.0 200")


async def test_a_closing_server_says_goodbye() -> None:
    async with server() as bob:
        socket = await browser(bob)
    with pytest.raises(ConnectionClosed) as closed:
        await said(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
