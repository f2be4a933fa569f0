"""The example program does what it says."""

import asyncio
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
