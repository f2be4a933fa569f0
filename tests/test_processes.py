"""Tests in several processes: whole files go to one of them, everything is told, and a process that dies is no green run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT
from tests.processes import AGAIN_AT_MOST

FIRST = """
import os, pathlib, time, warnings, pytest
HERE = pathlib.Path(__file__).parent

@pytest.fixture(scope="module", autouse=True)
def once():
    (HERE / f"{__name__}.begun").touch()
    while len(list(HERE.glob("*.begun"))) < 2:  # the other process has the other file
        time.sleep(0.01)
    yield
    with (HERE / "torn_down").open("a") as file: file.write(f"{__name__} {os.getpid()}\\n")

@pytest.mark.parametrize("number", range(3))
def test_passes(number, tmp_path):
    print("nobody sees this")
    with (HERE / "ran").open("a") as file: file.write(f"{__name__} {os.getpid()} {tmp_path}\\n")
"""
SECOND = (
    FIRST
    + """
def test_warns(): warnings.warn("a word of warning")
"""
)
FAILS = """
def test_fails():
    print("what it said")
    assert 1 == 2, "the reason"
"""
DISTURBED = """
import pathlib
def test_is_disturbed_once():
    first_time = not pathlib.Path("disturbed").exists()
    pathlib.Path("disturbed").touch()
    assert not first_time, "too slow amid the others"
"""
MEETS = """
import os, pathlib, time
def meet(us, them):
    pathlib.Path(f"{us}-{os.nice(0)}").touch()
    while not list(pathlib.Path().glob(f"{them}-*")):
        time.sleep(0.01)
"""
COMPUTES = MEETS + "def test_computes(): meet('computes', 'waits')\n"
WAITS = MEETS + "def test_waits(): meet('waits', 'computes')\n"
DEADLY = "import os\ndef test_dies(): os._exit(3)\ndef test_comes_after(): pass\n"


def run(folder: Path, files: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest over some files in two processes, with the project's conftest."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "conftest.py")
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--processes", "2", *options, "."]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=90)


def test_files_go_to_one_process_each_and_everything_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, {"first": FIRST, "second": SECOND, "third": FAILS})
    assert done.returncode == 1
    assert "1 failed, 7 passed, 1 warning" in done.stdout
    assert all(text in done.stdout for text in ("the reason", "what it said", "a word of warning"))
    assert "nobody sees this" not in done.stdout
    ran = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    assert len(ran) == len({folder for _, _, folder in ran}) == 6
    assert len({pid for _, pid, _ in ran}) == 2
    torn_down = [line.split() for line in (tmp_path / "torn_down").read_text().splitlines()]
    assert sorted(torn_down) == sorted(map(list, {(name, pid) for name, pid, _ in ran}))


def test_a_process_that_dies_is_a_failure_of_the_test_it_ran_and_the_others_go_on(tmp_path: Path) -> None:
    done = run(tmp_path, {"deadly": DEADLY, "other": "def test_passes(): pass\n"})
    assert done.returncode == 1
    assert "test_deadly.py::test_dies" in done.stdout
    assert "ended with 3" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


def test_the_first_failure_ends_all_where_that_is_wanted(tmp_path: Path) -> None:
    waiting = "import time\ndef test_waits(): time.sleep(20)\n"
    done = run(tmp_path, {"failing": "def test_fails(): assert False\n", "waiting": waiting}, "-x")
    assert done.returncode == 1
    assert "stopping after 1 failures" in done.stdout


def test_what_computes_is_begun_beside_what_waits_and_is_less_urgent(tmp_path: Path) -> None:
    (tmp_path / "rtp").mkdir()
    (tmp_path / "rtp" / "test_computing.py").write_text(COMPUTES)
    done = run(tmp_path, {"waiting": WAITS, "waiting_too": WAITS})
    assert done.returncode == 0, done.stdout
    computes, waits = ([int(path.name.partition("-")[2]) for path in tmp_path.glob(f"{who}-*")] for who in ("computes", "waits"))
    assert min(computes) > min(waits)


def test_what_fails_amid_the_others_and_passes_alone_is_named_with_what_it_said(tmp_path: Path) -> None:
    done = run(tmp_path, {"disturbed": DISTURBED, "other": "def test_passes(): pass\n"})
    assert done.returncode == 0, done.stdout
    assert "failed amid the others, passed alone: test_disturbed.py::test_is_disturbed_once" in done.stdout
    assert "too slow amid the others" in done.stdout
    assert "2 passed" in done.stdout


def test_many_failures_are_no_accident(tmp_path: Path) -> None:
    of_many = DISTURBED.replace("test_is", "test_{0}_is").replace('"disturbed"', '"disturbed {0}"')
    done = run(tmp_path, {f"disturbed_{number}": of_many.replace("{0}", str(number)) for number in range(AGAIN_AT_MOST + 1)})
    assert done.returncode == 1
    assert f"1 failed, {AGAIN_AT_MOST} passed" in done.stdout
