"""The Dockerfile's steps, run without a container engine: build the wheel, install it into an empty environment, ask for health."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.house.tree import ROOT, SHIPPED, project

STEPS = ROOT / "deploy" / "container"
SECONDS = 240


def run(*command: str | Path, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step as the build of the image would, with the Python of the tests; compiling ahead of time is left out, for speed."""
    path = f"{Path(sys.executable).resolve().parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "PATH": path, "PIP_NO_COMPILE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the image's step."""
    folder = tmp_path_factory.mktemp("wheel")
    done = run(STEPS / "build-wheel.sh", folder)
    assert done.returncode == 0, done.stderr
    [file] = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that was empty, with the wheel and its locked dependencies."""
    venv = tmp_path_factory.mktemp("opt") / "mediaserver"
    for command in ((STEPS / "install-dependencies.sh", venv), (STEPS / "install-wheel.sh", venv, wheel.parent)):
        done = run(*command)
        assert done.returncode == 0, done.stderr
    return venv


@pytest.mark.network
@pytest.mark.timeout(SECONDS)
def test_the_wheel_holds_every_room_with_its_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {*SHIPPED, f"mediaserver-{project()['project']['version']}.dist-info"}
    data = [file for room in SHIPPED for kind in ("*.toml", "*.wav", "py.typed") for file in (ROOT / room).rglob(kind)]
    assert {file.relative_to(ROOT).as_posix() for file in data} <= set(names)


@pytest.mark.network
@pytest.mark.timeout(SECONDS)
def test_a_wheel_with_the_compiled_socket_loop_fits_this_platform_only(wheel: Path) -> None:
    has_loop = "rtp/_socket_loop.so" in zipfile.ZipFile(wheel).namelist()
    assert has_loop == (shutil.which("cc") is not None)
    assert wheel.stem.endswith("-any") != has_loop
    assert "-py3-none-" in wheel.stem


@pytest.mark.network
@pytest.mark.timeout(SECONDS)
def test_the_wheel_declares_its_licence_and_no_gpl_dependency(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    [metadata] = [name for name in archive.namelist() if name.endswith("dist-info/METADATA")]
    text = archive.read(metadata).decode()
    assert "License-Expression: Apache-2.0" in text
    assert "pyvoip" not in text.lower()


@pytest.mark.network
@pytest.mark.timeout(SECONDS)
def test_an_installed_server_runs_away_from_its_sources(environment: Path, tmp_path: Path) -> None:
    done = run(environment / "bin" / "mediaserver", "--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in ("serve", "demo", "check-config"))
    where = run(environment / "bin" / "python", "-I", "-c", "import mediaserver; print(mediaserver.__file__)", folder=tmp_path).stdout
    assert Path(where).is_relative_to(environment)


@pytest.mark.network
@pytest.mark.timeout(SECONDS)
def test_an_installed_environment_holds_no_tools_of_the_tests(environment: Path) -> None:
    list_them = "from importlib.metadata import distributions; print(*(each.name for each in distributions()), sep='\\n')"
    listed = run(environment / "bin" / "python", "-I", "-c", list_them).stdout.lower()
    assert "numpy\n" in listed
    assert not re.search(r"^(pyvoip|pytest|mypy|ruff)$", listed, re.MULTILINE)


@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (503, 1)])
def test_health_follows_what_the_server_says(status: int, exit_code: int) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.handle_request)
    thread.start()
    done = run(STEPS / "healthcheck.sh", MEDIASERVER_HEALTH_URL=f"http://127.0.0.1:{server.server_port}/healthz")
    thread.join()
    server.server_close()
    assert done.returncode == exit_code


def test_health_of_a_server_that_is_not_there_is_bad_in_one_line() -> None:
    done = run(STEPS / "healthcheck.sh", MEDIASERVER_HEALTH_URL="http://127.0.0.1:9/healthz")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_every_step_of_the_dockerfile_is_a_script_that_is_here() -> None:
    steps = re.findall(r"^RUN (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(steps) == 6
    assert all(os.access(STEPS / Path(step).name, os.X_OK) for step in steps)


def test_the_image_runs_without_rights_and_with_a_health_check() -> None:
    final = (ROOT / "Dockerfile").read_text().split("\nFROM ")[-1]
    [user] = re.findall(r"^USER (\S+)", final, re.MULTILINE)
    assert user not in ("root", "0")
    assert "HEALTHCHECK" in final
    assert "STOPSIGNAL SIGTERM" in final
    assert "EXPOSE" in final


def test_the_image_is_built_from_named_folders_only() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == {
        "pyproject.toml",
        "hatch_build.py",
        "README.md",
        "requirements",
        "deploy/container",
        "console",
        "scripts/console.sh",
        *SHIPPED,
    }
