"""What every test gets: five rules.

- Where ``MEDIASERVER_NO_SKIPS`` is set (CI), a skipped test fails the run and is named.
- Run side by side (as ``make test`` does), tests go in chains (`tests.side_by_side`).
- The many servers that are started keep what Python compiled, even where the shell around says otherwise: else each compiles it anew.
- Sums of arrays are done by the one core that asks for them: threads that help it only take the cores from the tests beside.
- What was collected is not looked through for garbage again and again: thousands of tests are none.
"""

import gc
import os
from collections.abc import Generator
from typing import Any

import pytest

from tests.side_by_side import InChains, place_of

_skipped: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Start with nothing skipped."""
    config.stash[_skipped] = []
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy reads it when it is loaded, which is later


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InChains:
    """Who gives the tests to the processes."""
    return InChains(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A process that ran tests for this one has ended: what it skipped."""
    node.config.stash[_skipped].extend(getattr(node, "workeroutput", {}).get("skipped", ()))


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note each test that was skipped, by itself or by its fixture; an expected failure counts as run."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        item.config.stash[_skipped].append(item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Note each file that skipped itself as a whole."""
    report = yield
    if report.skipped:
        collector.config.stash[_skipped].append(collector.nodeid)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a green run with skipped tests into a red one, where skipping is not allowed."""
    told: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["skipped"] = session.config.stash[_skipped]
    elif _is_strict() and session.config.stash[_skipped] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was skipped, so that the failure explains itself."""
    skipped = config.stash[_skipped]
    if _is_strict() and skipped:
        terminalreporter.section("skipped, and so failed", red=True)
        for nodeid in sorted(set(skipped)):
            terminalreporter.line(nodeid)


def _is_strict() -> bool:
    return os.environ.get("MEDIASERVER_NO_SKIPS", "") not in ("", "0")
