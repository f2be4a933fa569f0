"""SIPp's own scenarios as they are, all at once, since some of them wait for many seconds: uac, uas, regexp, branchc, uac_pcap.

``branchc`` registers and has no password, which our registrar takes from nobody: a proxy in front answers it, and passes on its call.
"""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

from tests.interop.phones.kamailio import Front
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.test_sipp import agent
from tests.interop.tools import PATIENCE

RECORDINGS = Path("/usr/share/sip-tester")
"""Where Debian's package has what ``uac_pcap`` plays; it looks for it beside itself, in ``pcap``."""
SECONDS = 3.0
"""Of speech in ``g711a.pcap``, at least."""


def caller(server: Server, folder: Path, scenario: str, number: str = "", remote: str = "", calls: int = 1) -> Sipp:
    """One of SIPp's callers, behind the trunk."""
    (folder / scenario).mkdir()
    (folder / scenario / "pcap").symlink_to(RECORDINGS)
    service = number or "service"
    return Sipp(folder / scenario, scenario, remote or server.sip, service=service, address=server.trunk, calls=calls)


def packets(server: Server, kind: str) -> int:
    """How many RTP packets became this."""
    found = re.search(rf'^mediaserver_rtp_packets_total\{{kind="{kind}"\}} ([0-9.]+)', server.metrics(), re.MULTILINE)
    assert found, server.metrics()
    return int(float(found[1]))


async def test_sipps_own_scenarios_pass(server: Server, tmp_path: Path) -> None:
    calls = {"uac": 3, "regexp": 1, "uac_pcap": 1}
    ports = {scenario: server.another_port() for scenario in calls}
    called = {name: agent(server, tmp_path, "uas", port, calls=calls[name]) for name, port in ports.items()}
    calling = {name: caller(server, tmp_path, name, f"at{port}", calls=calls[name]) for name, port in ports.items()}
    before = packets(server, "received")
    async with Front(tmp_path / "front", server.sip, server.trunk) as front, AsyncExitStack() as stack:
        of_branchc = agent(server, tmp_path, "uas", server.second), caller(server, tmp_path, "branchc", remote=front.sip)
        for sipp in (*called.values(), *calling.values(), *of_branchc):
            await stack.enter_async_context(sipp)
        # Each uas stays for seconds after its last call, so one of them must do.
        await as_written((called["uac"], 3), *((calling[name], count) for name, count in calls.items()), (of_branchc[1], 1))
    async with asyncio.timeout(PATIENCE):  # workers tell their counters now and then
        while packets(server, "received") - before <= 50 * SECONDS:
            await asyncio.sleep(0.1)


async def as_written(*expected: tuple[Sipp, int]) -> None:
    """Wait for SIPps, and for so many calls of each."""
    found = await asyncio.gather(*(sipp.finished() for sipp, _ in expected))
    for statistics, (_, calls) in zip(found, expected, strict=True):
        statistics.check(calls)
