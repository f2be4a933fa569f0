"""All media workers of this server, and the spare processes that wait to take a dead one's place.

A worker whose process dies, or whose turns stand still, is given to a spare one: the dead process is killed and reaped first, so
two never write; then memory and sockets go over, and the calls go on. Only where no heir comes in time do its calls end.
"""

from __future__ import annotations

import asyncio
import os
import time
from array import array
from collections.abc import Callable, Mapping, Sequence

import structlog

from config.settings import MediaSettings
from mediaserver.link.messages import Command, Notice, Refused
from mediaserver.link.quality import LegQuality
from mediaserver.observing.counters import Counters
from mediaserver.signalling.media.journeys import Journeys, Move
from mediaserver.signalling.media.processes import Process
from mediaserver.signalling.media.sounds import as_memory_file
from mediaserver.signalling.media.suspects import Suspects, is_suspicious, suspected_calls
from mediaserver.signalling.media.worker import Replied, Worker

_log = structlog.get_logger(__name__)

STARTS_WITHIN = 15.0
RESTARTS_AFTER = 1.0
"""Seconds before a process is started in place of one that did not even get ready."""
SPARE_AFTER = 0.3
"""Seconds before the next spare process is started: the heir needs the processor first."""
HEIR_WITHIN = 5.0
"""Seconds that a dead worker's calls wait for an heir."""

RTP_PACKETS = "rtp_packets"
"""Counter of the packets of legs that have ended, by what became of them."""


class WorkerFailed(Exception):
    """A media worker died before it was ready."""


class Media:
    """All workers of this server."""

    def __init__(self, settings: MediaSettings, sounds: Mapping[str, array[int]], counters: Counters) -> None:
        self._settings = settings
        self._counters = counters
        self._sounds = {name: as_memory_file(name, samples) for name, samples in sounds.items()}
        self._workers: list[Worker] = []
        self._spares: list[Process] = []
        """Processes without a memory, ready or about to be."""
        self._told: set[Worker] = set()
        self._suspects = Suspects()
        self._journeys = Journeys(counters)
        self._started: asyncio.Future[None] | None = None
        self._is_open = False
        self.on_notice: Callable[[Notice], None] = lambda notice: None
        self.on_death: Callable[[Worker], None] = lambda worker: None
        """Told of a worker whose calls are lost."""
        self.on_guilty: Callable[[Worker, set[int]], None] = lambda worker, calls: None
        """Told the numbers of calls whose packets kill workers."""
        self.asked: Callable[[int, Command, Replied], Replied] | None = None
        """Told what a worker is asked, and given the answer on its way; for traces. None: for nobody."""

    async def start(self) -> None:
        """Start every worker and wait until each turns; raises `WorkerFailed` or `TimeoutError`. Spares come after that."""
        self._is_open = True
        self._started = asyncio.get_running_loop().create_future()
        for index in range(self._settings.workers):
            worker = Worker(index, self._settings, self._counters, self._notice)
            worker.on_ready = lambda worker=worker: self._worker_ready(worker)  # type: ignore[misc]
            self._workers.append(worker)
            self._launch()
        async with asyncio.timeout(STARTS_WITHIN):
            await self._started
        self._started = None
        self._fill()

    def check(self) -> None:
        """Kill and replace workers whose turns stand still; called each `CHECK_EVERY`."""
        now = time.monotonic()
        for worker in self._workers:
            if worker.is_hung(now) and worker.process is not None:
                _log.error("worker.hung", worker=worker.index, pid=worker.pid)
                self._counters.add("workers_hung")
                is_gone = worker.process.end()
                self._bereaved(worker, worker.process, is_gone=is_gone, was_hung=True)

    def choose(self, near: Worker | None = None) -> Worker | None:
        """For a new call: ``near`` (so that it can be joined to one there), else the one with the fewest; None where none is ready."""
        ready = [worker for worker in self._workers if worker.is_ready]
        if near in ready:
            return near
        return min(ready, key=lambda worker: worker.calls, default=None)

    def tell(self, worker: Worker, command: Command, *, lend: int = -1, replied: Replied | None = None) -> None:
        """Queue a command for a worker; ``lend`` is the descriptor that goes with it."""
        if worker not in self._workers:
            if replied is not None:
                replied(Refused(0, "worker_died", "the media worker died"))
            return
        if self.asked is not None and replied is not None:
            replied = self.asked(worker.index, command, replied)
        if not self._journeys.keep(command, lend, replied):
            worker.tell(command, lend=lend, replied=replied)
            self._told.add(worker)

    def move(self, moves: Sequence[Move], origin: Worker, target: Worker) -> None:
        """Have legs go from one worker to another, all in one turn of each, at the next flush."""
        self._journeys.begin(moves, origin, target)
        self._told.add(origin)

    def keep_counters(self, worker: Worker, row: int) -> None:
        """Add a leg's packets to `RTP_PACKETS`: its row is about to be wiped."""
        if not worker.memory.map.closed:
            for kind, value in worker.memory.counters(row).items():
                if value:
                    self._counters.add(RTP_PACKETS, kind, value)

    def quality(self, worker: Worker, row: int) -> LegQuality | None:
        """How the leg of a row sounds; None where there is none, or its worker is gone."""
        return None if row < 0 or worker.memory.map.closed else worker.memory.quality(row)

    def mos(self, worker: Worker, row: int) -> tuple[float, float]:
        """Its scores up and down; 0.0 where one is not known."""
        return (0.0, 0.0) if row < 0 or worker.memory.map.closed else worker.memory.mos(row)

    def flush(self) -> None:
        """Send what was told since the last flush."""
        told, self._told = self._told, set()
        for worker in told:
            worker.flush()

    @property
    def is_ready(self) -> bool:
        """Whether every worker is up."""
        return len(self._workers) == self._settings.workers and all(worker.is_ready for worker in self._workers)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """All of them."""
        return tuple(self._workers)

    @property
    def spares(self) -> int:
        """Processes that are ready to take a dead one's place."""
        return sum(spare.is_ready for spare in self._spares)

    async def close(self) -> None:
        """End every process."""
        self._is_open = False
        processes = [*self._spares, *(worker.process for worker in self._workers if worker.process is not None)]
        for process in processes:
            process.stop_listening()
        await asyncio.gather(*(asyncio.to_thread(process.leave, 2.0) for process in processes))
        for worker in self._workers:
            worker.memory.close()
        self._workers.clear()
        self._spares.clear()
        for descriptor in self._sounds.values():
            os.close(descriptor)

    # processes

    def _launch(self) -> None:
        process = Process(self._settings, self._gone)
        process.on_ready = self._serve
        self._spares.append(process)
        process.prepare(self._sounds)

    def _fill(self) -> None:
        """Start as many processes as spares, and workers without a process, are lacking."""
        if not self._is_open:
            return
        wanted = self._settings.spares + sum(worker.process is None for worker in self._workers)
        while len(self._spares) < wanted:
            self._launch()

    def _serve(self) -> None:
        """Give ready spares to workers that have no process."""
        for worker in self._workers:
            ready = next((spare for spare in self._spares if spare.is_ready), None)
            if worker.process is None and ready is not None:
                self._spares.remove(ready)
                worker.go_on(ready)

    def _worker_ready(self, worker: Worker) -> None:
        _log.info("worker.ready", worker=worker.index, pid=worker.pid, legs=len(worker.legs))
        if self._started is not None and not self._started.done() and self.is_ready:
            self._started.set_result(None)

    def _gone(self, process: Process) -> None:
        """A process closed its link; it is reaped."""
        worker = next((worker for worker in self._workers if worker.process is process), None)
        if self._started is not None:
            if not self._started.done():
                self._started.set_exception(WorkerFailed(f"a media worker did not start: {process.problem or 'see its errors above'}"))
            if worker is None:
                self._spares.remove(process)
            else:
                worker.bereave()
        elif worker is None:
            _log.error("worker.spare_died", pid=process.pid, status=process.exit_status)
            self._counters.add("spares_died")
            self._spares.remove(process)
            self._fill_after(SPARE_AFTER if process.is_ready else RESTARTS_AFTER)
        else:
            self._counters.add("workers_died")
            self._bereaved(worker, process, is_gone=process.exit_status is not None, was_hung=False)

    def _bereaved(self, worker: Worker, process: Process, *, is_gone: bool, was_hung: bool) -> None:
        """A worker's process is dead: find it an heir, and whose packets it died of."""
        was_turning = worker.is_ready
        _log.error("worker.died", worker=worker.index, pid=process.pid, status=process.exit_status, calls=worker.calls)
        worker.bereave()
        guilty: set[int] = set()
        if was_turning and (was_hung or is_suspicious(process.exit_status)):
            guilty = self._suspects.died(suspected_calls(worker), time.monotonic())
        for leg in worker.legs.values():
            leg.is_closing = leg.is_closing or leg.call in guilty
        if not is_gone:
            self._give_up(worker)
        self._serve()
        if worker.process is not None:
            self._counters.add("heirs")
            self._fill_after(SPARE_AFTER)
        else:
            asyncio.get_running_loop().call_later(HEIR_WITHIN, self._give_up_without_heir, worker)
            self._fill_after(0.0 if was_turning else RESTARTS_AFTER)
        if guilty:
            _log.error("worker.guilty_calls", worker=worker.index, calls=len(guilty))
            self.on_guilty(worker, guilty)

    def _give_up_without_heir(self, worker: Worker) -> None:
        if worker.process is None and self._is_open:
            self._give_up(worker)

    def _give_up(self, worker: Worker) -> None:
        """Its calls are lost: whoever takes the place begins with nothing."""
        _log.error("worker.calls_lost", worker=worker.index, calls=worker.calls)
        self.on_death(worker)
        worker.begin_anew()

    def _fill_after(self, seconds: float) -> None:
        if self._is_open:
            asyncio.get_running_loop().call_later(seconds, self._fill)

    def _notice(self, notice: Notice) -> None:
        self.on_notice(notice)
