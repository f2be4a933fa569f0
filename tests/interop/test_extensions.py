"""Extensions of SIP between SIPp and SIPp: reliable 18x, UPDATE, session timers, each from both sides.

Loss is tried in `tests.sip.test_lossy_networks`: SIPp cannot bear a 200 that overtakes the one to its PRACK.
"""

from pathlib import Path

import pytest

from tests.interop.conftest import Servers
from tests.interop.server import Server
from tests.interop.test_sipp import agent, customer, run


@pytest.fixture
def server(servers: Servers) -> Server:
    """A server that is quick to say things again."""
    return servers(t1=0.1, ring_timeout=3)


@pytest.fixture
def brief(servers: Servers) -> Server:
    """One whose sessions last four seconds."""
    return servers(sip={"session_expires": 4, "min_se": 4})


@pytest.mark.parametrize(
    ("calling", "called"),
    [
        ("customer_acknowledges_early", "agent_early_media_reliably"),
        ("customer_acknowledges_early", "agent_early_media"),
        ("customer_demands_reliable_ringing", "agent_answers"),
        ("customer", "agent_early_media_reliably"),
        ("customer_updates", "agent_early_media"),
        ("customer", "agent_updates"),
    ],
)
async def test_18x_with_prack_and_updates(server: Server, tmp_path: Path, calling: str, called: str) -> None:
    # Whoever calls hangs up long after the last UPDATE was answered.
    await run(agent(server, tmp_path, called), customer(server, tmp_path, calling, options=("-d", "800")))


@pytest.mark.parametrize(
    ("calling", "called"),
    [
        ("customer_is_refreshed", "agent_is_refreshed"),
        ("customer_is_refreshed", "agent_is_refreshed_by_offer"),
        ("customer_is_refreshed", "agent_knows_no_timers"),
        ("customer_refreshes", "agent_refreshes"),
        ("customer_never_refreshes", "agent_is_refreshed"),
        ("customer_is_refreshed_and_hung_up", "agent_stops_refreshing"),
        ("customer_asks_too_brief", "agent_answers"),
        ("customer", "agent_demands_longer"),
    ],
)
async def test_session_timers(brief: Server, tmp_path: Path, calling: str, called: str) -> None:
    await run(agent(brief, tmp_path, called), customer(brief, tmp_path, calling))


async def test_early_media_is_said_again_until_it_is_acknowledged(server: Server, tmp_path: Path) -> None:
    calling = customer(server, tmp_path, "customer_acknowledges_late")
    await run(agent(server, tmp_path, "agent_early_media"), calling)
    assert calling.messages().count("SIP/2.0 183") >= 3


async def test_early_media_that_nobody_acknowledges_is_refused(servers: Servers, tmp_path: Path) -> None:
    impatient = servers(t1=0.05)
    calling = customer(impatient, tmp_path, "customer_never_acknowledges_early")
    await run(agent(impatient, tmp_path, "agent_early_media_is_cancelled"), calling)
    assert calling.messages().count("SIP/2.0 183") > 3
