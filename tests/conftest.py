"""What every test gets: five rules.

- Where ``MEDIASERVER_NO_SKIPS`` is set (CI), a skipped test fails the run and is named.
- In several processes (as ``make test`` runs them), tests go in chains (`tests.processes`, `tests.side_by_side`).
- The many servers that are started keep what Python compiled, even where the shell around says otherwise: else each compiles it anew.
- Sums of arrays are done by the one core that asks for them: threads that help it only take the cores from the tests beside.
- What was collected is not looked through for garbage again and again: thousands of tests are none.
"""

import gc
import os
from collections.abc import Generator
from typing import Any

import pytest

from tests import processes
from tests.side_by_side import place_of


def pytest_configure() -> None:
    """Before anything heavy is loaded."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy reads it when it is loaded, which is later


def pytest_addoption(parser: pytest.Parser) -> None:
    """In how many processes."""
    parser.addoption("--processes", type=int, default=0, help="run tests in so many processes beside each other")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """In several processes, where that is wanted and something is to be run."""
    wanted: int = session.config.option.processes
    if wanted < 1 or session.testsfailed or session.config.option.collectonly:
        return None
    processes.run(session, wanted)
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long chains first."""
    items.sort(key=lambda item: place_of(item.nodeid))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What lives now lives to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a green run with skipped tests into a red one, where skipping is not allowed."""
    if _is_strict() and _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was skipped, so that the failure explains itself."""
    if _is_strict() and _skipped(config):
        terminalreporter.section("skipped, and so failed", red=True)
        for nodeid in _skipped(config):
            terminalreporter.line(nodeid)


def _skipped(config: pytest.Config) -> list[str]:
    """Tests and files that were skipped, by themselves or by a fixture; an expected failure counts as run."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    return sorted({report.nodeid for report in reporter.stats.get("skipped", ())})


def _is_strict() -> bool:
    return os.environ.get("MEDIASERVER_NO_SKIPS", "") not in ("", "0")
