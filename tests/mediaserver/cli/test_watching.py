"""`calls` and `top`, as typed, and how every command fails without a server."""

import asyncio
import json

import pytest
import typer
from typer.testing import CliRunner

from config.settings import ControlSettings
from mediaserver.cli.ending import one_line_errors
from mediaserver.cli.main import app
from mixer.modes import Role
from tests.control_api.desk import call_model, leg_model, meters_of
from tests.control_api.serving import BERT_TOKEN, serving
from tests.interop.tools import free_port
from tests.mediaserver.cli.conftest import Shell

COMMANDS = [["calls"], ["top", "--once"], ["listen", "x"], ["whisper", "x"], ["barge", "x"], ["leave"], ["hangup", "x"]]


async def test_calls_lists_the_calls(shell: Shell) -> None:
    supervisor = leg_model(7, Role.SUPERVISOR, "anna", identity="anna", mode="whisper", target="agent")
    shell.served.desk.put(call_model(legs=[supervisor]))
    text = (await shell.run("calls")).stdout
    for word in ("c1", "+4930123", "robert", "support", "sales", "answered", "1:01", "anna whisper"):
        assert word in text
    assert "customer, agent" not in text, "nothing would ever stand there"


async def test_no_calls_are_told_as_such(shell: Shell) -> None:
    assert (await shell.run("calls")).stdout == "no calls\n"


async def test_calls_as_json_are_the_calls_of_the_api(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    listed = await shell.json("calls")
    assert listed["calls"][0] | {"legs": []} == call_model() | {"legs": [], "private": False, "help": None, "flags": []}


async def test_calls_shows_only_what_one_may_see(shell: Shell) -> None:
    shell.served.desk.put(call_model("c1", "robert"))
    shell.served.desk.put(call_model("c2", "maria"))
    shell.token = BERT_TOKEN
    assert [call["call"] for call in (await shell.json("calls"))["calls"]] == ["c1"]


async def test_top_shows_the_board_once(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    result = await shell.run("top", "--once")
    assert result.exit_code == 0
    assert "1 call" in result.stdout
    assert "robert" in result.stdout


async def test_top_as_json_has_calls_and_meters(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(shell.json("top", "--once"))
        while not watching.done():
            shell.served.desk.publish(meters_of(call_model(), -30))
            await asyncio.sleep(0.05)
    shown = watching.result()
    assert [call["call"] for call in shown["calls"]] == ["c1"]
    assert shown["meters"] == {"c1": {"1": {"level_dbov": -30.0, "speaks": True, "mos_up": None, "mos_down": None}}}


async def test_top_goes_on_until_its_time_is_over(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    result = await shell.run("top", "--json", "--seconds", "1.9")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 2
    assert all(line["calls"] for line in lines)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_without_a_server_a_command_is_one_line_and_69(command: list[str]) -> None:
    port = free_port("127.0.0.1")
    result = CliRunner().invoke(app, [*command, "--url", f"http://127.0.0.1:{port}", "--token", "x"])
    assert result.exit_code == 69
    assert len(result.stderr.splitlines()) == 1
    assert f"127.0.0.1:{port}" in result.stderr
    assert "MEDIASERVER_URL" in result.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
async def test_a_wrong_token_is_one_line_and_77(shell: Shell, command: list[str]) -> None:
    shell.token = "wrong"
    result = await shell.run(*command)
    assert result.exit_code == 77
    assert result.stderr.startswith("mediaserver: unauthenticated: unknown token (")
    assert len(result.stderr.splitlines()) == 1


def test_no_token_is_told_where_one_comes_from() -> None:
    result = CliRunner(env={"MEDIASERVER_TOKEN": None}).invoke(app, ["calls"])
    assert (result.exit_code, result.stderr) == (
        77,
        "mediaserver: unauthenticated: no token (--token or MEDIASERVER_TOKEN; mediaserver token makes one)\n",
    )


async def test_a_full_server_is_unreachable() -> None:
    async with serving(ControlSettings(max_clients=1)) as served, served.connect() as websocket:
        await websocket.recv()
        result = await Shell(served).run("calls")
    assert result.exit_code == 69
    assert "1 clients are connected already" in result.stderr


def test_what_is_no_address_is_one_line() -> None:
    result = CliRunner().invoke(app, ["calls", "--url", "ftp://x", "--token", "x"])
    assert (result.exit_code, result.stderr) == (1, "mediaserver: 'ftp://x' is not an address such as http://127.0.0.1:8080\n")


@pytest.mark.parametrize(("text", "told"), [("", "it was not done in time"), ("the demo was not up", "the demo was not up")])
def test_whatever_takes_too_long_is_a_sentence_and_75(text: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, one_line_errors():
        raise TimeoutError(text)
    assert ended.value.exit_code == 75
    assert capsys.readouterr().err == f"mediaserver: {told} (try again)\n"
