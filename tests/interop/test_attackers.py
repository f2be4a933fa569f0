"""Attackers nobody here wrote: sipvicious looks for users and guesses a password, SIPp floods; a call between others goes on.

sipvicious is a development dependency, so its commands lie beside the interpreter.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.interop.houses import SECRET
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.tools import PATIENCE, own_address

USERS = ("robert", "carl", "sue", "lee", "pia")
NAMES = ("alfred", *USERS, "mallory", "zoe", "1000", "service")
FOUND_NOTHING = "found nothing"
RATE = 50
"""What one source may send a second by default (`sip.guard.rate`)."""
BURST = 200
"""And at once (`sip.guard.burst`)."""


async def attack(tool: str, *arguments: str, folder: Path) -> str:
    """What one of sipvicious's tools says in the end."""
    command = [str(Path(sys.executable).with_name(f"sipvicious_{tool}")), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=os.environ | {"HOME": str(folder)}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(2 * PATIENCE):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return output.decode(errors="replace")


def listed(folder: Path, name: str, words: tuple[str, ...]) -> str:
    """A file of words."""
    path = folder / name
    path.write_text("\n".join(words) + "\n")
    return str(path)


def metric(server: Server, name: str, kind: str) -> int:
    """A counter of the server; 0 where it was never counted."""
    found = re.search(rf'^mediaserver_{name}_total\{{[a-z]+="{kind}"\}} ([0-9.]+)', server.metrics(), re.MULTILINE)
    return int(float(found[1])) if found else 0


async def talk(stack: AsyncExitStack, server: Server, folder: Path, seconds: float) -> tuple[Sipp, Sipp]:
    """Start a call that lasts so long between a customer behind the trunk and a phone."""
    rings, held = ("-d", "300"), ("-d", f"{seconds * 1000:.0f}")
    called = Sipp(folder / "agent", "agent_answers", address=server.address, port=server.first, options=rings, within=seconds + 20)
    calling = Sipp(folder / "customer", "customer", server.sip, service="first", address=server.trunk, options=held, within=seconds + 20)
    await stack.enter_async_context(called)
    await stack.enter_async_context(calling)
    return calling, called


async def went_as_written(*phones: Sipp) -> None:
    for statistics in await asyncio.gather(*(phone.finished() for phone in phones)):
        statistics.check()


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all who search."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


async def test_a_scan_finds_the_server_and_nobody_in_it(searched: Server, tmp_path: Path) -> None:
    found = await attack("svmap", "-p", str(searched.port), searched.address, folder=tmp_path)
    assert f"{searched.address}:{searched.port}" in found
    assert not [user for user in USERS if user in found]


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
async def test_a_search_for_users_finds_none(searched: Server, tmp_path: Path, method: str) -> None:
    names = listed(tmp_path, "names", NAMES)
    target = f"udp://{searched.sip}"
    said = await attack("svwar", "-m", method, "-d", names, "--force", "--maximumtime", "3", target, folder=tmp_path)
    assert FOUND_NOTHING in said


async def test_a_guesser_is_kept_out_while_a_call_between_others_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASERVER_SIP__GUARD__FAILURES", "5")
    words = listed(tmp_path, "words", (*[f"guess{number}" for number in range(60)], SECRET))
    with Server(tmp_path / "server") as server:
        async with AsyncExitStack() as stack:
            phones = await talk(stack, server, tmp_path, 8)
            said = await attack("svcrack", "-u", "robert", "-d", words, "--maximumtime", "3", f"udp://{server.sip}", folder=tmp_path)
            assert FOUND_NOTHING in said
            assert metric(server, "sip_events", "credentials_wrong") == 5
            assert metric(server, "bans", "source") == 1
            assert metric(server, "sip_dropped", "banned") > 0
            await went_as_written(*phones)
        assert "source.banned" in server.log()


async def test_a_flood_at_ten_times_the_cap_is_dropped_and_a_call_goes_on(tmp_path: Path) -> None:
    with Server(tmp_path / "server") as server:
        async with AsyncExitStack() as stack:
            phones = await talk(stack, server, tmp_path, 6)
            many = ("-l", "100000")
            flood = Sipp(
                tmp_path / "flood", "phone_asks_options", server.sip, calls=100_000, rate=10 * RATE, address=own_address(), options=many
            )
            began = time.monotonic()
            async with flood:
                async with asyncio.timeout(PATIENCE):
                    while metric(server, "sip_dropped", "flood") <= 500:
                        await asyncio.sleep(0.1)
                other = Sipp(tmp_path / "other", "phone_asks_options", server.sip, address=own_address())
                async with other:
                    (await other.finished()).check()
                answered = flood.messages().count("\nSIP/2.0 200")
                assert answered <= BURST + RATE * (time.monotonic() - began)
            asked, *_, told = other.told()
            assert (told.at - asked.at).total_seconds() < 2
            await went_as_written(*phones)
