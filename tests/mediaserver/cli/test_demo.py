"""The demo: its configuration, what it prints, and that no child is left behind."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from config.loading import load
from config.settings import Settings
from control_api.tokens import TokenStore
from mediaserver.cli import demo
from mediaserver.cli.children import Child, ChildEnded

CONFIG = Path(str(files("mediaserver.demo") / "demo.toml"))


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
    (user,) = [user for user in settings.users if user.name == demo.SUPERVISOR]
    assert user.secret.get_secret_value() == demo.SECRET
    assert user.ceiling is not None
    assert user.ceiling.mode == "barge"


def test_the_instructions_name_every_way_in(settings: Settings) -> None:
    text = demo.instructions(settings)
    for words in ("*1robert", "*2robert", "*3robert", "127.0.0.1:5060", "mediaserver listen robert", "ws://127.0.0.1:8080/v1/control"):
        assert words in text
    assert "agents: robert, maria, samuel" in text


def test_the_instructions_follow_the_environment() -> None:
    settings = load(CONFIG, {"MEDIASERVER_SIP__UDP_PORT": "5070", "MEDIASERVER_CONTROL__PORT": "8081", "MEDIASERVER_DOORS__LISTEN": "*7"})
    text = demo.instructions(settings)
    for words in ("127.0.0.1:5070", "http://127.0.0.1:8081", "*7robert"):
        assert words in text


@pytest.mark.parametrize(("bind", "host"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("192.0.2.1", "192.0.2.1")])
def test_the_control_api_is_found_wherever_it_is_bound(bind: str, host: str) -> None:
    assert demo.url_of(load(None, {"MEDIASERVER_CONTROL__BIND": bind})) == f"http://{host}:8080"


def child(tmp_path: Path, code: str) -> Child:
    return Child("server", [sys.executable, "-c", code], {}, tmp_path / "output")


def test_a_child_ends_with_its_context(tmp_path: Path) -> None:
    with child(tmp_path, "import time; time.sleep(60)") as running:
        running.check()
        process = running._process
    assert process.poll() is not None


def test_a_child_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediaserver.cli.children.GRACE", 0.2)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
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


@pytest.fixture
def broken_server(tmp_path: Path) -> dict[str, str]:
    """An environment in which `python -m mediaserver serve` fails at once."""
    return {"MEDIASERVER_SIP__UDP_PORT": "none", "PATH": "/bin"}


def test_a_wrong_setting_ends_the_demo_before_anything_starts(broken_server: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mediaserver", "demo"], env=broken_server, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 78
    assert done.stderr == "mediaserver: MEDIASERVER_SIP__UDP_PORT: sip.udp_port: must be a whole number, not 'none'\n"


def test_a_server_that_answers_already_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "is_ready", lambda _: True)
    with pytest.raises(OSError, match=r"a server answers on http://127\.0\.0\.1:8080 already; stop it, or set MEDIASERVER_CONTROL__PORT"):
        demo.run(None, "127.0.0.1")
