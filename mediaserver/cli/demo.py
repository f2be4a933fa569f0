"""`demo`: a server, calls that talk, how to join them, and the board."""

import asyncio
import os
import signal
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from rich.console import Console

from config.loading import load
from config.settings import Settings
from config.sip import SipSettings
from control_api.client import ControlClient
from mediaserver.cli.children import Child, ChildEnded
from mediaserver.cli.connecting import first_error_alone, progress
from mediaserver.cli.ending import OTHER
from mediaserver.cli.watching import watch
from mediaserver.storage.folder import configured_folder

TOKEN: Final = "demo-token"
SUPERVISOR: Final = "anna"
SECRET: Final = "demo"
CALLS: Final = 3
OTHER_PORTS: Final = "MEDIASERVER_CONTROL__PORT, MEDIASERVER_SIP__UDP_PORT and MEDIASERVER_SIP__TCP_PORT"
"""What a second demo beside the first one needs."""
KEPT: Final = "MEDIASERVER_STORAGE__FOLDER"
"""The setting of where the server keeps what happened."""
FAREWELL: Final = "The demo has ended, its server and its calls with it."
PATIENCE: Final = 60.0
"""Seconds for the server, and again for the calls, to come up."""


def run(seconds: float | None, bind: str) -> int:
    """Keep the demo up until Ctrl+C, SIGTERM or for so many seconds; the exit code."""
    environment = os.environ | {"MEDIASERVER_SIP__BIND": bind, "MEDIASERVER_MEDIA__BIND": bind}
    with as_file(files("mediaserver.demo") / "demo.toml") as config, _folder() as folder:
        settings = load(config, environment)
        environment[KEPT] = str(configured_folder(settings.storage, environment) or folder / "kept")
        try:
            with _stopped_by_sigterm(), first_error_alone():
                _stage(settings, config, environment, folder, seconds)
        except ChildEnded as error:
            sys.stderr.write(f"mediaserver: {error}\n")
            return OTHER
        except KeyboardInterrupt:
            pass
    print(FAREWELL)
    return 0


def _stage(settings: Settings, config: Path, environment: Mapping[str, str], folder: Path, seconds: float | None) -> None:
    """Start everything in order; leaving ends it in reverse."""
    if is_ready(settings):
        raise OSError(f"a server answers on {settings.control.url} already; stop it, or set {OTHER_PORTS}")
    python = [sys.executable, "-m"]
    server = Child("server", [*python, "mediaserver", "serve", "--config", str(config)], environment, folder / "server.log")
    talkers = Child("generator", [*python, "bench", "demo", "--config", str(config)], environment, folder / "generator.log")
    with server:
        with progress("starting the server …"):
            asyncio.run(_until(lambda: is_ready(settings), server))
        with talkers:
            asyncio.run(_show(settings, server, talkers, seconds, instructions(settings, folder / "server.log", Path(environment[KEPT]))))


async def _show(settings: Settings, server: Child, talkers: Child, seconds: float | None, text: str) -> None:
    async with ControlClient(settings.control.url, TOKEN, wants_meters=True) as client:
        with progress(f"waiting for {CALLS} calls …"):
            await _until(lambda: live_calls(client) >= CALLS, server, talkers)
        print(f"{live_calls(client)} calls are live. Stop with Ctrl+C.\n\n{text}\n", flush=True)
        async with asyncio.TaskGroup() as group:
            guard = group.create_task(_guard(server, talkers))
            # A board that is redrawn is for somebody who looks; a pipe gets the text above.
            if Console().is_terminal:
                await watch(client, as_json=False, seconds=seconds, full_screen=False)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await asyncio.Event().wait()
            guard.cancel()


def live_calls(client: ControlClient) -> int:
    """Calls in which two people talk."""
    return sum(call.state == "answered" for call in client.calls.values())


async def _until(is_so: Callable[[], bool], *children: Child) -> None:
    """Wait until something is so, while the children live."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                for child in children:
                    child.check()
                if await asyncio.to_thread(is_so):
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise TimeoutError(f"the demo was not up within {PATIENCE:.0f} s") from None


async def _guard(*children: Child) -> None:
    while True:
        await asyncio.sleep(0.5)
        for child in children:
            child.check()


@contextmanager
def _folder() -> Iterator[Path]:
    # What a server that was ended in haste has still to write may come in between.
    with tempfile.TemporaryDirectory(prefix="mediaserver-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def is_ready(settings: Settings) -> bool:
    """Whether the server takes calls."""
    try:
        with urllib.request.urlopen(f"{settings.control.url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def instructions(settings: Settings, log: Path, kept: Path) -> str:
    """How to join the calls, on 80 columns and few enough lines that the board below leaves them on the screen."""
    doors, digits, url = settings.doors, settings.doors.digits, settings.control.url
    first = settings.agents[0].name
    return f"""\
In a browser: {console(url)}
Without any phone, in a second terminal; heard.wav keeps it:
  {softphone(settings)} --dial '{doors.listen}{first}'
By softphone: register {SUPERVISOR}, password {SECRET}, at {settings.sip.bind}:{settings.sip.udp_port}, then dial
  {doors.listen}{first}   listen       during the call:  {digits.listen}  listen
  {doors.whisper}{first}   whisper                        {digits.whisper}  whisper
  {doors.barge}{first}   barge                          {digits.barge}  barge
  agents: {", ".join(agent.name for agent in settings.agents)}
From a shell: {SUPERVISOR}'s phone rings (yours, or the one above without --dial).
  export MEDIASERVER_URL={url} MEDIASERVER_TOKEN={TOKEN}
  {program("mediaserver")} listen {first}     or whisper, barge, leave, calls
By websocket: {url.replace("http", "ws", 1)}/v1/control, Authorization: Bearer {TOKEN}
  {{"id": 1, "type": "supervise", "agent": "{first}", "mode": "listen"}}
More: docs/control-api.md. Its log: {log}
  {program("mediaserver")} audit show --folder {kept}"""


def console(url: str) -> str:
    """Where the page is, with the demo's token; or that it was not built."""
    is_built = (files("control_api") / "static" / "index.html").is_file()
    return f"{url}/#/?token={TOKEN}" if is_built else "not built (make console; it needs Node)"


def softphone(settings: Settings) -> str:
    """The command of the terminal's softphone; where the server is not where the defaults have it, with what says so."""
    where = {
        "MEDIASERVER_SIP__BIND": "" if settings.sip.bind in ("127.0.0.1", "0.0.0.0", "::") else settings.sip.bind,
        "MEDIASERVER_SIP__UDP_PORT": "" if settings.sip.udp_port == SipSettings().udp_port else str(settings.sip.udp_port),
    }
    return " ".join([*(f"{name}={value}" for name, value in where.items() if value), program("python"), "-m bench phone"])


def program(name: str) -> str:
    """A program that stands beside our Python, as a shell in this folder finds it."""
    path = Path(sys.executable).with_name(name)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl+C does, so that no child is left behind."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
