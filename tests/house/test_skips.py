"""The rule that CI lives by: where no skip is allowed, a skipped test fails the run and is named."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

SKIPPED_BY_ITSELF = "import pytest\ndef test_phone(): pytest.skip('SIPp is missing')\n"
SKIPPED_BY_MARK = "import pytest\n@pytest.mark.skipif(True, reason='SIPp is missing')\ndef test_phone(): pass\n"
SKIPPED_BY_FIXTURE = "import pytest\n@pytest.fixture\ndef phone(): pytest.skip('no phone')\ndef test_phone(phone): pass\n"
SKIPPED_AS_A_FILE = "import pytest\npytest.skip('SIPp is missing', allow_module_level=True)\n"
EXPECTED_TO_FAIL = "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_phone(): assert False\n"
FAILING = "def test_phone(): assert False\n"


BESIDE = ("--processes", "2")


def run(folder: Path, text: str, no_skips: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest over one file and the project's conftest, in a folder of their own."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "conftest.py")
    (folder / "test_sample.py").write_text("def test_passes(): pass\n")
    (folder / "test_phone.py").write_text(text)
    environment = {**os.environ, "MEDIASERVER_NO_SKIPS": no_skips, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "."]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=90)


@pytest.mark.parametrize("text", [SKIPPED_BY_ITSELF, SKIPPED_BY_MARK, SKIPPED_BY_FIXTURE, SKIPPED_AS_A_FILE])
def test_a_skipped_test_fails_a_strict_run_and_is_named(tmp_path: Path, text: str) -> None:
    done = run(tmp_path, text, no_skips="1")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "skipped, and so failed" in done.stdout
    assert "test_phone.py" in done.stdout


@pytest.mark.parametrize("text", [SKIPPED_BY_ITSELF, SKIPPED_AS_A_FILE])
def test_a_skip_is_seen_in_processes_side_by_side_too(tmp_path: Path, text: str) -> None:
    done = run(tmp_path, text, "1", *BESIDE)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert done.stdout.count("test_phone.py") >= 1
    assert "skipped, and so failed" in done.stdout


def test_a_green_run_side_by_side_is_green(tmp_path: Path) -> None:
    assert run(tmp_path, "def test_phone(): pass\n", "1", *BESIDE).returncode == pytest.ExitCode.OK


@pytest.mark.parametrize("no_skips", ["", "0"])
def test_a_skipped_test_is_only_told_of_elsewhere(tmp_path: Path, no_skips: str) -> None:
    done = run(tmp_path, SKIPPED_BY_ITSELF, no_skips)
    assert done.returncode == pytest.ExitCode.OK
    assert "1 skipped" in done.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert run(tmp_path, EXPECTED_TO_FAIL, no_skips="1").returncode == pytest.ExitCode.OK


def test_a_failure_stays_a_failure(tmp_path: Path) -> None:
    assert run(tmp_path, FAILING, no_skips="1").returncode == pytest.ExitCode.TESTS_FAILED
