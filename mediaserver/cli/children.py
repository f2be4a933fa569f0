"""Child processes of the demo: started with their output in a file, watched, and ended."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

GRACE: Final = 5.0
"""Seconds that a child gets to end by itself."""
TAIL: Final = 5
"""Last lines of its output that are shown when it fails."""


class ChildEnded(RuntimeError):
    """A child ended although it was needed; the text says what it said last."""


class Child:
    """One child process; leaving its context ends it."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
        self._name = name
        self._command = command
        self._environment = environment
        self._output = output

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            # A session of its own: Ctrl+C reaches us alone, and we end the children in order.
            self._process = subprocess.Popen(
                self._command,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.send_signal(signal.SIGINT)  # to the server: now, and not when its calls have ended
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """Raise `ChildEnded` where it does not live any more."""
        status = self._process.poll()
        if status is not None:
            said = self._output.read_text(errors="replace").splitlines()[-TAIL:]
            raise ChildEnded("\n".join([f"the {self._name} ended with {status}", *said]))
