"""What is lost or said twice over UDP: every call goes as written all the same, and nobody is told anything twice.

Flows whose scenarios cannot bear that one message overtakes another (PRACK, UPDATE, CANCEL) are tried in `tests.sip.test_lossy_networks`.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import Servers
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.test_sipp import agent, customer, phone, run

STOIC = ("-nr",)
"""SIPp does not say again what it said last when it is told something again, which it does even to an ACK."""


@pytest.fixture
def quick(servers: Servers) -> Server:
    """A server that is quick to say things again."""
    return servers(t1=0.1, ring_timeout=3)


def heard(sipp: Sipp, start: str) -> int:
    """How often a phone was sent a message that starts so."""
    return len(messages(sipp, start))


def heard_apart(sipp: Sipp, start: str) -> int:
    """How many different ones: who lacks time to answer is sent the same again, octet by octet (RFC 3261 §17.1)."""
    return len(set(messages(sipp, start)))


def messages(sipp: Sipp, start: str) -> list[str]:
    """What a phone was sent and starts so."""
    return [told.text for told in sipp.told() if told.is_received and told.text.startswith(start)]


# said twice, or late


async def test_what_a_caller_says_twice_happens_once(quick: Server, tmp_path: Path) -> None:
    called, calling = agent(quick, tmp_path, "agent_answers_at_once"), customer(quick, tmp_path, "customer_repeats_himself", options=STOIC)
    await run(called, calling)
    assert [heard_apart(called, method) for method in ("INVITE", "ACK", "BYE")] == [1, 1, 1]


async def test_a_200_comes_again_until_it_is_acknowledged(quick: Server, tmp_path: Path) -> None:
    called, calling = agent(quick, tmp_path, "agent_answers_at_once"), customer(quick, tmp_path, "customer_acknowledges_slowly")
    await run(called, calling)
    assert heard(calling, "SIP/2.0 200") >= 3
    assert heard_apart(called, "INVITE") == 1


async def test_a_refusal_comes_again_until_it_is_acknowledged(quick: Server, tmp_path: Path) -> None:
    calling = customer(quick, tmp_path, "customer_is_refused_and_slow", "nobody", keys={"status": "404"})
    await run(calling)
    assert heard(calling, "SIP/2.0 404") >= 3


async def test_an_invite_comes_again_until_it_is_answered(quick: Server, tmp_path: Path) -> None:
    called = agent(quick, tmp_path, "agent_rings_late")
    await run(called, customer(quick, tmp_path))
    assert heard(called, "INVITE") >= 2


async def test_each_200_of_an_agent_is_acknowledged_and_a_bye_comes_again_until_it_is_answered(servers: Servers, tmp_path: Path) -> None:
    patient = servers()  # a quick one says its INVITE again to an agent who only lacks time
    called = agent(patient, tmp_path, "agent_repeats_himself", options=STOIC)
    await run(called, customer(patient, tmp_path))
    assert heard(called, "ACK") == 2
    assert heard(called, "BYE") >= 2
    assert heard_apart(called, "BYE") == 1


async def test_a_cancel_comes_again_until_it_is_answered(quick: Server, tmp_path: Path) -> None:
    called, calling = agent(quick, tmp_path, "agent_is_slow_to_go"), customer(quick, tmp_path, "customer_cancels")
    await run(called, calling)
    assert heard(called, "CANCEL") >= 2
    assert heard_apart(calling, "SIP/2.0 487") == 1


async def test_a_prack_comes_again_until_it_is_answered(quick: Server, tmp_path: Path) -> None:
    called = agent(quick, tmp_path, "agent_answers_pracks_late")
    await run(called, customer(quick, tmp_path))
    assert heard(called, "PRACK") >= 2


# lost: one in ten, or in twenty, at one side, each way

FLOWS = [
    ("customer", "agent_answers_at_once"),
    ("customer", "agent_answers"),
    ("customer_is_hung_up", "agent_hangs_up"),
    ("customer_delayed_offer", "agent_answers"),
]


CALLS = 6
PATIENT: dict[str, Any] = {"calls": CALLS, "repeats_ms": 100, "within": 30}
TRIES = 4
"""In one of so many the agent's phone must have had the time that it needs."""


async def losing(server: Server, folder: Path, calling: str, called: str, side: str, share: str) -> None:
    """Calls of which one side loses a share of what it sends and what it is sent.

    An agent's phone that loses nothing, and is told an INVITE again all the same, lacked time; then SIPp may take it for another one.
    """
    options = {name: ("-lost", share if name == side else "0", "-d", "600") for name in ("customer", "agent")}
    lingers_ms = 1600 if side == "agent" else 0
    for number in range(TRIES):
        port = server.another_port()  # what the server says again to somebody who left must not reach the next test
        here = folder / str(number)
        phone = agent(server, here, called, port, options=options["agent"], lingers_ms=lingers_ms, **PATIENT)
        try:
            return await run(
                phone, customer(server, here, calling, f"at{port}", options=options["customer"], rate=20, **PATIENT), calls=CALLS
            )
        except AssertionError:
            if number == TRIES - 1 or side == "agent" or heard(phone, "INVITE") <= CALLS:
                raise


@pytest.mark.parametrize(("calling", "called"), [*FLOWS, ("customer_holds_by_zeros", "agent_is_held_once")])
async def test_calls_survive_losses_at_the_customer(quick: Server, tmp_path: Path, calling: str, called: str) -> None:
    await losing(quick, tmp_path, calling, called, "customer", "10")


@pytest.mark.parametrize(("calling", "called"), FLOWS)
async def test_calls_survive_losses_at_the_agent(quick: Server, tmp_path: Path, calling: str, called: str) -> None:
    await losing(quick, tmp_path, calling, called, "agent", "5")


async def test_registrations_survive_losses(quick: Server, tmp_path: Path) -> None:
    options = ("-ap", "wonderland", "-lost", "10", "-l", "1")
    await run(phone(quick, tmp_path, "phone_registers", "robert", "robert", options=options, calls=5, repeats_ms=100), calls=5)
