"""The console's own checks, which need Node: its types, and the tests of its logic."""

import subprocess

import pytest

from tests.console.built import CONSOLE, SECONDS, built


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("script", ["check", "test"])
def test_the_consoles_own_check_is_green(script: str) -> None:
    built()
    done = subprocess.run(["npm", "run", "--silent", script], cwd=CONSOLE, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_file_names_no_registry() -> None:
    text = (CONSOLE / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity"') > 40
