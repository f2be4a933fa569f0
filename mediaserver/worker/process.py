"""The media loop: commands, receive, step, send, answers; then sleep until the next turn. Nothing else happens in this process.

The loop never waits for anybody: the link is read a bounded number of frames a turn, what goes up waits in a bounded queue.
When signalling is gone, the audio goes on for `ORPHAN_SECONDS`, so that its restart may take over; then the process ends.
"""

import contextlib
import gc
import os
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Sequence
from typing import Final

from mediaserver.link.layout import LATENESS_STEP_MS, LATENESS_STEPS
from mediaserver.link.memory import Memory
from mediaserver.link.messages import Applied, Command, LegDoubted
from mediaserver.link.wire import LinkEnd, LinkError, Message, encode_frame, split_into_frames
from mediaserver.worker.commands import Desk
from mediaserver.worker.heir import Estate, take_over
from mediaserver.worker.pace import Pace
from mediaserver.worker.rehearsal import rehearse
from mediaserver.worker.rhythm import Rhythm
from mediaserver.worker.roster import Roster
from mediaserver.worker.sockets import Sockets
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.spare import Spare
from mediaserver.worker.state import State
from mediaserver.worker.turn import Turn
from mediaserver.worker.urgency import Urgency

ORPHAN_SECONDS: Final = 30.0
LINK_FRAMES_A_TURN: Final = 4
MAX_WAITING_FRAMES: Final = 4096
"""Frames toward signalling that wait while it does not read; more are dropped and counted."""
MAX_FAILURES: Final = 20
"""Turns in a row that may fail."""
LONGEST_REST: Final = 0.01
"""Seconds without a packet after which a turn is made all the same: something else may have come to its end."""
IDLE_SECONDS: Final = 0.1
"""The same while no leg is open."""
PRIORITY: Final = -15
"""Nice value asked for: whatever else runs may wait, audio may not. More is asked for by who keeps up."""
_CPU_TURNS: Final = 512


class Worker:
    """One worker on its link and its memory."""

    def __init__(
        self,
        link: LinkEnd,
        memory: Memory,
        sounds: Sounds,
        turn_seconds: float,
        *,
        compiled: bool = True,
        ducking_db: float = 12.0,
        evens_out: bool = False,
        urgency: Urgency | None = None,
    ) -> None:
        """compiled: whether the socket loop in C is taken where it is installed. urgency: of this process, to be asked for."""
        self._link = link
        self._urgency = urgency
        self._turn_seconds = turn_seconds
        self._state = State(memory)
        self._state.duck_gain = 10 ** (-ducking_db / 20)
        self._state.evens_out = evens_out
        self._roster = Roster(self._state)
        self._sounds = sounds
        self._turn = Turn(self._state, self._roster, sounds)
        turn = self._turn
        reports, securing = turn.reports, turn.securing
        self._sockets = Sockets(self._state, self._roster, self._turn.inbox, self._turn.outbox, reports, securing, compiled=compiled)
        self._sockets.wake_by(link.fileno())
        turn.send_relayed = self._sockets.send
        self._desk = Desk(self._state, self._roster, sounds, self._sockets, reports, securing, turn.taps, os.urandom)
        self._upward: deque[tuple[bytes, tuple[int, ...]]] = deque()
        """Frames, each with what it lends."""
        self._orphaned_at: float | None = None
        self._cpu_before = float(self._state.cpu[0])
        """What those before us used."""
        self._note_processor_and_clock()
        self._failures = 0

    def take_over(self, estate: Estate, requests: Sequence[int]) -> None:
        """Go on with the legs of a dead worker, and answer for it. What it had not answered is told again."""
        now = time.monotonic()
        self._desk.inherited = int(self._state.taken[0])
        doubted = take_over(self._state, self._roster, self._sounds, self._sockets, estate, now)
        turn = int(self._state.turn[0])
        self._tell([*(LegDoubted(leg) for leg in doubted), *(Applied(request, turn, -1) for request in requests)])

    def run(self) -> None:
        """Turn until the link has been closed for `ORPHAN_SECONDS`, or at once where no leg is open then."""
        gc.freeze()
        now = time.monotonic()
        pace, rhythm = Pace(self._state.turn_length, time.thread_time(), now), Rhythm(self._turn_seconds, now)
        while not self._is_over(now := time.monotonic()):
            self._note_lateness(now - rhythm.due)
            self._survive_one_turn(now)
            ended = time.monotonic()
            pace.note(time.thread_time(), ended)
            rhythm.note(now, ended)
            self._rest(rhythm, ended)

    def _rest(self, rhythm: Rhythm, now: float) -> None:
        """Sleep until the next turn is due, and then on until there is something to do."""
        if rhythm.due <= now:
            self._state.turns_stretched[0] += 1
            return
        time.sleep(rhythm.due - now)
        if self._sockets.are_silent():
            longest = LONGEST_REST if self._roster.legs else IDLE_SECONDS
            self._turn.pacing.has_rested = True
            self._sockets.wait(min(self._turn.seconds_to_next(time.monotonic()), longest))
            rhythm.postpone(time.monotonic())

    def _survive_one_turn(self, now: float) -> None:
        """A turn that fails costs its packets, is counted and told on stderr; one failure after the other ends the process."""
        try:
            self._one_turn(now)
        except Exception:
            self._state.turns_failed[0] += 1
            self._failures += 1
            if self._failures > MAX_FAILURES:
                raise
            traceback.print_exc()
        else:
            self._failures = 0

    def _one_turn(self, now: float) -> None:
        self._turn.begin()
        self._read_link(now)
        lengths, rows = self._sockets.receive(now)
        self._sockets.receive_reports(now)
        # The turn's time is when the sockets were asked. Earlier, a packet would look as if it had come before it was sent; later,
        # clocks would strike for packets that came while others were read, and that only the next turn sees.
        now = self._sockets.asked
        self._turn.step(lengths, rows, now)
        self._desk.note_changing(self._turn.changing)
        self._sockets.send()
        self._sockets.send_reports()
        self._turn.metering.measure(now)
        self._turn.taps.step(now)
        self._lend_released()
        self._tell([*self._sockets.sorting.taken(), *self._desk.answers(now), *self._turn.notices])
        if not int(self._state.turn[0]) % _CPU_TURNS:
            self._note_processor_and_clock()
            if self._urgency is not None:
                self._urgency.claim()

    def _note_processor_and_clock(self) -> None:
        self._state.cpu[0] = self._cpu_before + time.process_time()
        self._turn.reports.wall_offset = time.time() - time.monotonic()

    def _is_over(self, now: float) -> bool:
        if self._orphaned_at is None:
            return False
        return not self._roster.legs or now - self._orphaned_at > ORPHAN_SECONDS

    def _note_lateness(self, late: float) -> None:
        step = int(late * 1000.0 / LATENESS_STEP_MS)
        self._state.lateness[min(max(step, 0), LATENESS_STEPS - 1)] += 1

    def _read_link(self, now: float) -> None:
        if self._orphaned_at is not None:
            return
        for _ in range(LINK_FRAMES_A_TURN):
            try:
                messages = self._link.receive()
            except LinkError:
                self._state.link_frames_refused[0] += 1
                continue
            except (EOFError, OSError):
                self._orphaned_at = now
                return
            if messages is None:
                return
            for request, message, descriptors in messages:
                self._take(request, message, descriptors, now)

    def _take(self, request: int, message: Message, descriptors: tuple[int, ...], now: float) -> None:
        if isinstance(message, Command):
            self._desk.take(request, message, descriptors[0] if descriptors else -1, now, descriptors[1:])
        else:
            self._state.link_frames_refused[0] += 1

    def _lend_released(self) -> None:
        for released, lent in self._desk.released:
            self._upward.append((encode_frame([(0, released)]), lent))
        self._desk.released.clear()

    def _tell(self, messages: Sequence[Message]) -> None:
        if messages:
            self._upward.extend((frame, ()) for frame in split_into_frames((0, message) for message in messages))
            while len(self._upward) > MAX_WAITING_FRAMES:
                _close_all(self._upward.popleft()[1])
                self._state.link_frames_dropped[0] += 1
        while self._upward and self._orphaned_at is None:
            frame, lent = self._upward[0]
            try:
                if not self._link.send(frame, lent):
                    return
            except OSError:
                return
            self._upward.popleft()
            _close_all(lent)


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _stay_on(cpu: int) -> None:
    """Keep to one core; a core that is not there, or not ours, ends the process as a fault of the settings."""
    try:
        os.sched_setaffinity(0, {cpu})
    except (OSError, ValueError, OverflowError):
        ours = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
        sys.stderr.write(f"mediaserver.worker: no core {cpu} for media.cpu; there are {ours}\n")
        raise SystemExit(os.EX_CONFIG) from None


def run(link_descriptor: int, turn_ms: float, *, compiled: bool, ducking_db: float, evens_out: bool) -> None:
    """Wait as a spare worker for a memory, and run on it until the link closes; before others, where the system permits that."""
    rehearse()
    gc.collect()
    gc.disable()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    spare = Spare(LinkEnd(socket.socket(fileno=link_descriptor)))
    if not spare.wait() or spare.memory is None:
        return
    if spare.cpu is not None:
        _stay_on(spare.cpu)
    worker = Worker(
        spare.link,
        spare.memory,
        spare.sounds,
        turn_ms / 1000.0,
        compiled=compiled,
        ducking_db=ducking_db,
        evens_out=evens_out,
        urgency=Urgency(),
    )
    worker.take_over(spare.estate, spare.unanswered)
    worker.run()
