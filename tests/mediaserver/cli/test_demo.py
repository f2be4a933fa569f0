"""The demo: its configuration, what it prints, and that no child is left behind."""

import asyncio
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

import pytest

from config.loading import load
from config.settings import Settings
from control_api.permissions import Right
from control_api.tokens import TokenStore
from mediaserver.cli import demo
from mediaserver.cli.children import Child, ChildEnded
from tests.control_api.desk import call_model
from tests.mediaserver.cli.conftest import Shell

CONFIG = Path(str(files("mediaserver.demo") / "demo.toml"))
HOME = Path("/tmp/mediaserver-demo-abcdefgh")
"""As the demo makes one for itself."""


def instructions(settings: Settings) -> str:
    """What the demo prints."""
    return demo.instructions(settings, HOME / "server.log", HOME / "kept")


@pytest.fixture
def settings() -> Settings:
    return load(CONFIG, {})


def test_the_demos_configuration_is_right_and_stays_on_loopback(settings: Settings) -> None:
    assert (settings.sip.bind, settings.media.bind, settings.control.bind) == ("127.0.0.1",) * 3
    assert all(not trunk.host for trunk in settings.trunks)


def test_every_agent_of_the_demo_can_be_called(settings: Settings) -> None:
    assert len(settings.agents) == demo.CALLS
    assert {target for route in settings.routes for target in route.targets} == {f"agent:{agent.name}" for agent in settings.agents}


def test_what_the_demo_prints_opens_its_doors(settings: Settings) -> None:
    identity = TokenStore(settings.tokens).identity(demo.TOKEN)
    assert identity is not None
    assert (identity.name, identity.user, identity.ceiling.mode) == (demo.SUPERVISOR, demo.SUPERVISOR, "barge")
    assert Right.TRACE in identity.ceiling.rights, "README has her read one"
    (user,) = [user for user in settings.users if user.name == demo.SUPERVISOR]
    assert user.secret is not None
    assert user.secret.get_secret_value() == demo.SECRET
    assert user.ceiling is not None
    assert user.ceiling.mode == "barge"


def test_the_instructions_name_every_way_in(settings: Settings) -> None:
    text = instructions(settings)
    for words in ("*1robert", "*2robert", "*3robert", "127.0.0.1:5060", "mediaserver listen robert", "ws://127.0.0.1:8080/v1/control"):
        assert words in text
    assert "agents: robert, maria, samuel" in text


def test_the_instructions_say_where_the_log_is_and_what_is_kept(settings: Settings) -> None:
    text = instructions(settings)
    assert "/tmp/mediaserver-demo-abcdefgh/server.log" in text
    assert "mediaserver audit show --folder /tmp/mediaserver-demo-abcdefgh/kept" in text


def test_the_instructions_follow_the_environment() -> None:
    settings = load(CONFIG, {"MEDIASERVER_SIP__UDP_PORT": "5070", "MEDIASERVER_CONTROL__PORT": "8081", "MEDIASERVER_DOORS__LISTEN": "*7"})
    text = instructions(settings)
    for words in ("127.0.0.1:5070", "http://127.0.0.1:8081", "*7robert", "MEDIASERVER_SIP__UDP_PORT=5070 "):
        assert words in text


def test_the_instructions_leave_the_board_its_place_on_a_small_terminal(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(sys.executable).parents[2])
    lines = instructions(settings).splitlines()
    assert len(lines) <= 15
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("environment", "before"),
    [
        ({}, ""),
        ({"MEDIASERVER_SIP__BIND": "0.0.0.0"}, ""),
        ({"MEDIASERVER_SIP__BIND": "192.0.2.1"}, "MEDIASERVER_SIP__BIND=192.0.2.1 "),
        ({"MEDIASERVER_SIP__UDP_PORT": "5070"}, "MEDIASERVER_SIP__UDP_PORT=5070 "),
    ],
)
def test_the_softphone_is_told_where_the_server_is(environment: dict[str, str], before: str) -> None:
    command = demo.softphone(load(CONFIG, environment))
    assert command == f"{before}{demo.program('python')} -m bench phone"


def test_programs_are_named_as_a_shell_in_this_folder_finds_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    assert demo.program("mediaserver") == ".venv/bin/mediaserver"
    monkeypatch.setattr(sys, "executable", "/opt/mediaserver/bin/python")
    assert demo.program("mediaserver") == "/opt/mediaserver/bin/mediaserver"


@pytest.mark.parametrize(("bind", "host"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("192.0.2.1", "192.0.2.1")])
def test_the_control_api_is_found_wherever_it_is_bound(bind: str, host: str) -> None:
    assert load(None, {"MEDIASERVER_CONTROL__BIND": bind}).control.url == f"http://{host}:8080"


def child(tmp_path: Path, code: str) -> Child:
    return Child("server", [sys.executable, "-c", code], {}, tmp_path / "output")


def test_a_child_ends_with_its_context(tmp_path: Path) -> None:
    with child(tmp_path, "import time; time.sleep(60)") as running:
        running.check()
        process = running._process
    assert process.poll() is not None


def test_a_child_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediaserver.cli.children.GRACE", 0.2)
    code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    with child(tmp_path, code) as running:
        while "deaf" not in (tmp_path / "output").read_text():
            running.check()
        process = running._process
    assert process.returncode == -9


def test_a_child_that_ended_is_told_with_its_last_words(tmp_path: Path) -> None:
    with child(tmp_path, "import sys; [print(n) for n in range(9)]; sys.exit(71)") as ended:
        ended._process.wait()
        with pytest.raises(ChildEnded) as told:
            ended.check()
    assert str(told.value).splitlines() == ["the server ended with 71", "4", "5", "6", "7", "8"]


def test_a_wrong_setting_ends_the_demo_before_anything_starts() -> None:
    environment = {"MEDIASERVER_SIP__UDP_PORT": "none", "PATH": "/bin"}
    command = [sys.executable, "-m", "mediaserver", "demo"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 78
    assert done.stderr == "mediaserver: MEDIASERVER_SIP__UDP_PORT: sip.udp_port: must be a whole number, not 'none'\n"


def test_a_server_that_answers_already_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "is_ready", lambda _: True)
    with pytest.raises(OSError, match=r"a server answers on http://127\.0\.0\.1:8080 already; stop it, or set MEDIASERVER_CONTROL__PORT, "):
        demo.run(None, "127.0.0.1")


class Stage:
    """Children that are not there: what they were to be, and which of them is dead."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.kept: set[str] = set()
        """Where they were to keep what happens."""
        self.ended: list[str] = []
        self.dead = ""

    def child(self, name: str, command: list[str], environment: dict[str, str], output: Path) -> "Stage.Child":
        """Stands in for `Child`."""
        self.commands.append(command[2:])
        self.kept.add(environment[demo.KEPT])
        return Stage.Child(self, name)

    @dataclass
    class Child:
        """One of them."""

        stage: "Stage"
        name: str

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self.stage.ended.append(self.name)

        def check(self) -> None:
            """As `Child.check`."""
            if self.stage.dead == self.name:
                raise ChildEnded(f"the {self.name} ended with 71")


@pytest.fixture
async def staged(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The demo with the shell's control API in the place of its server."""
    stage = Stage()
    answers = iter([False, False])
    monkeypatch.setattr(demo, "Child", stage.child)
    monkeypatch.setattr(demo, "TOKEN", shell.token)
    monkeypatch.setattr(demo, "is_ready", lambda _: next(answers, True))
    # Handlers of signals can be set by the main thread alone.
    monkeypatch.setattr(demo, "_stopped_by_sigterm", nullcontext)
    monkeypatch.setenv("MEDIASERVER_CONTROL__PORT", str(shell.served.port))
    return stage


async def test_what_happens_is_kept_where_somebody_wants_it(
    shell: Shell, staged: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(demo.KEPT, str(tmp_path))
    staged.dead = "server"
    await shell.run("demo")
    assert staged.kept == {str(tmp_path)}


async def test_the_demo_waits_for_its_calls_says_how_to_join_and_ends_its_children(shell: Shell, staged: Stage) -> None:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(shell.run("demo", "--seconds", "0.2"))
        for number in range(3):
            shell.served.desk.put(call_model(f"c{number}"))
    result = running.result()
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("3 calls are live. Stop with Ctrl+C.\n\nIn a browser: ")
    (kept,) = staged.kept
    assert f"audit show --folder {kept}\n" in result.stdout
    assert result.stdout.endswith(f"\n{demo.FAREWELL}\n")
    assert "starting the server …\nwaiting for 3 calls …\n" in result.stderr
    config = staged.commands[0][-1]
    assert staged.commands == [["mediaserver", "serve", "--config", config], ["bench", "demo", "--config", config]]
    assert staged.ended == ["generator", "server"]


@pytest.mark.parametrize(("dead", "ended"), [("server", ["server"]), ("generator", ["generator", "server"])])
async def test_the_demo_ends_when_one_of_its_children_does(shell: Shell, staged: Stage, dead: str, ended: list[str]) -> None:
    staged.dead = dead
    result = await shell.run("demo")
    assert result.exit_code == 1
    assert result.stderr.endswith(f"mediaserver: the {dead} ended with 71\n")
    assert staged.ended == ended
