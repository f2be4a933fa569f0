"""What a bench says at its end: a table for people, one JSON object on the last line for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

_WIDE = 160
"""Columns where nobody's window says how many there are."""


@dataclass(slots=True)
class Result:
    """Figures, and rows for the table."""

    bench: str
    figures: dict[str, Any]
    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ok: bool = True
    """False: what was measured broke a promise, or nothing that counts was measured; exit status 1."""

    def as_json(self) -> str:
        """The figures, with the rows as objects under ``rows``."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        content: dict[str, Any] = {"bench": self.bench, "ok": self.ok, **self.figures}
        if rows:
            content["rows"] = rows
        if self.notes:
            content["notes"] = self.notes
        return json.dumps(content, default=_plain)

    def show(self) -> None:
        """The table on standard output."""
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=_WIDE)
        if self.rows:
            table = Table(*self.columns, title=self.bench)
            for row in self.rows:
                table.add_row(*(str(cell) for cell in row))
            console.print(table)
        for name, value in self.figures.items():
            if isinstance(value, Mapping):
                value = ", ".join(f"{key}: {inner}" for key, inner in value.items())
            if not isinstance(value, list):
                console.print(f"{name:>24}  {value}")
        for note in self.notes:
            console.print(f"note: {note}")


def _plain(value: Any) -> Any:
    """A figure that is one of numpy's, as Python's own."""
    return value.item()
