"""Real-time priority for a worker that keeps up: nothing ordinary on its core comes into its turns, or between one and the next.

- Where it only has a high ordinary priority, whoever else is ready on its core (signalling, where they share one) gets his part of the
  time in pieces as long as the kernel's tick, and turns begin late by as much.
- Who does not rest for `LONGEST_RUN`, because he has more to do than he can, or hangs, would leave nothing to signalling, which then could
  neither refuse calls nor notice the hang. The kernel tells him so (SIGXCPU), and he goes back to the ordinary priority at once.
- Where the system does not permit it, nothing changes.
"""

import contextlib
import os
import resource
import signal
from types import FrameType
from typing import Final

LONGEST_RUN: Final = 0.1
"""Seconds on the core without a rest."""
_LEVEL: Final = 1
"""The least of the real-time priorities: it is above all that is ordinary."""


class Urgency:
    """The priority of this process."""

    def __init__(self) -> None:
        """To be made in the main thread, which is told by the signal."""
        self._is_claimed = False
        signal.signal(signal.SIGXCPU, self._give_up)

    def claim(self) -> None:
        """Ask for it, where it is not had. The kernel moves the limit with each signal, so it is set each time."""
        if self._is_claimed:
            return
        with contextlib.suppress(OSError, ValueError):
            _, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
            resource.setrlimit(resource.RLIMIT_RTTIME, (int(LONGEST_RUN * 1e6), hard))
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_LEVEL))
            self._is_claimed = True

    def _give_up(self, number: int, frame: FrameType | None) -> None:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        self._is_claimed = False
