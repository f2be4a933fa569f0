"""What every test gets: two rules.

- Where ``MEDIASERVER_NO_SKIPS`` is set (CI), a skipped test fails the run and is named.
- Run side by side (``-n 3 --dist loadgroup``, as ``make test`` does), tests with phones that speak share one process, those that only
  signal (SIPp, attackers) another, and so do those that install things: they wait for each other, not for a core.
"""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

_GROUPS: Final = {"interop": "signalling", "house": "installing"}
_SPEAKING: Final = {f"test_{name}.py" for name in ("baresip", "jssip", "kamailio", "phones", "pyvoip", "transfers", "transports")}
_HERE: Final = Path(__file__).parent

_skipped: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Start with nothing skipped."""
    config.stash[_skipped] = []


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A process that ran tests for this one has ended: what it skipped."""
    node.config.stash[_skipped].extend(getattr(node, "workeroutput", {}).get("skipped", ()))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests are not to run beside each other."""
    for item in items:
        group = _group(item.path)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))


def _group(path: Path) -> str | None:
    """The tests beside which those of this file are not to run."""
    room = path.relative_to(_HERE).parts[0] if path.is_relative_to(_HERE) else ""
    return "speaking" if room == "interop" and path.name in _SPEAKING else _GROUPS.get(room)


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
