"""`doctor`: what is found on this machine, and how bad it is."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.settings import MediaSettings, Settings
from mediaserver.cli import doctor
from mediaserver.cli.doctor import Finding, Grade
from mediaserver.cli.main import app
from mediaserver.secrecy.key import new_key
from mixer.coders import libopus
from rtp import socket_library
from rtp.srtp import library


def found(name: str, **media: object) -> Finding:
    """What a check finds with these settings of media."""
    settings = Settings(media=MediaSettings.model_validate(media))
    [finding] = [finding for finding in (check(settings) for check in doctor.CHECKS) if finding.name == name]
    return finding


@pytest.fixture
def no_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has neither compiler nor codecs."""

    def no_loop() -> None:
        raise OSError("no such file")

    def no_srtp() -> None:
        raise library.SrtpError("no libsrtp")

    def no_opus() -> str:
        raise libopus.OpusUnavailableError

    monkeypatch.setattr(socket_library, "load_library", no_loop)
    monkeypatch.setattr(library, "load", no_srtp)
    monkeypatch.setattr(libopus, "version", no_opus)


def test_every_check_is_told_in_a_line() -> None:
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    assert [line.split()[0] in tuple(Grade) for line in result.stdout.splitlines()] == [True] * len(doctor.CHECKS)
    for name in ("socket loop", "codecs", "SRTP", "open files", "cores", "storage", "audit key"):
        assert name in result.stdout


def test_json_holds_the_same() -> None:
    content = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert content["ok"] is True
    assert len(content["findings"]) == len(doctor.CHECKS)
    assert set(content["findings"][0]) == {"name", "grade", "text"}


@pytest.mark.usefixtures("no_libraries")
def test_what_is_lacking_is_poor_and_says_how_to_get_it() -> None:
    assert found("socket loop").grade is Grade.POOR
    assert "compiler" in found("socket loop").text
    assert found("SRTP", security="accept").grade is Grade.POOR
    assert found("codecs", codecs=("PCMU",)).grade is Grade.POOR


@pytest.mark.usefixtures("no_libraries")
@pytest.mark.parametrize("security", ["prefer", "require"])
def test_what_is_lacking_and_asked_for_is_bad(security: str) -> None:
    assert found("SRTP", security=security).grade is Grade.BAD


def test_a_loop_that_is_switched_off_is_named() -> None:
    assert found("socket loop", socket_loop="python").grade is Grade.POOR


def test_too_few_open_files_are_told_with_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, 4096))
    finding = found("open files", rows=4096)
    assert finding.grade is Grade.POOR
    assert "ulimit" in finding.text
    assert found("open files", rows=64).grade is Grade.GOOD
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert found("open files").grade is Grade.GOOD


def test_cores_that_are_not_there_are_bad_and_exit_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    assert found("cores").grade is Grade.GOOD
    assert found("cores", workers=2).grade is Grade.POOR
    file = tmp_path / "mediaserver.toml"
    file.write_text("[media]\ncpu = 7\n")
    result = CliRunner().invoke(app, ["doctor", "--config", str(file)])
    assert result.exit_code == 1
    assert "bad   cores" in result.stdout


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from config.settings import Settings; from mediaserver.cli.doctor import CHECKS\n"
        "[check(Settings()) for check in CHECKS]\n"
        "print([name for name in ('numpy', 'av', 'fastapi') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_server_without_a_folder_is_told_that_nothing_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert (found("storage").grade, "storage.folder" in found("storage").text) == (Grade.POOR, True)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert (found("storage").grade, found("storage").text) == (Grade.GOOD, f"SQLite, by a journal in {tmp_path / 'storage'}")


def test_a_folder_that_cannot_be_written_is_bad(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert found("storage").grade is Grade.BAD


def test_a_key_beside_the_log_that_it_seals_is_poor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MEDIASERVER_KEY", raising=False)
    monkeypatch.delenv("MEDIASERVER_KEY_FILE", raising=False)
    assert found("audit key").grade is Grade.POOR
    monkeypatch.setenv("MEDIASERVER_KEY", new_key().text)
    assert found("audit key").grade is Grade.GOOD
    monkeypatch.setenv("MEDIASERVER_KEY", "nonsense")
    assert found("audit key").grade is Grade.BAD
