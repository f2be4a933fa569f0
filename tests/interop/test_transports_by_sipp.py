"""The main flows by other ways than UDP over IPv4, SIPp at both ends: TCP on either side or both, and IPv6."""

from pathlib import Path

import pytest

from tests.interop.conftest import Servers
from tests.interop.server import Server
from tests.interop.test_sipp import agent, customer, phone, run

FLOWS = [
    ("customer", "agent_answers"),
    ("customer_is_hung_up", "agent_hangs_up"),
    ("customer_cancels", "agent_never_answers"),
    ("customer_holds_by_zeros", "agent_is_held_once"),
    ("customer_delayed_offer", "agent_early_media"),
]


@pytest.mark.parametrize(("calling", "called"), FLOWS)
async def test_the_main_flows_over_tcp_on_both_sides(server: Server, tmp_path: Path, calling: str, called: str) -> None:
    await run(agent(server, tmp_path, called, transport="t1"), customer(server, tmp_path, calling, "stream", transport="t1"))


@pytest.mark.parametrize(("way_in", "way_out"), [("t1", "u1"), ("u1", "t1")])
async def test_a_call_between_tcp_and_udp(server: Server, tmp_path: Path, way_in: str, way_out: str) -> None:
    number = {"u1": "first", "t1": "stream"}[way_out]
    await run(
        agent(server, tmp_path, "agent_holds", transport=way_out),
        customer(server, tmp_path, "customer_is_held", number, transport=way_in),
    )


async def test_a_phone_registers_asks_and_leaves_over_tcp(server: Server, tmp_path: Path) -> None:
    await run(phone(server, tmp_path, "phone_registers", "robert", "robert", transport="t1"))


@pytest.mark.parametrize("transport", ["u1", "t1"])
@pytest.mark.parametrize(("calling", "called"), FLOWS[:3])
async def test_the_main_flows_over_ipv6(servers: Servers, tmp_path: Path, calling: str, called: str, transport: str) -> None:
    six = servers(address="::1", ring_timeout=3)
    number = {"u1": "first", "t1": "stream"}[transport]
    await run(agent(six, tmp_path, called, transport=transport), customer(six, tmp_path, calling, number, transport=transport))
