"""What is looked up of the server's processes."""

import os
import subprocess
import sys
import time

from bench.server import cpu_seconds


def test_a_processs_time_is_told_more_finely_than_by_the_systems_ticks() -> None:
    before = time.process_time()
    told = cpu_seconds(os.getpid())
    assert before <= told <= time.process_time()


def test_a_process_that_is_gone_has_no_time() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
        assert cpu_seconds(gone.pid) == 0.0
