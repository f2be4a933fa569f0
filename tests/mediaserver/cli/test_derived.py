"""Commands that are made from the API's models: all there, named as people name things, told as tables or JSON."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from control_api.command_models import COMMANDS
from control_api.rest.looks import LOOKS
from control_api.rest.routes import ROUTES
from mediaserver.cli import telling
from mediaserver.cli.deriving import made
from mediaserver.cli.main import app
from mediaserver.cli.places import PLACES, TOP, WRITTEN_BY_HAND, Place, Source, others, typed
from mixer.modes import Role
from tests.control_api.desk import call_model, leg_model
from tests.control_api.serving import BERT_TOKEN
from tests.house.tree import ROOT
from tests.mediaserver.cli.conftest import Shell

MADE = [*PLACES, *others().values()]


def words(place: Place) -> tuple[str, ...]:
    """How a command is typed."""
    return (place.name,) if place.group == TOP else (place.group, place.name)


@pytest.fixture
def joined(shell: Shell) -> Shell:
    """Anna whispers in a call, where bert listens."""
    legs = [leg_model(11, Role.SUPERVISOR, "anna", identity="anna", mode="whisper")]
    legs += [leg_model(12, Role.SUPERVISOR, "bert", identity="bert", mode="listen")]
    shell.served.desk.put(call_model(legs=[*call_model()["legs"], *legs]))
    return shell


def test_whatever_the_api_can_be_told_or_asked_is_a_command() -> None:
    kinds = {place.kind for place in MADE if place.source is Source.COMMAND} | WRITTEN_BY_HAND
    assert kinds == COMMANDS.keys() >= {route.kind for route in ROUTES}
    assert {place.kind for place in MADE if place.source is Source.LOOK} == {look.name for look in LOOKS}


def test_what_is_written_by_hand_is_not_made_too() -> None:
    assert not {place.kind for place in MADE if place.source is Source.COMMAND} & WRITTEN_BY_HAND


def valued_flags(told: str) -> list[str]:
    """Flags that a help shows as if they took a value; not those that are Typer's own."""
    return [line for line in told.splitlines() if "<bool>" in line and not re.search(" -h |-completion ", line)]


@pytest.mark.parametrize("place", MADE, ids=lambda place: " ".join(words(place)))
def test_each_says_what_it_is_for_and_what_it_takes(place: Place) -> None:
    result = CliRunner(env={"COLUMNS": "160"}).invoke(app, [*words(place), "--help"])
    assert result.exit_code == 0
    assert valued_flags(result.stdout) == []
    assert place.help.split(".")[0][:60].replace("`", "") in result.stdout.replace("`", "")
    told = {name for parameter in made(place).params for name in (*parameter.opts, parameter.name)}
    assert {"--url", "--token", "--json"} <= told


@pytest.mark.parametrize(
    "words", [(), ("calls",), ("listen",), ("top",), ("trace",), ("serve",), ("sign-in",), ("user",), ("report", "listening")]
)
def test_no_flag_is_said_to_take_a_value(words: tuple[str, ...]) -> None:
    assert valued_flags(CliRunner(env={"COLUMNS": "160"}).invoke(app, [*words, "--help"]).stdout) == []


def test_what_a_hint_of_the_servers_says_shows_something_can_be_typed() -> None:
    files = [file for room in ("control_api", "mediaserver/signalling") for file in (ROOT / room).rglob("*.py")]
    kinds = {kind for file in files for kind in re.findall(r'"([a-z_]+) shows ', file.read_text(encoding="utf-8"))}
    assert {"list", "history", "flags"} <= kinds
    assert [kind for kind in kinds if typed(kind) is None] == []
    assert (typed("list"), typed("history"), typed("mediaserver calls")) == ("mediaserver calls", "mediaserver call history", None)


def commands(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All commands below a group, as they are typed."""
    for name in group.list_commands(None):
        found = group.get_command(None, name)
        yield from commands(found, (*before, name)) if hasattr(found, "list_commands") else [(*before, name)]


def test_the_page_names_every_command_and_none_that_is_not_there() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    there = set(commands(get_command(app)))
    spans = [tuple(span.split()) for span in re.findall(r"`([^`\n]+)`", page)]
    named = {words for words in there for span in spans if words in (span[: len(words)], span[1 : len(words) + 1])}
    assert {words for words in there - named if words[0] != "api"} == set()
    first = set(re.findall(r"^\| `([a-z-]+)", page, re.MULTILINE))
    assert first <= {words[0] for words in there}


def test_the_help_has_a_line_for_each_without_loading_a_model() -> None:
    told = CliRunner(env={"COLUMNS": "160"}).invoke(app, ["--help"]).stdout
    assert [name for name in (place.name for place in PLACES if place.group == TOP) if f"│ {name} " not in told] == []


def test_shells_can_complete_the_names() -> None:
    environment = {"_MEDIASERVER_COMPLETE": "complete_bash", "COMP_WORDS": "mediaserver unm", "COMP_CWORD": "1"}
    assert CliRunner(env=environment).invoke(app, [], prog_name="mediaserver").stdout.split() == ["unmute"]


@pytest.mark.parametrize("where", [(), ("robert",), ("c1",)], ids=["left out", "by agent", "by call"])
async def test_ones_own_leg_is_named_by_its_call(joined: Shell, where: tuple[str, ...]) -> None:
    assert await joined.json("mute", *where) == {"turn": 1001}
    assert (await joined.run("unmute", *where)).stdout == "turn  1002\n"
    assert joined.served.desk.asked == [("mute", {"leg": 11, "muted": True}), ("mute", {"leg": 11, "muted": False})]


async def test_what_is_left_out_stays(joined: Shell) -> None:
    await joined.json("volume", "robert", "--hears", "0.5")
    assert joined.served.desk.asked == [("volumes", {"leg": 11, "hears": 0.5, "heard": None})]


async def test_a_call_is_shown_with_everybody_in_it(joined: Shell) -> None:
    told = (await joined.run("call", "show", "robert")).stdout
    assert [line.split() for line in told.splitlines() if "bert" in line and "SUPER" in line.upper()]
    assert "queue=sales" in told
    assert (await joined.json("call", "show", "c1"))["call"]["agent"] == "robert"


async def test_lists_are_tables_and_an_empty_one_says_so(joined: Shell) -> None:
    told = (await joined.run("supervisors")).stdout.splitlines()
    assert [line.split()[:4] for line in told if "whisper" in line] == [["c1", "robert", "11", "supervisor"]]
    assert (await joined.run("access", "sessions")).stdout == "no sessions\n"


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"calls": [], "next": ""}, "no calls\n"),
        ({"password": False, "issuers": []}, "no password\nno issuers\n"),
        ({"password": True, "issuers": []}, "password  yes\n"),
        ({}, "done\n"),
    ],
)
def test_where_there_is_nothing_it_is_said_of_what(result: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    telling.tell(result, as_json=False)
    assert capsys.readouterr().out == told


async def test_who_one_is_and_how_the_server_is_are_asked_by_rest(shell: Shell) -> None:
    assert (await shell.json("access", "me"))["identity"] == "anna"
    assert (await shell.json("health"))["ready"] is True


async def test_a_refusal_is_a_line_with_code_and_hint_by_either_way(shell: Shell) -> None:
    shell.token = BERT_TOKEN
    refused = await shell.run("access", "sessions")
    assert (refused.exit_code, refused.stderr) == (
        77,
        "mediaserver: forbidden: the right admin is not yours (ask an administrator for it)\n",
    )
    shell.token = "nobody"
    refused = await shell.run("health")
    assert (refused.exit_code, refused.stderr.startswith("mediaserver: unauthenticated: unknown token (")) == (77, True)


async def test_a_value_beyond_its_bounds_is_told_before_anything_is_asked(joined: Shell) -> None:
    result = await joined.run("volume", "--heard", "5")
    assert (result.exit_code, result.stderr) == (1, "mediaserver: volumes: heard: Input should be less than or equal to 4\n")
    assert joined.served.desk.asked == []


def test_a_server_that_is_not_there_is_told_by_its_address() -> None:
    result = CliRunner(env={"MEDIASERVER_TOKEN": "x"}).invoke(app, ["health", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 69
    assert "is the server running?" in result.stderr


async def test_signing_in_prints_a_token_that_the_other_commands_take_until_signing_out(shell: Shell) -> None:
    granted = await shell.json("sign-in", "carla", text="open sesame\n")
    shell.token = (await shell.run("renew", text=granted["renewal"] + "\n")).stdout.strip()
    assert (await shell.json("access", "me"))["identity"] == "carla"
    assert (await shell.run("sign-out")).stdout == "done\n"
    assert (await shell.run("access", "me")).exit_code == 77


async def test_a_wrong_password_is_refused_as_everything_is(shell: Shell) -> None:
    result = await shell.run("sign-in", "carla", text="wrong\n")
    assert (result.exit_code, result.stderr.split(": ")[:2]) == (77, ["mediaserver", "unauthenticated"])


async def test_a_password_that_is_given_to_somebody_comes_by_a_pipe_and_never_stands_in_the_command_line(shell: Shell) -> None:
    await shell.json("access", "put", "vera", "--teams", "support")
    assert shell.served.desk.governing.passwords == {}
    told = await shell.json("access", "put", "vera", "--teams", "support", "--password", text="correct horse\n")
    assert (told["identities"][0]["identity"], shell.served.desk.governing.passwords) == ("vera", {"vera": "correct horse"})
    result = await shell.run("access", "put", "vera", "--password", text="short\n")
    assert (result.exit_code, result.stderr) == (1, "mediaserver: password: 8 to 256 characters\n")
    assert (await shell.run("access", "put", "vera", "--password", "correct horse")).exit_code == 2


def test_no_command_takes_a_secret_as_an_option() -> None:
    flags = {parameter.name for place in MADE for parameter in made(place).params if getattr(parameter, "is_flag", False)}
    named = {parameter.name for place in MADE for parameter in made(place).params} - {"token"}  # one's own, which has a variable
    assert {name for name in named if re.search("password|secret|token|pin$|renewal", name or "")} <= flags


async def test_a_link_is_signed_in_with_as_it_was_sent_or_by_a_pipe(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    carla = (await shell.json("sign-in", "carla", text="open sesame\n"))["access"]
    for place in ("", "-"):
        shell.token = carla
        link = f"https://example.com{(await shell.json('call', 'link', 'robert'))['link']}"
        shell.token = (await shell.run("sign-in", "--link", place or link, text=f"{link}\n")).stdout.strip()
        assert (await shell.json("access", "me"))["identity"].startswith("carla/")


async def test_a_link_can_be_opened_as_it_stands_and_says_where_it_holds_for_less_than_was_wished(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    shell.token = (await shell.json("sign-in", "carla", text="open sesame\n"))["access"]
    result = await shell.run("call", "link", "robert", "--seconds", "600")
    assert result.stdout.startswith(f"{shell.served.url}/listen#")
    assert result.stderr == "# for 120 s: the server's signing_in.link permits no more\n"
    assert (await shell.run("call", "link", "robert", "--seconds", "60")).stderr == ""
