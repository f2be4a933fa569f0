"""What every test gets: one rule. Where ``MEDIASERVER_NO_SKIPS`` is set (CI), a skipped test fails the run and is named."""

import os
from collections.abc import Generator

import pytest

_skipped: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Start with nothing skipped."""
    config.stash[_skipped] = []


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
    if _is_strict() and session.config.stash[_skipped] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was skipped, so that the failure explains itself."""
    skipped = config.stash[_skipped]
    if _is_strict() and skipped:
        terminalreporter.section("skipped, and so failed", red=True)
        for nodeid in skipped:
            terminalreporter.line(nodeid)


def _is_strict() -> bool:
    return os.environ.get("MEDIASERVER_NO_SKIPS", "") not in ("", "0")
