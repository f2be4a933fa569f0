"""The example program does what it says."""

import asyncio
import os
import sys
from contextlib import redirect_stdout
from io import StringIO

import pytest

from control_api import asyncapi
from tests.control_api.desk import call_model
from tests.control_api.serving import ANNA_TOKEN, serving

PROGRAM = asyncapi.FILE.parents[1] / "examples" / "listen_whisper_barge.py"


async def test_the_first_live_call_is_listened_to_whispered_into_and_barged_into(monkeypatch: pytest.MonkeyPatch) -> None:
    source = PROGRAM.read_text().replace("sleep(5)", "sleep(0)")
    said = StringIO()
    async with serving() as served:
        monkeypatch.setenv("MEDIASERVER_URL", served.url)
        monkeypatch.setenv("MEDIASERVER_TOKEN", ANNA_TOKEN)
        served.desk.put(call_model("c0", state="ringing"))
        served.desk.put(call_model())
        with redirect_stdout(said):
            await asyncio.to_thread(exec, compile(source, str(PROGRAM), "exec"), {"__name__": "example"})
    assert [(name, arguments.get("mode")) for name, arguments in served.desk.asked] == [
        ("supervise", "listen"),
        ("set_mode", "listen"),
        ("set_mode", "whisper"),
        ("set_mode", "barge"),
        ("leave", None),
    ]
    assert "whisper, heard so since turn 1002\n" in said.getvalue()


@pytest.mark.parametrize(("port", "said"), [(None, "unauthenticated: unknown token ("), (9, "ws://127.0.0.1:9/v1/control: ")])
async def test_what_stands_in_its_way_is_a_line_and_no_traceback(port: int | None, said: str) -> None:
    async with serving() as served:
        given = {"MEDIASERVER_URL": f"http://127.0.0.1:{port or served.port}", "MEDIASERVER_TOKEN": "nobody"}
        program = await asyncio.create_subprocess_exec(sys.executable, PROGRAM, env=os.environ | given, stderr=asyncio.subprocess.PIPE)
        async with asyncio.timeout(60):
            _, errors = await program.communicate()
    assert (program.returncode, len(errors.splitlines()), errors.decode()[: len(said)]) == (1, 1, said)
