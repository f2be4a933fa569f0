"""The way of requests inside calls, with SIPp at both ends: routers that record themselves, phones behind NAT, forks, and glare."""

from pathlib import Path

import pytest

from tests.interop.phones.sipp import Sipp, Told
from tests.interop.server import Server
from tests.interop.test_sipp import agent, customer, run, said, talking
from tests.interop.tools import free_port

# routers: loose ones stay in Route, strict ones are where the request goes, and the phone stands last in Route (RFC 3261 §12.2.1.1)

ROUTER = "sip:router@[local_ip]:[local_port]"
LOOSE = {"router": f"<{ROUTER};lr>", "goes_to": "sip:{phone}@", "passes": "sip:router@.*;lr"}
STRICT = {"router": f"<{ROUTER}>", "goes_to": "sip:router@", "passes": "sip:{phone}@"}


@pytest.mark.parametrize("router", [LOOSE, STRICT], ids=["loose", "strict"])
async def test_requests_to_a_caller_pass_his_router(server: Server, tmp_path: Path, router: dict[str, str]) -> None:
    keys = {name: value.replace("{phone}", "customer") for name, value in router.items()}
    await run(agent(server, tmp_path, "agent_hangs_up"), customer(server, tmp_path, "customer_behind_a_router", keys=keys))


@pytest.mark.parametrize("router", [LOOSE, STRICT], ids=["loose", "strict"])
async def test_requests_to_an_agent_pass_his_router(server: Server, tmp_path: Path, router: dict[str, str]) -> None:
    keys = {name: value.replace("{phone}", "agent") for name, value in router.items()}
    await run(agent(server, tmp_path, "agent_behind_a_router", keys=keys), customer(server, tmp_path))


# Via: what is not true in it is put right for the answer (RFC 3261 §18.2.1, RFC 3581)


@pytest.mark.parametrize(
    ("sent_by", "told"),
    [("192.0.2.9:9;rport", "received={address};rport={port}|rport={port};received={address}"), ("192.0.2.9:{port}", "received={address}")],
    ids=["rport", "received alone"],
)
async def test_a_phone_behind_nat_is_answered_and_hung_up_where_it_is(server: Server, tmp_path: Path, sent_by: str, told: str) -> None:
    port = free_port(server.trunk)
    keys = {name: text.format(address=server.trunk, port=port) for name, text in {"sent_by": sent_by, "told": told}.items()}
    await run(agent(server, tmp_path, "agent_hangs_up"), customer(server, tmp_path, "customer_behind_nat", keys=keys, port=port))


async def test_of_two_forks_that_answer_the_second_is_hung_up(server: Server, tmp_path: Path) -> None:
    forks = agent(server, tmp_path, "agent_forks")
    async with talking(server, forks, customer(server, tmp_path, "customer_is_hung_up")):
        await said(forks, r"\nBYE sip:")


# glare: who owns the Call-ID waits longer (RFC 3261 §14.1)

TRIES = 3
"""One of so many must come in time: a wait may by lot be so near to the longest that a busy machine makes it longer."""


async def waits(server: Server, folder: Path, called: str, calling: str, most: float) -> list[float]:
    """How long the server waited after a 491, call by call, until it was as short as it should be."""
    waits: list[float] = []
    while len(waits) < TRIES and not (waits and waits[-1] <= most):
        here = folder / str(len(waits))
        phones = agent(server, here, called), customer(server, here, calling)
        await run(*phones)
        waits += [waited(phone) for phone in phones if refusals(phone)]
    return waits


async def test_after_a_491_of_the_caller_the_offer_comes_again_within_two_seconds(server: Server, tmp_path: Path) -> None:
    found = await waits(server, tmp_path, "agent_holds_once", "customer_answers_491", 2.0)
    assert 0 <= found[-1] <= 2.0, found


async def test_after_a_491_of_the_called_the_offer_comes_again_after_two_seconds_at_least(server: Server, tmp_path: Path) -> None:
    found = await waits(server, tmp_path, "agent_answers_491", "customer_holds_once", 4.0)
    assert min(found) >= 2.1, found
    assert found[-1] <= 4.0, found


def refusals(phone: Sipp) -> list[Told]:
    """The 491 that a phone said."""
    return [told for told in phone.told() if told.text.startswith("SIP/2.0 491") and not told.is_received]


def waited(phone: Sipp) -> float:
    """Seconds from a phone's 491 to the INVITE after it."""
    refused = refusals(phone)[0]
    invited = next(told for told in phone.told() if told.text.startswith("INVITE sip:") and told.at > refused.at)
    return (invited.at - refused.at).total_seconds()
