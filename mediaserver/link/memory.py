"""The memory that signalling, a worker and its heir share: which arrays it holds, where, and a reader without numpy.

One memfd holds everything that another worker needs to go on: identities, streams, playout buffers, numbers, gains, latches,
counters. A worker builds numpy views over it (`mediaserver.worker.state`), signalling reads meters and counters through
`Memory`. Arrays are structures of arrays with one entry a row (a leg), a call, or one for the worker; each starts at a multiple
of 64 bytes. The worker writes ``worker.turn`` last in each turn: what was written before it is a whole turn's state.

Only the worker writes. Pages that nobody touched cost nothing, so rows that are never used are free.
"""

import mmap
import os
from collections.abc import Iterable
from math import inf
from typing import Any, Final, Literal, cast

from mediaserver.link.layout import LATENESS_STEP_MS, LEG_ARRAYS, WORKER_ARRAYS, Place, lay_out
from mediaserver.link.quality import LegQuality, Way

_MAGIC: Final = 0x6D65_6469_6100_0001
"""First word of the memory: a name and the layout's version."""
_SILENCE_DBOV: Final = -127.0
_SPEECH_HOLDS: Final = 0.25
"""Seconds without a packet after which a speech flag no longer counts."""

_OF_THE_TURN: Final = frozenset({"batch.row"})
"""Arrays with an entry a row that say nothing about the leg in that row."""

COUNTERS: Final = tuple(name.removeprefix("count.") for name in LEG_ARRAYS if name.startswith("count."))
"""Names of the counters of a leg, the keys of `Memory.counters`."""


class Memory:
    """The shared memory of one worker. Rows are those named by `mediaserver.link.messages.Applied`."""

    def __init__(self, descriptor: int) -> None:
        """Map the memory behind a descriptor that `create` made; `ValueError` where it is something else."""
        self.fd = descriptor
        size = os.fstat(descriptor).st_size
        if size < 64:
            raise ValueError("the memory file is too small to be a worker's")
        self.map: Final = mmap.mmap(descriptor, size)
        self.map.madvise(mmap.MADV_DONTDUMP)  # keys and voices are no part of a core file
        header = memoryview(self.map)[:32].cast("Q")
        magic, self.rows, self.calls, self.seats = header
        header.release()
        self.places, wanted = lay_out(self.rows, self.calls, self.seats)
        if magic != _MAGIC or wanted != size:
            raise ValueError("the memory file has another layout")
        self._views: dict[str, memoryview[Any]] = {}
        self._counter_views = {name: self.view(f"count.{name}") for name in COUNTERS}
        # what is looked at for every leg, again and again
        self._now, self._last_packet = self.view("worker.now"), self.view("meter.last_packet")
        self._level, self._speech = self.view("meter.level"), self.view("meter.speech")
        self._mos_up, self._mos_down = self.view("quality.mos_up"), self.view("quality.mos_down")

    @classmethod
    def create(cls, rows: int, calls: int, seats: int) -> "Memory":
        """Fresh memory for a worker that can hold so many legs, calls, and legs a call. Its ``fd`` is given to the worker."""
        if min(rows, calls, seats) < 1 or rows > 65_536 or seats > 64:
            raise ValueError("a worker's memory has 1 to 65536 rows, at least 1 call and 1 to 64 seats a call")
        places, size = lay_out(rows, calls, seats)
        descriptor = os.memfd_create("mediaserver-worker", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, size)
        with mmap.mmap(descriptor, size) as fresh:
            header = memoryview(fresh)[:32].cast("Q")
            for index, value in enumerate((_MAGIC, rows, calls, seats)):
                header[index] = value
            header.release()
            for name in ("leg.id", "call.id", "call.rows"):
                _fill(fresh, places[name], -1)
            for name in ("mix.next_due", "report.next_at"):
                _fill(fresh, places[name], inf)
        return cls(descriptor)

    def close(self) -> None:
        """Unmap the memory and close its descriptor; the object is of no use afterwards."""
        for view in self._views.values():
            view.release()
        self._views.clear()
        self._counter_views.clear()
        self.map.close()
        os.close(self.fd)

    def view(self, name: str) -> "memoryview[Any]":
        """A flat view of one array, in its own type."""
        if name not in self._views:
            place = self.places[name]
            self._views[name] = _cast(self.map, place)
        return self._views[name]

    def leg(self, row: int) -> int:
        """The id of the leg that has this row now; -1 where none has."""
        return int(self.view("leg.id")[row])

    def row_content(self, row: int) -> bytes:
        """All that lies in a row, as `set_row` of another memory takes it that has as many seats."""
        return b"".join(self.map[start:end] for start, end in self._parts(row))

    def set_row(self, row: int, content: bytes) -> None:
        """Write a row; `ValueError` where the content is that of another layout."""
        parts = self._parts(row)
        if len(content) != sum(end - start for start, end in parts):
            raise ValueError(f"a row of {len(content)} bytes is of another layout")
        at = 0
        for start, end in parts:
            self.map[start:end] = content[at : at + end - start]
            at += end - start

    def _parts(self, row: int) -> list[tuple[int, int]]:
        """Where the row's part of each array lies."""
        sizes = [(self.places[name].offset, self.places[name].size // self.rows) for name in LEG_ARRAYS if name not in _OF_THE_TURN]
        return [(offset + row * size, offset + (row + 1) * size) for offset, size in sizes]

    def level_dbov(self, row: int) -> float:
        """Level of what the leg says, in dBov (0 is a full-scale square wave); -127.0 for silence and for rows without packets."""
        return float(self._level[row]) if self._is_sending(row) else _SILENCE_DBOV

    def speaks(self, row: int) -> bool:
        """Whether the leg speaks, by its last measured frame."""
        return bool(self._speech[row]) and self._is_sending(row)

    def meters(self, row: int) -> tuple[float, bool, float, float]:
        """`level_dbov`, `speaks`, and both of `mos`, of one leg at a time."""
        if self._now[0] - self._last_packet[row] < _SPEECH_HOLDS:
            return self._level[row], self._speech[row] != 0, self._mos_up[row], self._mos_down[row]
        return _SILENCE_DBOV, False, self._mos_up[row], self._mos_down[row]

    def last_packet(self, row: int) -> float:
        """When the leg's last valid packet came, on the monotonic clock; 0.0 where none ever came."""
        return float(self._last_packet[row])

    def jitter_ms(self, row: int) -> float:
        """Interarrival jitter of what the leg sends (RFC 3550 §6.4.1), in milliseconds."""
        return float(self.view("stream.jitter")[row]) * 1000.0

    def quality(self, row: int) -> LegQuality:
        """How the leg sounds, both ways."""
        counters = self.counters(row)
        jitter_up, jitter_down = self._number("stream.jitter", row), self._number("report.jitter", row)
        return LegQuality(
            up=self._way(row, "up", self._number("quality.loss_up", row), counters["lost"], jitter_up),
            down=self._way(row, "down", self._number("report.loss", row), self._whole("report.lost", row), jitter_down),
            round_trip=self._number("report.round_trip", row),
            late=counters["late"],
            concealed=counters["concealed_blocks"] / 100.0,
            dropped=sum(value for name, value in counters.items() if name.startswith("dropped_")),
        )

    def mos(self, row: int) -> tuple[float, float]:
        """The scores of a leg, up and down; 0.0 where one is not known."""
        return float(self._mos_up[row]), float(self._mos_down[row])

    def _way(self, row: int, name: str, loss: float, lost: int, jitter: float) -> Way:
        count = self._whole(f"quality.mos_{name}_count", row)
        average = self._number(f"quality.mos_{name}_sum", row) / count if count else 0.0
        least = self._number(f"quality.mos_{name}_least", row)
        rating, mos = self._number(f"quality.rating_{name}", row), self._number(f"quality.mos_{name}", row)
        return Way(loss, lost, jitter, rating, mos, average, least)

    def _number(self, name: str, row: int) -> float:
        return float(self.view(name)[row])

    def _whole(self, name: str, row: int) -> int:
        return int(self.view(name)[row])

    def counters(self, row: int) -> dict[str, int]:
        """The leg's counters by name (`COUNTERS`), in packets; ``…_blocks`` in blocks of 10 ms."""
        return {name: int(view[row]) for name, view in self._counter_views.items()}

    @property
    def turn(self) -> int:
        """Number of the last turn that was finished."""
        return int(self.view("worker.turn")[0])

    @property
    def turn_time(self) -> float:
        """When the last turn was finished, on the monotonic clock: the worker's sign of life."""
        return float(self._now[0])

    @property
    def cpu_seconds(self) -> float:
        """CPU time that the worker has used, refreshed about once a second."""
        return float(self.view("worker.cpu")[0])

    @property
    def turn_length(self) -> float:
        """Seconds that a turn takes (see `mediaserver.worker.pace`), refreshed several times a second."""
        return float(self.view("worker.turn_length")[0])

    def worker_counters(self) -> dict[str, int]:
        """Counters of the worker as a whole, by name."""
        return {name.removeprefix("total."): int(self.view(name)[0]) for name in WORKER_ARRAYS if name.startswith("total.")}

    def lateness_counts(self) -> list[int]:
        """Turns by how late they started, in steps of `LATENESS_STEP_MS`; the last entry holds all that were later still."""
        return [int(count) for count in self.view("worker.lateness")]

    def lateness_ms(self, quantile: float, since: Iterable[int] = ()) -> float:
        """How late turns started at this quantile (0.99), in ms, rounded up to a step; of the turns after ``since`` where given."""
        counts = self.lateness_counts()
        before = list(since) or [0] * len(counts)
        late = [now - then for now, then in zip(counts, before, strict=True)]
        wanted, seen = quantile * sum(late), 0
        for step, count in enumerate(late):
            seen += count
            if seen >= wanted:
                return (step + 1) * LATENESS_STEP_MS if seen else 0.0
        return len(late) * LATENESS_STEP_MS

    def _is_sending(self, row: int) -> bool:
        return self.turn_time - self.last_packet(row) < _SPEECH_HOLDS


def _cast(whole: mmap.mmap, place: Place) -> "memoryview[Any]":
    with memoryview(whole) as everything:
        return everything[place.offset : place.offset + place.size].cast(cast("Literal['B']", place.char))


def _fill(target: mmap.mmap, place: Place, value: float) -> None:
    view = _cast(target, place)
    for index in range(len(view)):
        view[index] = value
    view.release()
