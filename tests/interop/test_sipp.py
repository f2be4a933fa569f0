"""The server between SIPp and SIPp: every call goes as the scenarios of both sides are written."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from control_api.client import ControlClient
from control_api.messages import CallModel, EventMessage
from control_api.permissions import Refusal
from tests.interop.conftest import Servers
from tests.interop.houses import SECRET, TOKEN
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.tools import PATIENCE

TALK = ("-d", "100")
CREDENTIALS = ("-ap", SECRET)


def customer(server: Server, folder: Path, scenario: str = "customer", number: str = "first", **settings: Any) -> Sipp:
    """A customer behind the trunk."""
    options = (*TALK, *settings.pop("options", ()))
    return Sipp(folder / scenario, scenario, server.sip, service=number, address=server.trunk, options=options, **settings)


def agent(server: Server, folder: Path, scenario: str, port: int = 0, **settings: Any) -> Sipp:
    """A phone at one of the ports that the server rings."""
    where = port or server.first
    options = (*TALK, *settings.pop("options", ()))
    return Sipp(folder / f"{scenario}-{where}", scenario, address=server.address, port=where, options=options, **settings)


def phone(server: Server, folder: Path, scenario: str, user: str, service: str, **settings: Any) -> Sipp:
    """A user's phone, which knows his secret unless told another."""
    options = ("-au", user, *settings.pop("options", CREDENTIALS), *TALK)
    keys = {"supervisor": user, **settings.pop("keys", {})}
    where = {"address": server.address} | settings
    return Sipp(folder / f"{scenario}-{user}", scenario, server.sip, service=service, options=options, keys=keys, **where)


async def run(*phones: Sipp, calls: int = 1) -> None:
    """Start the phones in turn, the caller last; every one must find its calls as written."""
    async with AsyncExitStack() as stack:
        for started in phones:
            await stack.enter_async_context(started)
        await as_written(*phones, calls=calls)


async def as_written(*phones: Sipp, calls: int = 1) -> None:
    """Wait for phones that were started; every one must find its calls as written."""
    for statistics in await asyncio.gather(*(started.finished() for started in phones)):
        statistics.check(calls)


async def said(sipp: Sipp, pattern: str) -> re.Match[str]:
    """Wait for a message of a phone's."""
    async with asyncio.timeout(PATIENCE):
        while not (found := re.search(pattern, sipp.messages().replace("\r", ""), re.DOTALL)):
            await asyncio.sleep(0.02)
    return found


async def acknowledged(called: Sipp) -> None:
    """Wait until the answer of a phone that was called has come through."""
    await said(called, r"\nACK sip:")


async def answered(client: ControlClient) -> CallModel:
    """Wait for a call's answer; the call as it was then, though it be over by now."""
    async with asyncio.timeout(PATIENCE), aclosing(client.events()) as events:
        async for update in events:
            if isinstance(update, EventMessage) and update.kind == "call.answered" and update.call is not None:
                return update.call
    raise AssertionError("events never end")


async def hang_up(server: Server) -> None:
    """End the server's calls, as its operator may: nobody has to know beforehand how long they must last."""
    async with ControlClient(server.control, TOKEN) as client:
        for call in tuple(client.calls):
            with suppress(Refusal):  # where it ends by itself at this moment
                await client.end(call)


@asynccontextmanager
async def talking(server: Server, called: Sipp, calling: Sipp) -> AsyncIterator[None]:
    """A call that lasts until what is done in it is over, and is then ended by the server, which both find as written."""
    async with called, calling:
        await acknowledged(called)
        yield
        await hang_up(server)
        await as_written(called, calling)


@pytest.mark.parametrize(
    ("calling", "called"),
    [
        ("customer", "agent_answers"),
        ("customer", "agent_answers_at_once"),
        ("customer", "agent_early_media"),
        ("customer_is_hung_up", "agent_hangs_up"),
        ("customer_delayed_offer", "agent_answers"),
        ("customer_cancels", "agent_never_answers"),
        ("customer_cancels_too_late", "agent_answers_at_once"),
        ("customer_holds", "agent_is_held"),
        ("customer_holds_by_zeros", "agent_is_held_once"),
        ("customer_is_held", "agent_holds"),
        ("customer_answers_491", "agent_holds_once"),
        ("customer_glares", "agent_holds_once"),
    ],
)
async def test_a_call_through_the_server(server: Server, tmp_path: Path, calling: str, called: str) -> None:
    await run(agent(server, tmp_path, called), customer(server, tmp_path, calling))


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_ten_calls_at_once_over_each_transport(server: Server, tmp_path: Path, transport: str) -> None:
    await run(
        agent(server, tmp_path, "agent_answers", calls=10),
        customer(server, tmp_path, calls=10, rate=20, transport=transport),
        calls=10,
    )


@pytest.mark.parametrize(
    ("agent_says", "customer_is_told"),
    [("486", "486"), ("480", "480"), ("603", "603"), ("404", "404"), ("503", "480"), ("500", "480"), ("401", "480")],
)
async def test_a_refusal_reaches_the_customer_as_a_code_of_ours(
    server: Server, tmp_path: Path, agent_says: str, customer_is_told: str
) -> None:
    await run(
        agent(server, tmp_path, "agent_refuses", keys={"status": agent_says, "reason": "Said By The Agent"}),
        customer(server, tmp_path, "customer_is_refused", keys={"status": customer_is_told}),
    )


async def test_no_answer_is_480_after_the_ring_timeout(server: Server, tmp_path: Path) -> None:
    await run(agent(server, tmp_path, "agent_never_answers"), customer(server, tmp_path, "customer_is_refused", keys={"status": "480"}))


@pytest.mark.parametrize("first", ["agent_refuses", "agent_never_answers", "agent_moved"])
async def test_the_next_target_is_tried(server: Server, tmp_path: Path, first: str) -> None:
    keys = {"status": "486", "reason": "Busy Here", "moved_to": f"sip:service@{server.address}:{server.second}"}
    await run(
        agent(server, tmp_path, first, keys=keys),
        agent(server, tmp_path, "agent_answers", port=server.second),
        customer(server, tmp_path, number="hunt"),
    )


@pytest.mark.parametrize(("number", "status"), [("nobody", "404"), ("robert", "480"), ("*1robert", "401")])
async def test_what_leads_nowhere_is_refused(server: Server, tmp_path: Path, number: str, status: str) -> None:
    await run(customer(server, tmp_path, "customer_is_refused", number=number, keys={"status": status}))


async def test_options_are_told(server: Server, tmp_path: Path) -> None:
    await run(customer(server, tmp_path, "phone_asks_options"))


async def test_a_phone_registers_asks_and_leaves(server: Server, tmp_path: Path) -> None:
    await run(phone(server, tmp_path, "phone_registers", "robert", "robert"))


async def test_a_wrong_secret_registers_nobody(server: Server, tmp_path: Path) -> None:
    await run(phone(server, tmp_path, "phone_registers_with_wrong_secret", "robert", "robert", options=("-ap", "wrong")))


async def test_a_registration_for_five_seconds_is_too_brief(server: Server, tmp_path: Path) -> None:
    await run(phone(server, tmp_path, "phone_registers_too_briefly", "robert", "robert"))


async def test_a_call_that_is_never_acknowledged_is_ended(servers: Servers, tmp_path: Path) -> None:
    impatient = servers(t1=0.05)
    calling = customer(impatient, tmp_path, "customer_never_acknowledges")
    await run(agent(impatient, tmp_path, "agent_answers_at_once"), calling)
    assert calling.messages().count("SIP/2.0 200 OK") > 3, "the 200 must be repeated until it is given up"
