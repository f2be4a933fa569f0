"""Notes and flags about calls: written to the journal before they are acknowledged, as everything else is."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from control_api.annotation_models import LONGEST_LABEL, LONGEST_NOTE
from mediaserver.storage.segments import written

_ID_BYTES: Final = 8


class Paper(Protocol):
    """`mediaserver.storage.journal.Journal`."""

    def append(self, data: bytes) -> None:
        """Write now, or raise `JournalUnusable`."""


class Notebook:
    """Takes notes and flags. Who may do that, was checked before."""

    def __init__(self, paper: Paper, entropy: Callable[[int], bytes], wall: Callable[[], float]) -> None:
        self._paper = paper
        self._entropy = entropy
        self._wall = wall

    def note(self, *, tenant: str, identity: str, call: str, text: str, about: float | None = None) -> dict[str, Any]:
        """Keep a text; returns its row. ``about``: the moment that is meant, seconds since 1970; None: now.

        Raises ValueError for one that is empty or too long, and `JournalUnusable`.
        """
        return self._keep("note", tenant, identity, call, about, {"text": _checked(text, LONGEST_NOTE, "a note")})

    def flag(self, *, tenant: str, identity: str, call: str, label: str, about: float | None = None) -> dict[str, Any]:
        """The same for a flag."""
        return self._keep("flag", tenant, identity, call, about, {"label": _checked(label, LONGEST_LABEL, "a flag")})

    def unflag(self, *, tenant: str, identity: str, call: str, flag: str) -> None:
        """Keep that a flag was taken back, and by whom. Raises `JournalUnusable`."""
        row = {"id": flag, "call": call, "tenant": tenant, "identity": identity, "at": round(self._wall() * 1e6)}
        self._paper.append(written("unflag", row))

    def _keep(self, kind: str, tenant: str, identity: str, call: str, about: float | None, said: dict[str, str]) -> dict[str, Any]:
        row = {
            "id": self._entropy(_ID_BYTES).hex(),
            "call": call,
            "tenant": tenant,
            "identity": identity,
            "at": round(self._wall() * 1e6),
            "about": None if about is None else round(about * 1e6),
            **said,
        }
        self._paper.append(written(kind, row))
        return row


def _checked(text: str, longest: int, what: str) -> str:
    """Without what no database takes."""
    plain = "".join(letter for letter in text if letter != "\0" and not "\ud800" <= letter <= "\udfff").strip()
    if not 0 < len(plain) <= longest:
        raise ValueError(f"{what} has 1 to {longest} characters, not {len(plain)}")
    return plain
