"""schemathesis asks whatever the description allows, and what it does not (`tests.proofs.any_request`).

It thinks up its cases while tests are collected, for which everything else would wait: so it has a run, and a process, of its own.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

SECONDS = 300


@pytest.mark.timeout(SECONDS + 10)
def test_every_answer_is_as_described() -> None:
    cases = Path(__file__).with_name("any_request.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(cases)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stdout[-8000:]
    assert " passed" in done.stdout
