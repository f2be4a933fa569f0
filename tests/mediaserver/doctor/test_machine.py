"""What the machine and the installation give, and how bad it is where they do not."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.settings import MediaSettings, Settings
from mediaserver.cli.main import app
from mediaserver.doctor.finding import Finding, Grade
from mediaserver.doctor.machine import CHECKS
from mediaserver.doctor.running import examine
from mixer.coders import libopus
from rtp import socket_library
from rtp.srtp import library
from tests.mediaserver.doctor.finding import the


def found(name: str, **media: object) -> Finding:
    """What is found with these settings of media."""
    return the(name, examine(Settings(media=MediaSettings.model_validate(media)), CHECKS))


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


@pytest.mark.usefixtures("no_libraries")
def test_what_is_lacking_is_poor_and_says_how_to_get_it() -> None:
    assert found("socket loop").grade is Grade.POOR
    assert "compiler" in found("socket loop").todo
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
    assert "ulimit" in finding.todo
    assert found("open files", rows=64).grade is Grade.GOOD
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert found("open files").grade is Grade.GOOD


def test_cores_that_are_not_there_are_bad_and_exit_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    assert found("cores").grade is Grade.GOOD
    assert found("cores", workers=2).grade is Grade.POOR
    file = tmp_path / "mediaserver.toml"
    file.write_text("[media]\ncpu = 7\n[sip]\nudp_port = 0\ntcp_port = 0\n[control]\nport = 0\n")
    result = CliRunner().invoke(app, ["doctor", "--config", str(file)])
    assert result.exit_code == 1
    assert "bad  cores" in result.stdout


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from config.settings import Settings; from mediaserver.doctor.running import examine\n"
        "examine(Settings())\n"
        "print([name for name in ('numpy', 'av', 'fastapi') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
