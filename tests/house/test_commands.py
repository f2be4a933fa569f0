"""The commands of the Makefile and what they say on a machine where something is missing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.console.browsing import PICTURES
from tests.house.tree import ROOT, name_of

SCRIPTS = sorted([*(ROOT / "scripts").glob("*.sh"), *(ROOT / "deploy" / "container").glob("*.sh"), ROOT / ".ci" / "run"])


def stub(folder: Path, name: str, text: str) -> Path:
    """A small shell program that stands in for another one."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with these variables changed."""
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that has what setup reads, and nothing else."""
    for name in ("pyproject.toml", "scripts/setup.sh", "requirements/development.txt", "hatch_build.py", "rtp/socket_loop.c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_script_can_be_run_says_what_it_does_and_stops_at_errors(script: Path) -> None:
    text = script.read_text()
    assert os.access(script, os.X_OK)
    assert text.splitlines()[1].startswith("# ")
    assert re.search(r"^set -[eu]", text, re.MULTILINE)
    shell = "bash" if "bash" in text.splitlines()[0] else "sh"
    assert run([shell, "-n", str(script)], ROOT).returncode == 0


def test_every_target_is_explained() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = run(["make", "help"], ROOT).stdout
    assert all(f"make {target} " in told for target in targets)


def test_a_python_that_is_not_there_is_named(checkout: Path) -> None:
    done = run(["scripts/setup.sh"], checkout, PYTHON="python-of-tomorrow")
    assert done.returncode == 1
    assert "'python-of-tomorrow' is not installed" in done.stderr


def test_a_python_that_is_too_old_is_refused_with_its_version(checkout: Path) -> None:
    old = stub(checkout / "bin", "python3.8", 'case "$1" in --version) echo "Python 3.8.1" ;; *) exit 1 ;; esac')
    done = run(["scripts/setup.sh"], checkout, PYTHON=str(old))
    assert done.returncode == 1
    assert "Python 3.8.1, and 3.11 or newer is needed" in done.stderr
    assert not (checkout / ".venv").exists()


def test_the_first_python_that_is_new_enough_is_taken(checkout: Path) -> None:
    stub(checkout / "bin", "python3", "exit 1")
    stub(checkout / "bin", "python3.14", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    path = f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "PYTHON": ""}
    done = run(["scripts/setup.sh"], checkout, **environment)
    assert done.returncode == 1
    assert "cannot make virtual environments" in done.stderr


def test_a_python_without_venv_names_the_package_that_brings_it(checkout: Path) -> None:
    bare = stub(checkout / "bin", "python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    done = run(["scripts/setup.sh"], checkout, PYTHON=str(bare))
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_setup_that_was_done_is_not_done_again(checkout: Path) -> None:
    calls = checkout / "calls"
    python = stub(
        checkout / "bin", "python3", f'echo "$*" >>{calls}; case "$*" in "-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;; esac'
    )
    first = run(["scripts/setup.sh"], checkout, PYTHON=str(python))
    assert first.returncode == 0, first.stderr
    assert "--require-hashes" in calls.read_text()
    assert "setup: done" in first.stdout

    calls.unlink()
    again = run(["scripts/setup.sh"], checkout, PYTHON=str(python))
    assert again.returncode == 0
    assert "pip install" not in calls.read_text()

    (checkout / "requirements" / "development.txt").write_text("other==1\n")
    assert "setup: done" in run(["scripts/setup.sh"], checkout, PYTHON=str(python)).stdout


def test_test_tools_does_nothing_where_they_are(tmp_path: Path) -> None:
    for name in ("sipp", "baresip", "linphonec", "kamailio", "chromium", "npm", "turnserver", "pg_createcluster"):
        stub(tmp_path / "bin", name, "")
    stub(tmp_path / "bin", "apt-get", "exit 1")
    done = run(["/bin/bash", str(ROOT / "scripts" / "test-tools.sh")], tmp_path, PATH=str(tmp_path / "bin"))
    assert done.returncode == 0, done.stderr


def test_test_tools_without_apt_says_what_is_needed(tmp_path: Path) -> None:
    stub(tmp_path / "bin", "baresip", "")
    done = run(["/bin/bash", str(ROOT / "scripts" / "test-tools.sh")], tmp_path, PATH=str(tmp_path / "bin"))
    assert done.returncode == 1
    assert "sipp" in done.stderr


def test_test_tools_without_rights_says_what_to_run(tmp_path: Path) -> None:
    stub(tmp_path / "bin", "apt-get", "exit 1")
    stub(tmp_path / "bin", "id", "echo 1000")
    done = run(["/bin/bash", str(ROOT / "scripts" / "test-tools.sh")], tmp_path, PATH=str(tmp_path / "bin"))
    assert done.returncode == 1
    assert "as root: apt-get install sip-tester baresip-core linphone-cli kamailio chromium npm coturn postgresql" in done.stderr


def test_test_tools_fetches_the_lists_where_they_are_missing_and_waits_for_the_lock(tmp_path: Path) -> None:
    log = tmp_path / "log"
    lists = tmp_path / "lists"
    stub(tmp_path / "bin", "apt-get", f'echo "$*" >>{log}; case "$*" in *update*) : >{lists} ;; *install*) [ -e {lists} ] ;; esac')
    stub(tmp_path / "bin", "id", "echo 0")
    stub(tmp_path / "bin", "env", 'shift; exec "$@"')
    done = run(["/bin/bash", str(ROOT / "scripts" / "test-tools.sh")], tmp_path, PATH=str(tmp_path / "bin"))
    assert done.returncode == 0, done.stderr
    asked = log.read_text().splitlines()
    assert ["install" in line or "update" in line for line in asked] == [True, True, True]
    assert all("DPkg::Lock::Timeout=600" in line for line in asked)


def test_ci_calls_the_readmes_test_command_and_forbids_skips() -> None:
    text = (ROOT / ".ci" / "run").read_text()
    assert "make test-tools" in text
    assert re.search(r"^export MEDIASERVER_NO_SKIPS=1\nmake test \|\| status=1\nmake proofs \|\| status=1$", text, re.MULTILINE)


def test_ci_leaves_pictures_of_the_console_where_git_does_not_take_them() -> None:
    assert f'export {PICTURES}="$PWD/artifacts/pictures"' in (ROOT / ".ci" / "run").read_text()
    assert "/artifacts/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_documents_show_pictures_that_the_tests_keep() -> None:
    tests = "".join(file.read_text() for room in ("console", "proofs") for file in (ROOT / "tests" / room).glob("*.py"))
    kept = {f"{name}{size}" for name in re.findall(r'keep_picture\([^()]*, "([a-z-]+)"\)', tests) for size in ("", "-phone")}
    shown = {path.stem for path in (ROOT / "docs" / "pictures").glob("*.png")}
    pages = "".join((ROOT / page).read_text() for page in ("README.md", "docs/console.md"))
    assert {name for name in shown if f"pictures/{name}.png" in pages} == shown <= kept
