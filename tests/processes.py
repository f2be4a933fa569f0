"""Tests in several processes (``--processes 6``): collected once, then run by copies of the process that collected them.

To collect thousands of tests takes as long as to run most of them, and a copy costs next to nothing. The numbers of the chains
(`tests.side_by_side`) lie in two pipes, those that wait and those that compute; each copy takes the next one when it is at the end of
its own, and computes when nothing is left that waits. The last copy computes from the beginning, with what the others leave of the cores.
What a copy has to tell of a test goes to the first process, which shows, counts and judges it as if it had run the test itself.

Phones, browsers and servers share two cores here, and a wait that is ample alone may be short amid all the others. So the few tests that
fail amid the others run once more when nothing else runs. What fails then, too, has failed; what passes is named under its own heading,
with what it said the first time, and wants mending. More than `AGAIN_AT_MOST` of them are no accident, and fail at once.
"""

import os
import random
import warnings
from collections.abc import Iterator, Sequence
from itertools import chain, groupby, pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from selectors import EVENT_READ, DefaultSelector
from typing import Any, Final

import pytest

from tests.side_by_side import chain_of, computes

Chain = list[pytest.Item]
AGAIN_AT_MOST: Final = 3
"""How many tests of one run are run again, alone."""
_OCTETS: Final = 4
"""Of a chain's number in its pipe."""
_BEHIND: Final = 3
"""Who computes is from then on so much less urgent (``nice``) than phones whose sound is judged, and what carries it."""
_LEAST_URGENT: Final = 19
_FORKING: Final = get_context("fork")


def run(session: pytest.Session, processes: int) -> None:
    """Run the session's tests, which stand in the order of their chains."""
    chains = [list(items) for _, items in groupby(session.items, key=lambda item: chain_of(item.nodeid))]
    computing = [number for number, items in enumerate(chains) if computes(items[0].nodeid)]
    queues = _queue(sorted({*range(len(chains))} - {*computing})), _queue(computing)
    reporter: Any = session.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.showfspath = False  # what runs beside each other cannot be shown file by file
    _folders(session.config).getbasetemp()  # made once
    disturbed = _Disturbed(0 if session.config.getvalue("maxfail") else AGAIN_AT_MOST)
    orders = [queues[::-1] if number == processes - 1 else queues for number in range(min(processes, len(chains)))]
    try:
        _have_run(session, chains, orders, disturbed)
    finally:
        for queue in queues:
            os.close(queue)
    if disturbed.reports:
        _run_again(session, disturbed, len(orders))


def _run_again(session: pytest.Session, disturbed: "_Disturbed", number: int) -> None:
    """Run in a copy with this number what failed amid the others."""
    alone = [item for item in session.items if item.nodeid in disturbed.reports]
    session.config.pluginmanager.register(disturbed)
    queue = _queue([0])
    try:
        _have_run(session, [alone], [(queue,)], _Disturbed(0), number)
    finally:
        os.close(queue)


def _have_run(
    session: pytest.Session, chains: Sequence[Chain], queues: Sequence[Sequence[int]], disturbed: "_Disturbed", first: int = 0
) -> None:
    """Start copies, numbered from ``first`` on, one for each order of queues, and take what they tell until each has ended."""
    copies: dict[Connection, _Copy] = {}
    try:
        for number, in_its_order in enumerate(queues, first):
            ours, its = _FORKING.Pipe(duplex=False)
            process = _FORKING.Process(target=_be_a_copy, args=(session, number, chains, in_its_order, its))
            process.start()
            its.close()
            copies[ours] = _Copy(session, process, disturbed)
        _hear(session, copies)
    finally:
        for copy in copies.values():
            copy.process.terminate()
            copy.process.join()


def _queue(numbers: Sequence[int]) -> int:
    """A pipe with these numbers."""
    queue, end = os.pipe()
    with open(end, "wb") as pipe:
        pipe.write(b"".join(number.to_bytes(_OCTETS, "big") for number in numbers))
    return queue


def _hear(session: pytest.Session, copies: "dict[Connection, _Copy]") -> None:
    """Take what the copies tell until each has ended."""
    with DefaultSelector() as telling:
        for connection in copies:
            telling.register(connection, EVENT_READ, connection)
        while copies:
            for connection in [key.data for key, _ in telling.select()]:
                try:
                    said = connection.recv()
                except EOFError:
                    telling.unregister(connection)
                    copies.pop(connection).end()
                else:
                    for what, told in said:
                        getattr(copies[connection], what)(**told)
                if session.shouldfail:
                    raise session.Failed(session.shouldfail)
                if session.shouldstop:
                    raise session.Interrupted(session.shouldstop)


class _Disturbed:
    """The tests that failed amid the others and are to be run again, with what they reported; a plugin that names them in the end."""

    def __init__(self, at_most: int) -> None:
        self.reports: dict[str, list[pytest.TestReport]] = {}
        self._at_most = at_most

    def takes(self, nodeid: str, reports: list[pytest.TestReport]) -> bool:
        """Keep a test's reports instead of having them shown, where it failed and is to be run again."""
        if len(self.reports) >= self._at_most or not any(report.failed for report in reports):
            return False
        self.reports[nodeid] = reports
        return True

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name those that passed alone, and say what each said before."""
        failed = {report.nodeid for outcome in ("failed", "error") for report in terminalreporter.stats.get(outcome, ())}
        for nodeid, reports in self.reports.items():
            if nodeid not in failed:
                terminalreporter.section(f"failed amid the others, passed alone: {nodeid}", yellow=True)
                terminalreporter.line("\n".join(report.longreprtext for report in reports if report.failed))


class _Copy:
    """A process that runs tests, as the first one sees it. What it tells are calls of methods."""

    def __init__(self, session: pytest.Session, process: ForkProcess, disturbed: _Disturbed) -> None:
        self.process = process
        self._session = session
        self._disturbed = disturbed
        self._reports: list[pytest.TestReport] = []
        self._hook = session.config.hook
        self._running: tuple[str, tuple[str, int | None, str]] | None = ("its first test", ("", None, ""))

    def start(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """A test begins."""
        self._running = nodeid, location
        self._hook.pytest_runtest_logstart(nodeid=nodeid, location=location)

    def report(self, data: dict[str, Any]) -> None:
        """A report of the test that runs."""
        self._reports.append(self._hook.pytest_report_from_serializable(config=self._session.config, data=data))

    def finish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """A test has ended."""
        reports, self._reports = self._reports, []
        if not self._disturbed.takes(nodeid, reports):
            for report in reports:
                self._hook.pytest_runtest_logreport(report=report)
        self._hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    def warn(self, text: str, category: type[Warning], place: tuple[str, int], when: Any, nodeid: str) -> None:
        """A warning was given."""
        message = warnings.WarningMessage(text, category, *place)
        self._hook.pytest_warning_recorded.call_historic(
            kwargs={"warning_message": message, "when": when, "nodeid": nodeid, "location": None}
        )

    def leave(self) -> None:
        """There is nothing left to run."""
        self._running = None

    def end(self) -> None:
        """The process is gone; if it did not say so before, the test that it ran has failed, and what it had still to run is not run."""
        self.process.join()
        if self._running is not None or self.process.exitcode:
            nodeid, location = self._running or ("after the last test", ("", None, ""))
            text = f"the process that ran this test, and was to run those behind it, ended with {self.process.exitcode}"
            self._hook.pytest_runtest_logreport(report=pytest.TestReport(nodeid, location, {}, "failed", text, "call"))


class _Telling:
    """A plugin: what a copy tells the first process, of each test when the next one begins: it is woken once a test."""

    def __init__(self, config: pytest.Config, to: Connection) -> None:
        self._config = config
        self._to = to
        self._kept: list[tuple[str, dict[str, Any]]] = []

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._keep("start", nodeid=nodeid, location=location)
        self.tell()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._keep("report", data=self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._keep("finish", nodeid=nodeid, location=location)

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage, when: str, nodeid: str) -> None:
        place = warning_message.filename, warning_message.lineno
        self._keep("warn", text=str(warning_message.message), category=warning_message.category, place=place, when=when, nodeid=nodeid)

    def forget(self) -> None:
        """Do not tell what was kept."""
        self._kept.clear()

    def leave(self) -> None:
        """There is nothing left to run."""
        self._keep("leave")
        self.tell()

    def tell(self) -> None:
        """Have methods of `_Copy` called."""
        self._to.send(self._kept)
        self.forget()

    def _keep(self, what: str, **told: Any) -> None:
        self._kept.append((what, told))


def _be_a_copy(session: pytest.Session, number: int, chains: Sequence[Chain], queues: Sequence[int], to: Connection) -> None:
    """Run chains until there are no more in these queues."""
    config = session.config
    behind = min(os.nice(0) + _BEHIND, _LEAST_URGENT)
    telling = _Telling(config, to)
    _part(config, number)
    config.pluginmanager.register(telling)
    telling.forget()  # warnings of before the fork, which each new plugin is given
    for item, following in pairwise(chain(_taken(chains, queues), [None])):
        assert item is not None
        if computes(item.nodeid):
            os.setpriority(os.PRIO_PROCESS, 0, behind)
        config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail or session.shouldstop:
            break
    config._cleanup_stack.close()  # the last exceptions that nobody raised are judged there
    telling.leave()


def _taken(chains: Sequence[Chain], queues: Sequence[int]) -> Iterator[pytest.Item]:
    for queue in queues:
        while number := os.read(queue, _OCTETS):
            yield from chains[int.from_bytes(number, "big")]


def _part(config: pytest.Config, number: int) -> None:
    """Share with the others what cannot change, and nothing else."""
    random.seed()
    plugins: Any = config.pluginmanager
    plugins.unregister(name="terminalreporter")
    capturing = plugins.getplugin("capturemanager")
    capturing.stop_global_capturing()
    capturing.start_global_capturing()
    capturing.suspend_global_capture()
    folders = _folders(config)
    folders._basetemp = folders.getbasetemp() / f"process-{number}"
    folders._basetemp.mkdir(mode=0o700)


def _folders(config: pytest.Config) -> Any:
    """Who makes tests' folders."""
    return config._tmp_path_factory  # type: ignore[attr-defined]
