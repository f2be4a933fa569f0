"""`serve`, `check-config`, `token`, and how light the command line is."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from config.loading import load
from config.settings import Settings
from control_api.permissions import Right
from control_api.tokens import TokenStore
from mediaserver.cli.main import app

HEAVY = ("numpy", "fastapi", "pydantic", "websockets", "uvicorn", "msgpack")


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.toml"
    path.write_text("[sip]\nudp_prot = 1\ntcp_port = 70000\n")
    return path


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    result = CliRunner(env=environment).invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_the_command_line_loads_nothing_heavy() -> None:
    code = f"import sys, mediaserver.cli.main; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("module", ["watching", "supervising", "serving", "tokens", "users", "banning", "demo", "doctor"])
def test_no_command_loads_numpy_or_the_server(module: str) -> None:
    code = f"import sys, mediaserver.cli.{module}; print([name for name in ('numpy', 'fastapi', 'uvicorn') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_python_dash_m_is_the_same_command() -> None:
    shown = subprocess.run([sys.executable, "-m", "mediaserver", "--help"], capture_output=True, text=True, check=True).stdout
    every = "serve demo calls listen whisper barge leave hangup token user key bans check-config doctor top"
    assert [command for command in every.split() if f" {command} " not in shown] == []


def test_the_version_is_shown() -> None:
    code, output, _ = run("--version")
    assert code == 0
    assert output.startswith("mediaserver ")


# serve


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Settings that the server would have been run with; it ends with 5."""
    asked: list[Settings] = []

    def application(settings: Settings, read: Callable[[], Settings]) -> int:
        assert read() == settings
        asked.append(settings)
        return 5

    module = ModuleType("mediaserver.signalling.application")
    module.run = application  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("mediaserver.observing.logs.configure_logs", lambda **_: None)
    return asked


def test_serve_runs_the_server_with_file_and_environment_and_ends_as_it_does(served: list[Settings], tmp_path: Path) -> None:
    path = tmp_path / "mediaserver.toml"
    path.write_text("[sip]\nudp_port = 5070\n")
    assert run("serve", "--config", str(path), MEDIASERVER_LIMITS__CALLS="7") == (5, "", "")
    assert [(settings.sip.udp_port, settings.limits.calls) for settings in served] == [(5070, 7)]


def test_the_environment_names_the_file_as_well(served: list[Settings], wrong: Path) -> None:
    assert run("serve", MEDIASERVER_CONFIG=str(wrong))[0] == 78
    assert served == []


def test_serve_without_a_file_takes_the_defaults(served: list[Settings]) -> None:
    run("serve")
    assert served == [Settings()]


def test_a_wrong_configuration_is_78_with_one_line_a_problem(served: list[Settings], wrong: Path) -> None:
    code, output, errors = run("serve", "--config", str(wrong))
    assert (code, output) == (78, "")
    assert errors.splitlines() == [
        f"mediaserver: {wrong}: sip.tcp_port: must be at most 65535, not 70000",
        f"mediaserver: {wrong}: sip.udp_prot: unknown key; did you mean sip.udp_port?",
    ]
    assert served == []


def test_an_unknown_log_level_is_one_line(served: list[Settings]) -> None:
    assert run("serve", "--log-level", "loud") == (1, "", "mediaserver: --log-level: must be debug, info, warning, error, not 'loud'\n")


# check-config


def test_a_right_configuration_is_told_with_what_it_holds() -> None:
    assert run("check-config") == (0, "defaults: right; 0 trunks, 0 routes, 0 agents, 0 users, 0 tokens\n", "")


def test_one_of_a_kind_is_told_as_one(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text('[[trunks]]\nname = "pbx"\naddresses = ["192.0.2.1"]\n')
    assert run("check-config", "--config", str(path)) == (0, f"{path}: right; 1 trunk, 0 routes, 0 agents, 0 users, 0 tokens\n", "")


def test_a_right_configuration_as_json() -> None:
    code, output, _ = run("check-config", "--json")
    assert code == 0
    assert json.loads(output) == {"ok": True, "problems": [], "trunks": 0, "routes": 0, "agents": 0, "users": 0, "tokens": 0}


def test_a_wrong_configuration_as_json(wrong: Path) -> None:
    code, output, _ = run("check-config", "--config", str(wrong), "--json")
    assert code == 78
    told = json.loads(output)
    assert told["ok"] is False
    assert [problem["key"] for problem in told["problems"]] == ["sip.tcp_port", "sip.udp_prot"]


def test_a_wrong_configuration_is_checked_like_when_served(wrong: Path) -> None:
    assert run("check-config", "--config", str(wrong)) == (78, "", run("serve", "--config", str(wrong))[2])


# token


def test_a_made_token_opens_the_door_that_its_stanza_describes(tmp_path: Path) -> None:
    code, output, errors = run(
        *("token", "anna", "--tenant", "second", "--agent", "*", "--mode", "whisper", "--right", "end", "--number", "sip:a@192.0.2.1")
    )
    assert code == 0
    path = tmp_path / "mediaserver.toml"
    path.write_text(output)
    identity = TokenStore(load(path, {}).tokens).identity(errors.splitlines()[-1])
    assert identity is not None
    assert (identity.name, identity.tenant, identity.ceiling.mode) == ("anna", "second", "whisper")
    assert (identity.ceiling.agents, identity.ceiling.rights) == (frozenset({"*"}), frozenset({Right.END}))
    assert identity.numbers == {"sip:a@192.0.2.1"}


def test_a_token_as_json_has_token_hash_and_stanza() -> None:
    made = json.loads(run("token", "anna", "--user", "anna", "--json")[1])
    stanza = tomllib.loads(made["stanza"])["tokens"][0]
    assert stanza == {
        "identity": "anna",
        "tenant": "default",
        "sha256": made["sha256"],
        "user": "anna",
        "ceiling": {"agents": [], "teams": [], "rights": []},
    }
    assert len(made["token"]) >= 43


def test_no_token_is_made_twice() -> None:
    assert run("token", "anna")[1] != run("token", "anna")[1]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("a b",), "mediaserver: identity: String should match pattern"),
        (("anna", "--mode", "scream"), "mediaserver: ceiling.mode: Input should be 'listen', 'whisper' or 'barge'"),
        (("anna", "--right", "fly"), "mediaserver: ceiling.rights.0: Input should be"),
    ],
)
def test_a_token_that_the_configuration_would_refuse_is_not_made(arguments: tuple[str, ...], text: str) -> None:
    code, output, errors = run("token", *arguments)
    assert (code, output) == (1, "")
    assert errors.startswith(text)
    assert len(errors.splitlines()) == 1
