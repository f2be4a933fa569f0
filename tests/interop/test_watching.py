"""Lamp keys and texts with SIPp: a real subscriber beside a real call, and a real phone that is written to."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from control_api.client import ControlClient
from control_api.permissions import Refusal
from tests.interop.houses import TOKEN
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.test_sipp import agent, customer, phone, run
from tests.interop.tools import PATIENCE

TEXT = "Offer him the refund"


async def subscribed(keys: Sipp) -> None:
    """Wait until the keys were told the state for the first time."""
    async with asyncio.timeout(PATIENCE):
        while "dialog-info" not in keys.messages().partition("NOTIFY sip:")[2]:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("transport", ["u1", "t1"])
@pytest.mark.parametrize("name", ["nora", "1001"])
async def test_a_lamp_follows_a_call(server: Server, tmp_path: Path, name: str, transport: str) -> None:
    async with phone(server, tmp_path, "keys_watch_a_call", "sue", name, transport=transport) as keys:
        await subscribed(keys)
        await run(agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, number="nora"))
        (await keys.finished()).check()


async def test_a_notify_whose_answer_is_lost_comes_again(server: Server, tmp_path: Path) -> None:
    keys = phone(server, tmp_path, "keys_lose_an_answer", "sue", "nora")
    await run(keys)
    assert keys.messages().count("NOTIFY sip:") >= 2


async def test_a_console_may_look_once(server: Server, tmp_path: Path) -> None:
    await run(phone(server, tmp_path, "keys_look_once", "lee", "robert"))


@pytest.mark.parametrize(("user", "service", "status"), [("lee", "nora", "404"), ("lee", "nobody", "404"), ("carl", "robert", "403")])
async def test_who_may_not_watch_is_refused(server: Server, tmp_path: Path, user: str, service: str, status: str) -> None:
    await run(phone(server, tmp_path, "keys_are_refused", user, service, keys={"status": status}))


async def test_a_wrong_secret_watches_nobody(server: Server, tmp_path: Path) -> None:
    await run(phone(server, tmp_path, "keys_are_refused", "sue", "nora", keys={"status": "401"}, options=("-ap", "wrong")))


async def test_another_event_and_too_short_a_time_are_told_what_is_right(server: Server, tmp_path: Path) -> None:
    await run(phone(server, tmp_path, "keys_ask_too_much", "sue", "nora"))


async def registered(server: Server, folder: Path, status: str) -> Sipp:
    """Robert's phone, registered, and then waiting for a text at the same port."""
    comes = phone(server, folder, "phone_comes", "robert", "robert")
    await run(comes)
    keys: dict[str, Any] = {"text": TEXT, "status": status}
    return Sipp(folder / "display", "phone_takes_a_text", address=comes.address, port=comes.port, keys=keys)


async def test_a_text_reaches_a_registered_phone(server: Server, tmp_path: Path) -> None:
    async with await registered(server, tmp_path, "200") as display, ControlClient(server.control, TOKEN) as client:
        result = await client.message(TEXT, agent="robert")
        (await display.finished()).check()
    assert (result.status, result.phones) == (200, 1)


async def test_a_phone_that_takes_no_texts_is_told(server: Server, tmp_path: Path) -> None:
    async with await registered(server, tmp_path, "405") as display, ControlClient(server.control, TOKEN) as client:
        with pytest.raises(Refusal, match="answered 405"):
            await client.message(TEXT, agent="robert")
        (await display.finished()).check()
