"""The trace of a real call, read as its operator does: by the command line, after the call."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from control_api.client import ControlClient
from tests.interop.houses import TOKEN
from tests.interop.server import Server
from tests.interop.test_sipp import agent, answered, customer, run


def mediaserver(server: Server, *arguments: str) -> str:
    """What a command prints."""
    environment = os.environ | {"MEDIASERVER_URL": server.control, "MEDIASERVER_TOKEN": TOKEN, "COLUMNS": "150"}
    command = [sys.executable, "-m", "mediaserver", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=30).stdout


async def one_call(server: Server, folder: Path) -> str:
    """A call from start to end; its id."""
    async with ControlClient(server.control, TOKEN) as client:
        telling = asyncio.create_task(answered(client))
        await run(agent(server, folder, "agent_answers"), customer(server, folder))
        return (await telling).call


def packets(pcap: bytes) -> int:
    """How many a file holds."""
    place, count = 24, 0
    while place < len(pcap):
        place += 16 + int.from_bytes(pcap[place + 8 : place + 12], "little")
        count += 1
    return count


async def test_a_call_that_ended_is_a_ladder_and_a_pcap(server: Server, tmp_path: Path) -> None:
    call = await one_call(server, tmp_path)
    lines = (await asyncio.to_thread(mediaserver, server, "trace", call)).splitlines()
    file = tmp_path / "call.pcap"
    await asyncio.to_thread(mediaserver, server, "trace", call, "--pcap", str(file))
    assert lines[0].split()[0] == "customer"
    assert [end for end in ("customer", "mediaserver", "agent", "outside") if end in lines[0]][:2] == ["customer", "mediaserver"]
    told = "\n".join(lines[2:])
    dialogue = ("INVITE sip:", "180 Ringing (INVITE)", "200 OK (INVITE)", "ACK sip:", "BYE sip:", "200 OK (BYE)")
    order = [told.index(text) for text in dialogue]
    assert order == sorted(order)
    assert packets(file.read_bytes()) == len(lines) - 2
