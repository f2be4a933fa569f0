"""Where commands come into a trace, for whoever keeps traces; nobody does unless he is asked to."""

from contextlib import AbstractContextManager
from typing import Protocol

from control_api.command import Command
from control_api.idempotency import Outcome
from control_api.permissions import Identity


class Told(Protocol):
    """Is told the outcome of a command."""

    def __call__(self, outcome: Outcome) -> None:
        """It is done."""


class Spans(Protocol):
    """Keeps traces."""

    def command(self, command: Command, identity: Identity) -> AbstractContextManager[Told]:
        """While a command is carried out, in a task of its own."""
