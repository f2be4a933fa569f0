"""What browsers ask and are told over the websocket: offers, candidates, servers, and who has a client at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from pydantic import ValidationError

from control_api.client import ControlClient
from control_api.supervision_models import CandidateCommand, SuperviseCommand
from tests.control_api.desk import call_model
from tests.control_api.serving import ANNA_TOKEN, ANNAS_LOWER_TOKEN, Served, serving

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A server with one call."""
    async with serving() as server:
        server.desk.put(call_model("c1"))
        yield server


async def test_an_offer_is_answered_and_the_leg_is_joined_at_once(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN) as client:
        made = await client.supervise(call="c1", offer=OFFER)
        assert (made.state, made.answer) == ("joined", "v=0\r\n")
        assert served.desk.asked[-1] == ("join", {"offer": OFFER, "remote": "127.0.0.1"})
        assert await client.reoffer(made.leg, OFFER) == "v=0\r\n"
        await client.candidate(made.leg, "candidate:1 1 udp 1 192.0.2.7 9 typ host")
        await client.candidate(made.leg, "")
        assert [name for name, _ in served.desk.asked[-3:]] == ["reoffer", "candidate", "candidate"]


async def test_browsers_are_told_servers(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN) as client:
        told = await client.ice_servers()
    assert [server.urls for server in told.servers] == [("stun:stun.example.com",)]
    assert told.lifetime == 3600


async def test_the_desk_learns_when_the_last_client_of_an_identity_is_gone(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN), ControlClient(served.url, ANNA_TOKEN):
        assert served.desk.attendance == [("anna", True), ("anna", True)]
    async with asyncio.timeout(30):
        while served.desk.attendance[-1] != ("anna", False):
            await asyncio.sleep(0.01)
    assert served.desk.attendance.count(("anna", False)) == 1


async def test_a_client_that_came_by_another_ceiling_is_one_of_the_same_persons(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN):
        async with ControlClient(served.url, ANNAS_LOWER_TOKEN):
            assert len(served.desk.clients) == 2
        async with asyncio.timeout(30):
            while len(served.desk.clients) == 2:
                await asyncio.sleep(0.01)
        assert served.desk.attendance == [("anna", True), ("anna", True)]
    async with asyncio.timeout(30):
        while served.desk.attendance[-1] != ("anna", False):
            await asyncio.sleep(0.01)


async def test_the_desk_knows_which_clients_are_there_but_for_those_whose_modes_stay(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN), ControlClient(served.url, ANNA_TOKEN, modes_stay=True):
        assert [client.identity and client.identity.name for client in served.desk.clients] == ["anna"]
    async with asyncio.timeout(30):
        while served.desk.clients:
            await asyncio.sleep(0.01)


async def test_a_client_that_comes_back_is_noted(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN) as client, aclosing(client.events()) as updates:
        await anext(updates)
    async with ControlClient(served.url, ANNA_TOKEN):
        assert served.desk.attendance[-1] == ("anna", True)


@pytest.mark.parametrize("fields", [{"phone": "sip:anna@192.0.2.7", "offer": OFFER}, {"offer": ""}, {"offer": "x" * 16_385}])
def test_a_phone_and_a_browser_at_once_or_an_offer_of_no_use_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SuperviseCommand.model_validate({"type": "supervise", "id": 1, "call": "c1", **fields})


@pytest.mark.parametrize("candidate", ["a=candidate:1", "candidate:é", "candidate:1\r\na=x", "x", "candidate:" + "1" * 512])
def test_what_is_no_candidate_is_refused(candidate: str) -> None:
    with pytest.raises(ValidationError):
        CandidateCommand.model_validate({"type": "candidate", "id": 1, "leg": 1, "candidate": candidate})
