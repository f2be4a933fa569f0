"""Real phones over other transports than UDP: baresip over TLS and linphone over TCP, as agent and as customer."""

import asyncio
from pathlib import Path

from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ, hear, hear_as
from tests.interop.houses import SECRET
from tests.interop.phones.baresip import Baresip
from tests.interop.phones.linphone import Linphone
from tests.interop.server import Server
from tests.sip.transport.authority import Authority


async def test_baresip_over_tls_calls_is_called_and_is_supervised(voices: dict[float, Path], tmp_path: Path) -> None:
    authority = Authority(tmp_path, "root")
    with Server(tmp_path / "server", secured_by=authority.issue("127.0.0.1")) as server:

        def phone(user: str, hz: float) -> Baresip:
            where = f"{server.address}:{server.tls_port}"
            return Baresip(tmp_path / user, user, voices[hz], registrar=where, secret=SECRET, transport="tls", ca_file=authority.root)

        async with phone("carl", CUSTOMER_HZ) as customer, phone("robert", AGENT_HZ) as agent, phone("sue", SUPERVISOR_HZ) as supervisor:
            await asyncio.gather(*(each.registered() for each in (customer, agent, supervisor)))
            await customer.dial(f"sip:robert@{server.address}:{server.tls_port};transport=tls")
            await agent.wait_for("CALL_INCOMING")
            await agent.accept()
            await customer.wait_for("CALL_ESTABLISHED")
            await supervisor.dial(f"sip:*2robert@{server.address}:{server.tls_port};transport=tls")
            await supervisor.wait_for("CALL_ESTABLISHED")
            await hear_as("whisper", customer, agent, supervisor)


async def test_linphone_over_tcp_is_agent_and_customer(voices: dict[float, Path], tmp_path: Path) -> None:
    with Server(tmp_path / "server") as server:
        where = server.sip
        async with (
            Linphone(tmp_path / "carl", "carl", registrar=where, secret=SECRET) as customer,
            Linphone(tmp_path / "robert", "robert", registrar=where, secret=SECRET) as agent,
            Baresip(tmp_path / "sue", "sue", voices[SUPERVISOR_HZ], registrar=where, secret=SECRET, transport="tcp") as supervisor,
        ):
            await asyncio.gather(customer.register(), agent.register(), supervisor.registered())
            await customer.dial(f"sip:robert@{where}")
            await agent.is_in("IncomingReceived")
            await agent.accept()
            await asyncio.gather(customer.is_in("StreamsRunning"), agent.is_in("StreamsRunning"))
            await asyncio.gather(customer.play(voices[CUSTOMER_HZ]), agent.play(voices[AGENT_HZ]))
            await supervisor.dial(f"sip:*1robert@{where}")
            await supervisor.wait_for("CALL_ESTABLISHED")
            await hear({supervisor: {CUSTOMER_HZ, AGENT_HZ}})
            await customer.hang_up()
            await agent.is_idle()
            await supervisor.wait_for("CALL_CLOSED")
