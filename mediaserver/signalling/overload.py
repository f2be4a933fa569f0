"""Whether one more call can be taken: before turns run late, new calls get 503, so that those that stand keep their audio.

- A worker with too much to do makes longer turns, each with more packets. Its turns are as long as they are because of the calls that
  have audio by now; calls that ring will cost as much when they are answered. So a new call is refused where the length of a
  turn, for each call with audio, times all calls of the worker would be over the limit.
- The signalling process is measured by how late its own timers are.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from config.settings import LimitSettings
from mediaserver.call.view import CallState
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.media.worker import Worker

LOOK: Final = 0.1
"""Seconds between two looks."""
LEAST_CALLS: Final = 20
"""Fewer are never too many, and say nothing of what a call costs: it is others who load the machine then."""
_FORGETS: Final = 0.5
"""Part of the lateness that is left at the next look where there is none any more."""
_HAVE_AUDIO: Final = (CallState.ANSWERED, CallState.HELD)


class Overload:
    """Looks at the workers and at this process, and says whether there is room."""

    def __init__(self, limits: Callable[[], LimitSettings], calls: Iterable[CallEntry], clock: Callable[[], float]) -> None:
        self._limits = limits
        self._calls = calls
        self._clock = clock
        self._looked: float | None = None
        self._late = 0.0
        self._with_audio: Counter[int] = Counter()
        """By worker: its calls that had audio at the last look."""

    @property
    def late(self) -> float:
        """Seconds by which this process does things too late, the worst of the last looks."""
        return self._late

    def look(self) -> None:
        """To be called each `LOOK` seconds; how much later it is called is what counts."""
        now = self._clock()
        if self._looked is not None:
            self._late = max(now - self._looked - LOOK, self._late * _FORGETS, 0.0)
        self._looked = now
        self._with_audio = Counter(id(entry.worker) for entry in self._calls if entry.view.state in _HAVE_AUDIO)

    def refuses(self, worker: Worker) -> str:
        """Why this worker is to get no more calls now; empty where it may."""
        limits = self._limits()
        if worker.calls < LEAST_CALLS:
            return ""
        if self._late > limits.signalling_late:
            return "signalling"
        return "media" if self.expected_turn(worker) * 1000.0 > limits.longest_turn_ms else ""

    def expected_turn(self, worker: Worker) -> float:
        """Seconds that the worker's turns will take when all its calls have been answered, and one more."""
        length, with_audio = worker.turn_length, self._with_audio[id(worker)]
        return length if with_audio < LEAST_CALLS else length * max(worker.calls + 1, with_audio) / with_audio
