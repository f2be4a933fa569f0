"""Every pair of codecs between phones that nobody here wrote: baresip's G.722 is spandsp's, its Opus libopus at 48 kHz in stereo."""

import asyncio
from itertools import product
from pathlib import Path

import pytest

from tests.audio import Int16, judge
from tests.interop.conftest import Servers
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ, hear
from tests.interop.houses import SECRET
from tests.interop.phones.baresip import Baresip
from tests.interop.server import Server

CODECS = {"opus": "opus/48000/2", "G722": "G722/16000/1", "L16": "L16/16000/1", "PCMU": "PCMU/8000/1"}
HEARD_WITHIN_DB = 5.0
"""baresip's way from the 8 kHz of the voices to what a codec wants is uneven: 1103 Hz leave it 4 dB softer in every codec of 16 kHz."""
NOT_HEARD_DB = -45.0
"""What codecs with a loss make of one tone at the frequency of another is below it, over a second."""


@pytest.fixture(scope="module")
def wide(servers: Servers) -> Server:
    """A server that speaks every codec."""
    return servers(codecs=("opus", "G722", "L16/16000", "PCMU", "PCMA"))


def check(heard: Int16, wanted: set[float]) -> None:
    """Exactly these tones are heard over a second, about as loud as they were said; whether there are gaps is judged elsewhere."""
    for frequency in (CUSTOMER_HZ, AGENT_HZ, SUPERVISOR_HZ):
        judgement = judge(heard, frequency)
        if frequency in wanted:
            assert abs(judgement.loudest_over_a_second_db) < HEARD_WITHIN_DB, str(judgement)
        else:
            assert judgement.loudest_over_a_second_db < NOT_HEARD_DB, str(judgement)


def phone(server: Server, folder: Path, user: str, voice: Path, codec: str) -> Baresip:
    """A user's phone that speaks one codec."""
    return Baresip(folder / user, user, voice, registrar=server.sip, secret=SECRET, codecs=(CODECS[codec],))


async def talk(customer: Baresip, agent: Baresip, server: Server) -> None:
    """The customer calls, and the agent takes it."""
    await asyncio.gather(customer.registered(), agent.registered())
    await customer.dial(f"sip:robert@{server.sip}")
    await agent.wait_for("CALL_INCOMING")
    await agent.accept()
    await asyncio.gather(customer.wait_for("CALL_ESTABLISHED"), agent.wait_for("CALL_ESTABLISHED"))


@pytest.mark.parametrize(("customers", "agents"), list(product(CODECS, CODECS)))
async def test_two_phones_hear_each_other_in_any_pair_of_codecs(
    wide: Server, voices: dict[float, Path], tmp_path: Path, customers: str, agents: str
) -> None:
    async with (
        phone(wide, tmp_path, "carl", voices[CUSTOMER_HZ], customers) as customer,
        phone(wide, tmp_path, "robert", voices[AGENT_HZ], agents) as agent,
    ):
        await talk(customer, agent, wide)
        await hear({customer: {AGENT_HZ}, agent: {CUSTOMER_HZ}}, check)


@pytest.mark.parametrize(
    ("customers", "agents", "supervisors"), [("PCMU", "G722", "opus"), ("opus", "PCMU", "G722"), ("G722", "opus", "PCMU")]
)
async def test_a_supervisor_barges_into_a_call_of_three_codecs_by_a_digit(
    wide: Server, voices: dict[float, Path], tmp_path: Path, customers: str, agents: str, supervisors: str
) -> None:
    async with (
        phone(wide, tmp_path, "carl", voices[CUSTOMER_HZ], customers) as customer,
        phone(wide, tmp_path, "robert", voices[AGENT_HZ], agents) as agent,
        phone(wide, tmp_path, "sue", voices[SUPERVISOR_HZ], supervisors) as supervisor,
    ):
        await talk(customer, agent, wide)
        await supervisor.registered()
        await supervisor.dial(f"sip:*1robert@{wide.sip}")
        await supervisor.wait_for("CALL_ESTABLISHED")
        await supervisor.send_digit("6")
        await hear(
            {
                customer: {AGENT_HZ, SUPERVISOR_HZ},
                agent: {CUSTOMER_HZ, SUPERVISOR_HZ},
                supervisor: {CUSTOMER_HZ, AGENT_HZ},
            },
            check,
        )
