"""What one leg says and the other is told, with SIPp at both ends: digits, reasons, Session-ID, who calls, hops, answering by itself."""

from pathlib import Path
from typing import Any

import pytest

from control_api.client import ControlClient
from tests.interop.houses import TOKEN
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.test_sipp import acknowledged, agent, as_written, customer, phone, run, talking
from tests.interop.tools import PATIENCE

ANYTHING, NOTHING = "SIP/2.0", "not in any message"
UUIDS = ("a1a2a3a4b1b24c1c8d1d2d3d4d5d6d7d", "0f0e0d0c0b0a4908870605040302010f")


def saying(server: Server, folder: Path, *, invite: str = "", bye: str = "", hops: str = "70", reads: str = ANYTHING, **more: Any) -> Sipp:
    """A customer with headers of his own, who reads something in the 200."""
    keys = {"invite_says": invite, "bye_says": bye, "hops": hops, "answer_reads": reads}
    return customer(server, folder, "customer_says", keys=keys, **more)


def reading(
    server: Server, folder: Path, *, invite: str = ANYTHING, bye: str = ANYTHING, never: str = NOTHING, says: str = "", **more: Any
) -> Sipp:
    """An agent who reads something in the INVITE and in the BYE, and nowhere what he should not see."""
    keys = {"invite_reads": invite, "bye_reads": bye, "never_reads": never, "agent_says": says}
    return agent(server, folder, "agent_reads", keys=keys, **more)


# INFO


async def test_digits_by_info_reach_the_other_party_in_the_same_form(server: Server, tmp_path: Path) -> None:
    await run(agent(server, tmp_path, "agent_is_sent_digits"), customer(server, tmp_path, "customer_sends_digits"))


# Reason


async def test_why_a_call_is_given_up_is_told_to_the_phone_that_rings(server: Server, tmp_path: Path) -> None:
    because = {"because": 'SIP;cause=200;text="Call completed elsewhere"'}
    await run(
        agent(server, tmp_path, "agent_is_cancelled_because", keys=because),
        customer(server, tmp_path, "customer_cancels_because", keys=because),
    )


async def test_why_a_call_is_refused_is_told_to_the_caller(server: Server, tmp_path: Path) -> None:
    await run(
        agent(server, tmp_path, "agent_refuses_because", keys={"because": "Q.850;cause=18"}),
        customer(server, tmp_path, "customer_is_refused_because", keys={"because": 'Q.850;cause=18;text="no user responding"'}),
    )


async def test_why_one_hangs_up_is_told_to_the_other_in_our_words(server: Server, tmp_path: Path) -> None:
    await run(
        reading(server, tmp_path, bye='Reason: Q.850;cause=31;text="normal, unspecified"', never="inner secret"),
        saying(server, tmp_path, bye='Reason: Q.850;cause=31;text="inner secret"'),
    )


# who calls, and what of it goes on


async def test_what_an_untrusted_trunk_asserts_is_not_passed_on(server: Server, tmp_path: Path) -> None:
    who = "<sip:president@house.example>"
    asserted = f"P-Asserted-Identity: {who}\nP-Preferred-Identity: {who}\nX-Inner: of the pbx"
    await run(reading(server, tmp_path, never="president|P-Asserted-Identity|X-Inner"), saying(server, tmp_path, invite=asserted))


async def test_each_side_sees_the_session_id_of_the_other(server: Server, tmp_path: Path) -> None:
    calling, called = UUIDS
    await run(
        reading(
            server,
            tmp_path,
            invite=f"Session-ID: {calling};remote=0{{32}}",
            bye=f"Session-ID: {calling};remote={called}",
            says=f"Session-ID: {called};remote={calling}",
        ),
        saying(
            server,
            tmp_path,
            invite=f"Session-ID: {calling};remote={'0' * 32}",
            bye=f"Session-ID: {calling};remote={called}",
            reads=f"Session-ID: {called};remote={calling}",
        ),
    )


async def test_one_hop_less_is_left_for_the_next_leg(server: Server, tmp_path: Path) -> None:
    await run(reading(server, tmp_path, invite="Max-Forwards: 9[^0-9]"), saying(server, tmp_path, hops="10"))


async def test_no_hop_left_is_483(server: Server, tmp_path: Path) -> None:
    await run(customer(server, tmp_path, "customer_has_no_hops_left"))


# phones that answer by themselves


@pytest.mark.parametrize(
    "says",
    ["Answer-Mode: Auto", "Alert-Info: .http://localhost.;info=alert-autoanswer;delay=0", "Call-Info: .sip:localhost.;answer-after=0"],
)
async def test_a_supervisors_phone_that_the_api_rings_is_told_to_answer_by_itself(server: Server, tmp_path: Path, says: str) -> None:
    comes = phone(server, tmp_path, "phone_comes", "sue", "sue")
    await run(comes)
    rung = Sipp(
        tmp_path / "rung",
        "agent_reads",
        address=comes.address,
        port=comes.port,
        keys={"invite_reads": says, "bye_reads": ANYTHING, "never_reads": NOTHING, "agent_says": ""},
    )
    async with rung, ControlClient(server.control, TOKEN) as client:
        async with talking(server, agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, "customer_is_hung_up", "nora")):
            call = await client.until(lambda calls: next((call for call in calls.values() if call.state == "answered"), None), PATIENCE)
            await client.supervise(call=call.call)
            await acknowledged(rung)
        await as_written(rung)
