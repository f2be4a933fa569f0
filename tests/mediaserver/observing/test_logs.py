"""The log: one line an event, and no reader needed."""

import io
import os
import subprocess
import sys
from typing import Any

import pytest

from mediaserver.observing.logs import Forgiving, renderers

SPEAKS = """
import os, sys
from mediaserver.observing.logs import configure_logs
import structlog
configure_logs(as_json=True)
sys.stdin.readline()
for _ in range(3):
    structlog.get_logger("x").warning("said")
print("alive")
"""


def test_a_line_is_written_at_once() -> None:
    stream = io.StringIO()
    log = Forgiving(stream)
    print("said", file=log)
    assert (stream.getvalue(), log.lost) == ("said\n", 0)


def test_what_a_closed_stream_does_not_take_is_counted() -> None:
    stream = io.StringIO()
    log = Forgiving(stream)
    stream.close()
    log.write("said")
    assert log.lost == 1


@pytest.mark.parametrize("as_json", [True, False])
def test_a_fault_is_told_with_its_traceback_and_without_what_its_variables_hold(as_json: bool) -> None:
    def fails(password: str) -> None:
        raise ValueError("a fault")

    told: Any = {"event": "beat.failed", "exc_info": True}
    try:
        fails("wonder" + "land")
    except ValueError:
        for process in renderers(as_json=as_json, has_colors=False):
            told = process(None, "error", told)
    assert "in fails" in told
    assert "ValueError: a fault" in told
    assert "wonderland" not in told


def test_a_process_whose_log_nobody_reads_any_more_goes_on() -> None:
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", SPEAKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writer, text=True
    ) as process:
        os.close(writer)
        os.close(reader)
        output, _ = process.communicate("\n", timeout=20)
    assert output == "alive\n"
