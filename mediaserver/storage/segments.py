"""The journal's files: segments of lines, numbered as they were begun.

A line is a kind, a space, one JSON value and a line feed. What follows the last line feed was cut short by a crash and is none.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

_NAME: Final = "journal-{:08}.log"
_READ: Final = 1 << 20


class Place(NamedTuple):
    """A place between two lines."""

    segment: int
    offset: int
    """Octets from the segment's start."""


START: Final = Place(0, 0)


class Line(NamedTuple):
    """One line, and where the next one begins."""

    kind: str
    value: Any
    """None for what cannot be read."""
    after: Place


def path_of(folder: Path, segment: int) -> Path:
    """A segment's file."""
    return folder / _NAME.format(segment)


def segments(folder: Path) -> list[int]:
    """The numbers of the segments that are there, the oldest first."""
    found = (path.name.removeprefix("journal-").removesuffix(".log") for path in folder.glob("journal-*.log"))
    return sorted(int(number) for number in found if number.isdigit())


def written(kind: str, value: Any) -> bytes:
    """A line as it is written."""
    return f"{kind} {json.dumps(value, separators=(',', ':'))}\n".encode()


def read(folder: Path, after: Place = START) -> Iterator[Line]:
    """The lines after a place, to the end of the last segment."""
    for number in segments(folder):
        if number >= after.segment:
            yield from read_segment(folder, number, after.offset if number == after.segment else 0)


def read_segment(folder: Path, number: int, offset: int = 0) -> Iterator[Line]:
    """The lines of one segment; none of one that was thrown away meanwhile."""
    try:
        file = path_of(folder, number).open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(offset)
        rest = b""
        while block := file.read(_READ):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                offset += len(line) + 1
                yield parsed(line, Place(number, offset))


def parsed(line: bytes, after: Place) -> Line:
    """A line without its line feed."""
    kind, _, text = line.partition(b" ")
    try:
        return Line(kind.decode("ascii", "replace"), json.loads(text), after)
    except ValueError:
        return Line(kind.decode("ascii", "replace"), None, after)
