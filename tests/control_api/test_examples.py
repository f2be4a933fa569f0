"""The example for the shell does what it says; that for the browser is tried with phones, that for Python has a file of its own."""

import asyncio
import os

import pytest

from control_api import asyncapi
from control_api.ports import Supervision
from mixer.modes import Mode
from tests.control_api.desk import call_model
from tests.control_api.serving import ANNA_TOKEN, serving

EXAMPLES = asyncapi.FILE.parents[1] / "examples"


async def test_the_shell_lists_the_calls_joins_whispers_and_leaves() -> None:
    async with serving() as served:
        served.desk.put(call_model())
        given = {"MEDIASERVER_URL": served.url, "MEDIASERVER_TOKEN": ANNA_TOKEN, "WHISPER_SECONDS": "0", "no_proxy": "127.0.0.1"}
        program = await asyncio.create_subprocess_exec(
            EXAMPLES / "supervise.sh", "robert", env=os.environ | given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(60):
            said, _ = await program.communicate()
    assert program.returncode == 0, said
    assert b'"calls":[{"call":"c1"' in said
    assert [(name, arguments.get("mode")) for name, arguments in served.desk.asked] == [
        ("supervise", "listen"),
        ("set_mode", "whisper"),
        ("leave", None),
    ]


async def test_the_shell_stops_where_it_is_refused_and_says_why() -> None:
    async with serving() as served:
        given = {"MEDIASERVER_URL": served.url, "MEDIASERVER_TOKEN": ANNA_TOKEN, "no_proxy": "127.0.0.1"}
        program = await asyncio.create_subprocess_exec(
            EXAMPLES / "supervise.sh", "nobody", env=os.environ | given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(60):
            said, _ = await program.communicate()
    assert program.returncode != 0
    assert b'"code":"not_found"' in said
    assert served.desk.asked == []


async def test_the_shell_says_that_the_phone_did_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ring(*_: object, **__: object) -> Supervision:
        return Supervision("c1", 11, Mode.LISTEN, "ringing")

    async with serving() as served:
        monkeypatch.setattr(served.desk, "supervise", ring)
        given = {"MEDIASERVER_URL": served.url, "MEDIASERVER_TOKEN": ANNA_TOKEN, "no_proxy": "127.0.0.1"}
        program = await asyncio.create_subprocess_exec(
            EXAMPLES / "supervise.sh", "robert", env=os.environ | given, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            _, errors = await program.communicate()
    assert (program.returncode, errors) == (1, b"your phone did not answer\n")


def test_the_page_stays_short() -> None:
    assert len((EXAMPLES / "listen.html").read_text().splitlines()) <= 33
