"""Every transport over IPv6: a call, and how addresses are spelt."""

import ssl
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from sip.events import Accepted, InviteReceived
from tests.sip.transport.authority import Authority
from tests.sip.transport.phone import options, phone


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_call_over_ipv6(tmp_path: Path, transport: str) -> None:
    authority = Authority(tmp_path)
    shown = authority.certificates(authority.issue("::1"))
    async with (
        phone(1, [transport], host="::1", certificates=authority.certificates(authority.issue("::1", file="alice"))) as alice,
        phone(2, [transport], host="::1", certificates=shown) as bob,
    ):
        alice.call(transport, bob.address(transport))
        accepted = await alice.until(Accepted)
        assert accepted.response.contacts[0].uri.startswith(f"sip:[::1]:{bob.address(transport)[1]}")
        invite = (await bob.until(InviteReceived)).request
        assert invite.values("Via")[0].startswith(f"SIP/2.0/{transport.upper()} [::1]")


@pytest.mark.parametrize("transport", ["ws", "wss"])
async def test_a_browser_over_ipv6(tmp_path: Path, transport: str) -> None:
    authority = Authority(tmp_path)
    context = ssl.create_default_context(cafile=str(authority.root)) if transport == "wss" else None
    async with phone(2, [transport], host="::1", certificates=authority.certificates(authority.issue("::1"))) as bob:
        port = bob.address(transport)[1]
        async with connect(f"{transport}://[::1]:{port}/", ssl=context, subprotocols=[Subprotocol("sip")]) as socket:
            await socket.send(options("one", transport=transport.upper().encode()))
            answer = str(await socket.recv())
    assert answer.startswith("SIP/2.0 200")
    assert "received=::1;rport=" in answer
