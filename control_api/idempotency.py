"""Commands that are sent twice and done once: the table of keys, by identity."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from control_api.command import Command
from control_api.permissions import Identity, Refusal

Outcome = dict[str, Any]
"""What a reply says beside its id: ``ok`` with ``result`` or ``error``."""

MAX_KEYS: Final = 1000
"""Finished commands remembered for an identity; beyond it the oldest is forgotten."""
MAX_IDENTITIES: Final = 10_000


@dataclass(slots=True)
class _Entry:
    asked: bytes
    """Tells whether another command is the same; no more of it is kept, for it may hold a password, or much text."""
    outcome: Outcome | None = None
    waiters: list[Callable[[Outcome], None]] = field(default_factory=list)


class KeyTable:
    """Who asked for what under which key, and what came of it."""

    def __init__(self) -> None:
        self._identities: OrderedDict[Identity, OrderedDict[str, _Entry]] = OrderedDict()

    def claim(self, identity: Identity, command: Command, tell: Callable[[Outcome], None]) -> bool:
        """Take the command's key. True: it is new and to be carried out, its outcome to be given to `settle`.

        False: it was sent before, and ``tell`` gets that outcome, now or once there is one.
        Raises `Refusal` ``conflict`` where the key was used for another command.
        """
        assert command.key is not None
        entries = self._entries(identity)
        asked = _digest(command)
        entry = entries.get(command.key)
        if entry is None:
            entries[command.key] = _Entry(asked, waiters=[tell])
            _forget_oldest(entries)
            return True
        if entry.asked != asked:
            raise Refusal("conflict", f"key {command.key!r} was used for another command", "take a new key for every new command")
        if entry.outcome is None:
            entry.waiters.append(tell)
        else:
            tell(entry.outcome)
        return False

    def settle(self, identity: Identity, command: Command, outcome: Outcome) -> None:
        """The command is done: remember the outcome and tell everybody who waits for it."""
        assert command.key is not None
        entry = self._identities[identity][command.key]
        entry.outcome = outcome
        waiters, entry.waiters = entry.waiters, []
        for tell in waiters:
            tell(outcome)

    def _entries(self, identity: Identity) -> OrderedDict[str, _Entry]:
        entries = self._identities.setdefault(identity, OrderedDict())
        self._identities.move_to_end(identity)
        if len(self._identities) > MAX_IDENTITIES:
            idle = (known for known, kept in self._identities.items() if all(entry.outcome for entry in kept.values()))
            self._identities.pop(next(idle))
        return entries


def _digest(command: Command) -> bytes:
    """Of what is asked, whatever it is called in the reply and wherever it belongs in a trace."""
    return sha256(repr(command.model_copy(update={"id": 0, "traceparent": None})).encode()).digest()


def _forget_oldest(entries: OrderedDict[str, _Entry]) -> None:
    """Keep the table bounded; commands that still run stay, and they are bounded by the clients."""
    if len(entries) > MAX_KEYS:
        oldest = next((key for key, entry in entries.items() if entry.outcome), None)
        if oldest is not None:
            del entries[oldest]
