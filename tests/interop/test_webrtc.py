"""A supervisor by WebRTC over the control API, his peer aiortc: all three modes judged by tones at every leg, restarts, and leaving."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from control_api.client import ControlClient
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ, hear_as
from tests.interop.houses import SECRET, TOKEN
from tests.interop.phones.baresip import Baresip
from tests.interop.phones.webrtc import WebRtcPeer
from tests.interop.server import Server


@dataclass
class Desk:
    """A call of two SIP phones, and a client of the control API."""

    server: Server
    control: ControlClient
    customer: Baresip
    agent: Baresip

    async def expect(self, supervisor: WebRtcPeer, mode: str) -> None:
        """Everybody must hear what the mode says, and nothing else."""
        await hear_as(mode, self.customer, self.agent, supervisor)

    async def join(self, supervisor: WebRtcPeer) -> int:
        """Let a peer into the call; its leg."""
        made = await self.control.supervise(agent="robert", offer=await supervisor.offer())
        assert made.state == "joined"
        await supervisor.take(made.answer)
        return made.leg


@asynccontextmanager
async def desk(
    voices: dict[float, Path],
    folder: Path,
    *,
    spares: int = 0,
    ice_servers: Sequence[Mapping[str, object]] = (),
    storage: Path | None = None,
) -> AsyncIterator[Desk]:
    """Customer and agent talk."""
    with Server(folder / "server", spares=spares, ice_servers=ice_servers, storage=storage) as server:
        where = server.sip
        async with (
            Baresip(folder / "carl", "carl", voices[CUSTOMER_HZ], registrar=where, secret=SECRET) as customer,
            Baresip(folder / "robert", "robert", voices[AGENT_HZ], registrar=where, secret=SECRET) as agent,
            ControlClient(server.control, TOKEN) as control,
        ):
            await asyncio.gather(customer.registered(), agent.registered())
            await customer.dial(f"sip:robert@{where}")
            await agent.wait_for("CALL_INCOMING")
            await agent.accept()
            await asyncio.gather(customer.wait_for("CALL_ESTABLISHED"), agent.wait_for("CALL_ESTABLISHED"))
            yield Desk(server, control, customer, agent)


async def test_three_modes_by_webrtc(voices: dict[float, Path], tmp_path: Path) -> None:
    async with desk(voices, tmp_path) as here, WebRtcPeer(SUPERVISOR_HZ) as supervisor:
        leg = await here.join(supervisor)
        await here.expect(supervisor, "listen")
        for mode in ("whisper", "barge", "listen"):
            await here.control.set_mode(leg, mode)
            await here.expect(supervisor, mode)
        await here.control.leave(leg)
