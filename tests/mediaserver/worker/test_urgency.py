"""Real-time priority: had while there are rests, given back where there are none."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, time
from mediaserver.worker.urgency import LONGEST_RUN, Urgency

urgency = Urgency()
for _ in range(2):
    urgency.claim()
    print(os.sched_getscheduler(0) == os.SCHED_RR)
    rested = time.process_time() + 2 * LONGEST_RUN
    while time.process_time() < rested:
        time.sleep(0.0001)
        busy = time.process_time() + LONGEST_RUN / 10
        while time.process_time() < busy:
            pass
    print(os.sched_getscheduler(0) == os.SCHED_RR)
    ran = time.process_time() + 3 * LONGEST_RUN
    while time.process_time() < ran:
        pass
    print(os.sched_getscheduler(0) == os.SCHED_RR)
"""


def may_hurry() -> bool:
    """Whether this system lets a process have a real-time priority."""
    script = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


@pytest.fixture
def told() -> list[str]:
    """What a process found that claims it, rests now and then, and then works on without a rest; twice."""
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60, env=os.environ)
    return run.stdout.split()


def test_who_rests_keeps_it_and_who_does_not_loses_it_until_he_asks_again(told: list[str]) -> None:
    allowed = str(may_hurry())
    assert told == 2 * [allowed, allowed, "False"]
