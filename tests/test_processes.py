"""Tests in several processes: whole files go to one of them, everything is told, and a process that dies is no green run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT

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
def test_fails():
    print("what it said")
    assert 1 == 2, "the reason"
"""
)
COMPUTES = "import os, pathlib\ndef test_computes(): pathlib.Path('computed').write_text(str(os.nice(0)))\n"
WAITS = """
import os, pathlib, time
def test_waits():
    while not pathlib.Path("computed").exists():
        time.sleep(0.01)
    pathlib.Path("waited").write_text(str(os.nice(0)))
"""
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
    done = run(tmp_path, {"first": FIRST, "second": SECOND})
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
    assert int((tmp_path / "computed").read_text()) > int((tmp_path / "waited").read_text())
