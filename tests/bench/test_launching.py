"""Who was started by a bench, or by tests, does not outlive them."""

import os
import select
import subprocess
import sys

from tests.interop.tools import ENDING_WITH_US

STARTS = """
import subprocess, sys
started = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
started.stdout.readline()
print(started.pid, flush=True)
started.wait()
"""
SLEEPS = "import time; print('up', flush=True); time.sleep(60)"


def test_what_was_launched_ends_when_its_parent_is_killed() -> None:
    command = [sys.executable, "-c", STARTS, *ENDING_WITH_US, sys.executable, "-c", SLEEPS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        launched = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    try:
        assert select.select([launched], [], [], 10.0)[0]
    finally:
        os.close(launched)
