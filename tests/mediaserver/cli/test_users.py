"""`user` and `key`: what they print opens, and what was typed is nowhere in it."""

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from config.loading import load
from mediaserver.cli.main import app
from mediaserver.secrecy.key import Key, read_key
from mediaserver.secrecy.pins import is_right
from mediaserver.signalling.entering.identities import ConfiguredUsers
from sip.digest import ha1

KEY = Key(bytes(range(32)))


def run(*arguments: str, typed: str = "", **environment: str) -> Result:
    return CliRunner(env={"MEDIASERVER_KEY": KEY.text, "MEDIASERVER_KEY_FILE": "", **environment}).invoke(app, list(arguments), input=typed)


def test_the_printed_lines_are_a_configuration_that_opens(tmp_path: Path) -> None:
    printed = run("user", "anna", "--pin", "--realm", "house", typed="wonderland\n4711\n")
    assert printed.exit_code == 0
    assert "wonderland" not in printed.output
    assert "4711" not in "".join(printed.stdout.splitlines()[:4])
    path = tmp_path / "mediaserver.toml"
    path.write_text('[sip]\nrealm = "house"\n' + printed.stdout)
    users = ConfiguredUsers(load(path, {}), KEY)
    assert users.ha1_of("anna", "SHA-256") == ha1("anna", "house", "wonderland", "SHA-256")
    assert users.ha1_of("anna", "MD5") == ha1("anna", "house", "wonderland", "MD5")
    anna = users.get("anna")
    assert anna is not None
    assert is_right(anna.pin, "4711")
    assert run("check-config", "--config", str(path)).exit_code == 0


def test_the_realm_is_the_configurations_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "mediaserver.toml"
    path.write_text('[sip]\nrealm = "our house"\n')
    printed = run("user", "anna", "--config", str(path), "--json", typed="wonderland\n")
    assert json.loads(printed.stdout)["realm"] == "our house"


def test_a_configuration_that_another_key_sealed_is_told_by_check_config(tmp_path: Path) -> None:
    path = tmp_path / "mediaserver.toml"
    path.write_text(run("user", "anna", "--realm", "mediaserver", typed="wonderland\n").stdout)
    other = run("check-config", "--config", str(path), MEDIASERVER_KEY=Key(bytes(32)).text)
    assert other.exit_code == 78
    assert "users: anna: ha1_md5 was sealed under the key" in other.stderr
    assert run("check-config", "--config", str(path), MEDIASERVER_KEY="").exit_code == 0


@pytest.mark.parametrize(
    ("typed", "environment", "problem"),
    [
        ("\n", {}, "password: 1 to 256 characters"),
        ("wonderland\n471\n", {}, "pin: 4 to 256 characters"),
        ("wonderland\nabcd\n", {}, "a PIN is 4 to 16 digits"),
        ("wonderland\n", {"MEDIASERVER_KEY": ""}, "no key: set MEDIASERVER_KEY or MEDIASERVER_KEY_FILE; `mediaserver key` makes one"),
        ("wonderland\n", {"MEDIASERVER_KEY": "x"}, "MEDIASERVER_KEY: not a key"),
    ],
)
def test_what_is_missing_is_told_in_one_line(typed: str, environment: dict[str, str], problem: str) -> None:
    ended = run("user", "anna", "--pin", "--realm", "house", typed=typed, **environment)
    assert ended.exit_code == 1
    assert ended.stdout == ""
    assert problem in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_key_is_printed_once_or_written_for_its_owner(tmp_path: Path) -> None:
    assert read_key(run("key").stdout, "output") != read_key(run("key").stdout, "output")
    path = tmp_path / "key"
    written = run("key", "--file", str(path))
    assert written.stdout == ""
    assert path.stat().st_mode & 0o777 == 0o600
    lines = run("user", "anna", "--realm", "r", typed="x\n", MEDIASERVER_KEY="", MEDIASERVER_KEY_FILE=str(path)).stdout
    assert tomllib.loads(lines)["users"][0]["name"] == "anna"
    assert "a key is never written over" in run("key", "--file", str(path)).stderr


def test_the_lines_of_who_signs_in_are_a_configuration_whose_password_is_right(tmp_path: Path) -> None:
    printed = run("identity", "carla", "--role", "lead", typed="open sesame\n")
    assert printed.exit_code == 0
    assert "sesame" not in printed.output
    path = tmp_path / "mediaserver.toml"
    path.write_text(printed.stdout + '[[roles]]\nname = "lead"\nteams = ["*"]\nmode = "listen"\n')
    (carla,) = load(path, {}).identities
    assert (carla.name, carla.tenant, carla.role) == ("carla", "default", "lead")
    assert is_right(carla.password.get_secret_value(), "open sesame")


def test_a_short_password_is_not_taken() -> None:
    assert run("identity", "carla", "--role", "lead", typed="sesame\n").exit_code != 0
