"""Who takes whose place, with SIPp at every end: INVITE with Replaces (RFC 3891), attended transfers, and Referred-By (RFC 3892)."""

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.test_sipp import acknowledged, agent, as_written, customer, hang_up, phone, run, said, talking

ELSEWHERE = {"because": 'SIP;cause=200;text="Call completed elsewhere"'}


async def place_of_called(sipp: Sipp, status: int = 200) -> str:
    """The dialog of a phone that was called, as the server has it."""
    found = await said(sipp, rf"SIP/2.0 {status} .*?From:.*?;tag=(\S+)\nTo:.*?;tag=(\S+)\nCall-ID: (\S+)")
    return f"{found[3]};to-tag={found[1]};from-tag={found[2]}"


async def place_of_caller(sipp: Sipp) -> str:
    """The dialog of a phone that called, as the server has it, once it has acknowledged the answer."""
    found = await said(sipp, r"\nACK sip:[^\n]*\nVia:[^\n]*\nFrom:[^\n]*?;tag=(\S+)\nTo:[^\n]*?;tag=(\S+)\nCall-ID: (\S+)\nCSeq: 2 ACK")
    return f"{found[3]};to-tag={found[2]};from-tag={found[1]}"


async def test_a_permitted_user_takes_an_agents_place(server: Server, tmp_path: Path) -> None:
    called = agent(server, tmp_path, "agent_answers")
    async with talking(server, called, customer(server, tmp_path, "customer_is_hung_up", "nora")):
        keys = {"replaces": await place_of_called(called)}
        await run(phone(server, tmp_path, "phone_replaces", "sue", "pickup", keys=keys))


async def test_a_call_that_rings_is_picked_up(server: Server, tmp_path: Path) -> None:
    rings = agent(server, tmp_path, "agent_is_cancelled_because", keys=ELSEWHERE)
    async with rings, customer(server, tmp_path, "customer_is_hung_up", "nora") as calling:
        place = await place_of_called(rings, 180)
        await run(phone(server, tmp_path, "phone_replaces", "sue", "pickup", keys={"replaces": f"{place};early-only"}))
        await as_written(rings, calling)


@pytest.mark.parametrize(
    ("user", "replaces", "status"),
    [
        ("sue", "{place};early-only", "486"),
        ("sue", "nonesuch;to-tag=1;from-tag=2", "481"),
        ("lee", "{place}", "481"),
        ("carl", "{place}", "403"),
    ],
    ids=["answered already", "unknown", "beyond the ceiling", "no ceiling"],
)
async def test_who_may_not_take_a_place_is_refused(server: Server, tmp_path: Path, user: str, replaces: str, status: str) -> None:
    called, calling = agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, "customer_is_hung_up", "nora")
    async with talking(server, called, calling):
        keys = {"replaces": replaces.format(place=await place_of_called(called)), "status": status}
        await run(phone(server, tmp_path, "phone_may_not_replace", user, "pickup", keys=keys))


async def test_a_supervisor_keeps_his_place(server: Server, tmp_path: Path) -> None:
    called, calling = agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, "customer_is_hung_up", "nora")
    async with called, calling:
        await acknowledged(called)
        async with phone(server, tmp_path, "phone_calls", "pia", "*1nora") as supervises:
            keys = {"replaces": await place_of_caller(supervises), "status": "603"}
            await run(phone(server, tmp_path, "phone_may_not_replace", "sue", "pickup", keys=keys))
            await hang_up(server)
            await as_written(called, calling, supervises)


async def rita(server: Server, folder: Path, scenario: str, **keys: str) -> Sipp:
    """Rita's phone, registered, and then waiting for a call at the same port."""
    comes = phone(server, folder, "phone_comes", "rita", "rita")
    await run(comes)
    return agent(server, folder, scenario, port=comes.port, keys={"outcome": "200", **keys})


async def test_an_attended_transfer_joins_the_two_calls_of_an_agent(server: Server, tmp_path: Path) -> None:
    consults, expert = phone(server, tmp_path, "phone_calls", "rita", "nora"), agent(server, tmp_path, "agent_answers")
    async with expert, consults:
        replaces = quote(await place_of_caller(consults), safe="")
        transfers = await rita(server, tmp_path, "agent_transfers_and_waits", refer_to=f"sip:nora@{server.sip}?Replaces={replaces}")
        async with transfers, customer(server, tmp_path, "customer_is_hung_up", "rita") as calling:
            await as_written(transfers)
            await hang_up(server)
            await as_written(calling, expert, consults)


async def test_the_target_of_a_transfer_is_told_by_whom(server: Server, tmp_path: Path) -> None:
    keys = {"invite_reads": "Referred-By: .sip:rita@", "bye_reads": "BYE", "never_reads": "nothing like this", "agent_says": ""}
    called = agent(server, tmp_path, "agent_reads", port=server.second, keys=keys)
    transfers = await rita(server, tmp_path, "agent_transfers_and_waits", refer_to=f"sip:mona@{server.sip}")
    async with called, transfers, customer(server, tmp_path, "customer_is_hung_up", "rita") as calling:
        await as_written(transfers)
        await hang_up(server)
        await as_written(called, calling)
