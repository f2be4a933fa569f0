"""Transfers by real phones while a supervisor whispers: who hears whom before, during and after, judged by tones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from control_api.client import ControlClient
from tests.audio import (
    HEARD_WITHIN_DB,
    HOP,
    RATE,
    SILENT_BELOW_DB,
    SILENT_BELOW_OVER_A_SECOND_DB,
    WINDOW,
    Int16,
    levels_db,
)
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, OTHER_HZ, SUPERVISOR_HZ, hear, hear_as
from tests.interop.houses import EVERYBODY, SECRET, TOKEN, agent, route, token, user, written
from tests.interop.phones.baresip import Baresip
from tests.interop.phones.own import OwnPhone
from tests.interop.server import Server
from tests.interop.tools import PATIENCE, free_port

TARGET_HZ = OTHER_HZ
HEARD_WITHIN = 0.5
"""Seconds of what the supervisor is sent, from where the customer hears the new agent until the supervisor does."""
BESIDE_HZ = 90.0
"""So far away nothing is left of a tone in a window of 100 ms."""
BREAKS_ABOVE_DB = -50.0
BREAKS_WITHIN_DB = 8.0
MOST_BREAKS = 0.15
"""Of the windows of 100 ms, each half in the next one."""


def configuration(stranger: int) -> str:
    """Two agents, a port of somebody whom nobody knows, a supervisor of both agents and one of robert alone."""
    return written(
        agents=[agent("robert", team="support"), agent("maria", team="sales")],
        routes=[
            route("robert", "agent:robert"),
            route("200", "agent:maria"),
            route("consulting", f"sip:robert@127.0.0.1:{stranger}"),
            route("900", f"sip:stranger@127.0.0.1:{stranger}"),
        ],
        users=[
            user("carl", may_call=True),
            user("robert", may_call=True),
            user("maria"),
            user("sue", ceiling=EVERYBODY),
            user("lee", ceiling={"teams": ["support"], "mode": "whisper"}),
        ],
        tokens=[token("sue", TOKEN, user="sue", ceiling=EVERYBODY | {"rights": ["end"]})],
    )


@dataclass
class House:
    """The server, and the phones of one call: customer, agent, whom he transfers to, and a supervisor who whispers."""

    server: Server
    customer: Baresip
    agent: Baresip
    target: Baresip
    supervisor: Baresip


@asynccontextmanager
async def whispering(
    folder: Path, voices: dict[float, Path], *, supervisor: str = "sue", target_registers: bool = True
) -> AsyncIterator[House]:
    """A customer talks to robert, to whom the supervisor whispers; the target's phone is there and idle."""
    folder.mkdir(parents=True, exist_ok=True)
    target = Baresip(folder / "maria", "maria" if target_registers else "stranger", voices[TARGET_HZ])
    with Server(folder / "server", configuration=configuration(target.port)) as server:

        def phone(user: str, hz: float, *, by_itself: bool = False) -> Baresip:
            return Baresip(folder / user, user, voices[hz], registrar=server.sip, secret=SECRET, answers_by_itself=by_itself)

        if target_registers:
            target = phone("maria", TARGET_HZ)
        async with (
            phone("carl", CUSTOMER_HZ) as customer,
            phone("robert", AGENT_HZ) as agent,
            target as rung,
            phone(supervisor, SUPERVISOR_HZ, by_itself=True) as watcher,
        ):
            registering = [customer, agent, watcher, *([rung] if target_registers else [])]
            await asyncio.gather(*(one.registered() for one in registering))
            await customer.dial(f"sip:robert@{server.sip}")
            await agent.wait_for("CALL_INCOMING")
            await agent.accept()
            await asyncio.gather(customer.wait_for("CALL_ESTABLISHED"), agent.wait_for("CALL_ESTABLISHED"))
            await watcher.dial(f"sip:*2robert@{server.sip}")
            await watcher.wait_for("CALL_ESTABLISHED")
            yield House(server, customer, agent, rung, watcher)


def never_hears(heard: Int16, hz: float) -> None:
    """Fail where a tone is heard in any window of a recording.

    Where somebody else's tone breaks off, everything sounds for a moment, what is beside this tone as loudly: those windows are not
    judged, nor the seconds that hold them.
    """
    level = levels_db(heard, hz)
    beside = np.minimum(levels_db(heard, hz - BESIDE_HZ), levels_db(heard, hz + BESIDE_HZ))
    breaks = (level > BREAKS_ABOVE_DB) & (beside > level - BREAKS_WITHIN_DB)
    assert breaks.mean() <= MOST_BREAKS, f"{breaks.sum()} of {len(breaks)} windows are disturbed"
    assert level[~breaks].max() <= -SILENT_BELOW_DB, f"{hz:.0f} Hz is heard: {level[~breaks].max():.1f} dB"
    seconds = levels_db(heard, hz, RATE, RATE // 4)
    whole = [not breaks[start // HOP : (start + RATE - WINDOW) // HOP + 1].any() for start in range(0, len(heard) - RATE + 1, RATE // 4)]
    assert any(whole)
    assert seconds[whole].max() <= -SILENT_BELOW_OVER_A_SECOND_DB, f"{hz:.0f} Hz is heard: {seconds[whole].max():.1f} dB over a second"


async def comes_to_hear(phone: Baresip, hz: float, other: Baresip) -> int:
    """Wait until a phone hears a tone; the position of the other one then."""
    async with asyncio.timeout(PATIENCE):
        while len(recording := phone.recording()[-2 * WINDOW :]) < WINDOW or levels_db(recording, hz).max() < -HEARD_WITHIN_DB:
            await asyncio.sleep(0.02)
    return other.position


def heard_from(recording: Int16, hz: float) -> float:
    """Seconds of a recording until the tone is first heard as loud as it was sent."""
    loud = np.flatnonzero(levels_db(recording, hz) >= -HEARD_WITHIN_DB)
    assert len(loud), f"{hz:.0f} Hz is never heard"
    return float(loud[0]) * HOP / RATE


@pytest.mark.parametrize("number", ["200", "900"])
async def test_a_blind_transfer_during_a_whisper(voices: dict[float, Path], tmp_path: Path, number: str) -> None:
    """To another agent, and to an outside party: neither of them, nor the customer, ever hears the whisper."""
    async with whispering(tmp_path, voices, target_registers=number == "200") as house:
        await hear_as("whisper", house.customer, house.agent, house.supervisor)
        await house.agent.order("transfer", f"sip:{number}@{house.server.sip}")
        await house.target.wait_for("CALL_INCOMING")
        await asyncio.sleep(0.5)
        await house.target.accept()
        await house.target.wait_for("CALL_ESTABLISHED")
        start = await comes_to_hear(house.customer, TARGET_HZ, house.supervisor)
        await house.agent.wait_for("CALL_CLOSED")
        await hear({house.customer: {TARGET_HZ}, house.target: {CUSTOMER_HZ}, house.supervisor: {CUSTOMER_HZ, TARGET_HZ}})
        assert heard_from(house.supervisor.recording()[start:], TARGET_HZ) <= HEARD_WITHIN
        never_hears(house.customer.recording(), SUPERVISOR_HZ)
        never_hears(house.target.recording(), SUPERVISOR_HZ)


async def test_an_attended_transfer_during_a_whisper(voices: dict[float, Path], tmp_path: Path) -> None:
    """Sue whispers in the customer's call, lee listens to the consultation; his ceiling ends with it."""
    robert = free_port("127.0.0.1")
    with Server(tmp_path / "server", configuration=configuration(robert)) as server:

        def phone(user: str, hz: float) -> Baresip:
            return Baresip(tmp_path / user, user, voices[hz], registrar=server.sip, secret=SECRET)

        async with (
            phone("carl", CUSTOMER_HZ) as customer,
            phone("maria", TARGET_HZ) as expert,
            phone("sue", SUPERVISOR_HZ) as sue,
            phone("lee", AGENT_HZ) as lee,
            OwnPhone("robert", SECRET, (server.address, server.port), robert) as agent,
            ControlClient(server.control, TOKEN) as control,
        ):
            await asyncio.gather(*(one.registered() for one in (customer, expert, sue, lee)))
            await customer.dial(f"sip:consulting@{server.sip}")
            first = await agent.answers()
            await customer.wait_for("CALL_ESTABLISHED")
            call = await control.until(lambda calls: next(iter(calls.values()), None), timeout=PATIENCE)
            await sue.dial(f"sip:*2robert@{server.sip}")
            await sue.wait_for("CALL_ESTABLISHED")
            consulting = asyncio.create_task(agent.dials("200"))
            await expert.wait_for("CALL_INCOMING")
            await expert.accept()
            second = await consulting
            consultation = await control.until(lambda calls: next((id for id in calls if id != call.call), None), timeout=PATIENCE)
            await lee.dial(f"sip:call-{consultation}@{server.sip}")
            await lee.wait_for("CALL_ESTABLISHED")
            await hear({lee: {TARGET_HZ}})
            agent.joins(first, second)
            start = await comes_to_hear(customer, TARGET_HZ, sue)
            await lee.wait_for("CALL_CLOSED")
            await hear({customer: {TARGET_HZ}, expert: {CUSTOMER_HZ}, sue: {CUSTOMER_HZ, TARGET_HZ}})
            assert heard_from(sue.recording()[start:], TARGET_HZ) <= HEARD_WITHIN
            for recording in (customer.recording(), expert.recording()):
                never_hears(recording, SUPERVISOR_HZ)
            never_hears(lee.recording(), CUSTOMER_HZ)
            await agent.is_hung_up()
            await agent.is_hung_up()
            assert agent.notices[-1] == 200
            after = await control.until(lambda calls: calls.get(call.call) if len(calls) == 1 else None, timeout=PATIENCE)
            assert [(leg.role, leg.party) for leg in after.legs] == [("customer", "carl"), ("agent", "maria"), ("supervisor", "sue")]


async def test_after_a_transfer_the_new_agent_is_whispered_to_when_that_is_set_again(voices: dict[float, Path], tmp_path: Path) -> None:
    async with whispering(tmp_path, voices) as house, ControlClient(house.server.control, TOKEN) as control:
        await house.agent.order("transfer", f"sip:200@{house.server.sip}")
        await house.target.wait_for("CALL_INCOMING")
        await house.target.accept()
        await house.agent.wait_for("CALL_CLOSED")
        await house.supervisor.send_digit("5")
        await hear({house.customer: {TARGET_HZ}, house.target: {CUSTOMER_HZ, SUPERVISOR_HZ}})
        call = await control.until(lambda calls: next((call for call in calls.values() if call.agent == "maria"), None), timeout=PATIENCE)
        assert [leg.mode for leg in call.legs if leg.role == "supervisor"] == ["whisper"]


async def test_a_target_beyond_the_supervisors_ceiling_ends_his_supervision(voices: dict[float, Path], tmp_path: Path) -> None:
    async with whispering(tmp_path, voices, supervisor="lee") as house:
        await hear({house.supervisor: {CUSTOMER_HZ, AGENT_HZ}})
        await house.agent.order("transfer", f"sip:200@{house.server.sip}")
        await house.target.wait_for("CALL_INCOMING")
        await house.target.accept()
        await house.target.wait_for("CALL_ESTABLISHED")
        await house.supervisor.wait_for("CALL_CLOSED")
        await hear({house.customer: {TARGET_HZ}, house.target: {CUSTOMER_HZ}})
        never_hears(house.supervisor.recording(), TARGET_HZ)
        assert "supervisor.beyond_ceiling" in house.server.log()
