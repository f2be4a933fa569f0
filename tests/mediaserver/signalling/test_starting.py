"""A server that cannot start says why in one line that names the setting, and ends with the code for it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import warm

EX_OSERR = 71


@pytest.fixture(params=["udp", "tcp", "control"])
def taken(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """What is taken, and the port."""
    kind = socket.SOCK_DGRAM if request.param == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        yield request.param, other.getsockname()[1]


def serve(folder: Path, **settings: object) -> tuple[int, str]:
    """Exit code and what was said, of a server on free ports but for these settings."""
    given: dict[str, object] = {
        "sip__bind": "127.0.0.1",
        "media__bind": "127.0.0.1",
        "sip__udp_port": 0,
        "sip__tcp_port": 0,
        "control__port": 0,
    }
    given |= settings
    environment = {f"MEDIASERVER_{key.upper()}": str(value) for key, value in given.items()}
    (folder / "empty.toml").write_text("")
    log = folder / "log"
    code = warm.start(["serve", "--config", str(folder / "empty.toml")], os.environ | environment, log).wait(30)
    return code, log.read_text()


def test_a_port_in_use_is_named_with_its_setting(taken: tuple[str, int], tmp_path: Path) -> None:
    kind, port = taken
    setting = {"udp": "sip__udp_port", "tcp": "sip__tcp_port", "control": "control__port"}[kind]
    code, said = serve(tmp_path, **{setting: port})
    assert code == EX_OSERR
    assert said.count("\n") == 1
    assert str(port) in said
    assert setting.replace("__", ".") in said
    assert "address already in use" in said


def test_an_address_without_media_ports_is_told_before_the_first_call(tmp_path: Path) -> None:
    code, said = serve(tmp_path, media__bind="192.0.2.1")
    assert (code, said.count("\n")) == (EX_OSERR, 1)
    assert "media.bind" in said


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all, but long enough to have a header"])
def test_music_that_is_none_is_told(content: bytes, tmp_path: Path) -> None:
    music = tmp_path / "music.wav"
    music.write_bytes(content)
    code, said = serve(tmp_path, media__music=music)
    assert (code, said.count("\n")) == (EX_OSERR, 1)
    assert "media.music" in said
    assert str(music) in said


def test_the_soft_limit_of_open_files_is_raised_to_the_hard_one() -> None:
    code = (
        "import resource, mediaserver.signalling.application as application;"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard));"
        "application.allow_open_files();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"
