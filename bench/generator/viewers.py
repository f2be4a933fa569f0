"""Clients of the control API as many consoles are: each views some calls, and notes when it is told of what. A process of its own.

`python -m bench.generator.viewers` reads a line of JSON (a `Wanted`), connects them and prints a line when all stand. Then it does
what it reads, a word a line: ``begin`` forgets what was counted, ``report`` prints it as one line of JSON; the end of the input ends it.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, cast

import numpy as np
import uvloop

from bench.generator import process
from bench.generator.upgrading import upgrade

STANDING: Final = "standing"
_EVENT, _METERS, _SNAPSHOT = b'{"sequence":', b'{"type":"meters"', b'{"type":"snapshot"'
_AT: Final = b'"at":"'
_AT_LENGTH: Final = 24
_PAUSE: Final = 0.005
"""Seconds from one connection to the next."""
_WITHIN: Final = 120.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is to connect."""

    host: str
    port: int
    tokens: list[str]
    """One for each client."""
    views: list[list[str]]
    """The calls that each client views."""
    core: int | None


@dataclass(slots=True)
class Figures:
    """What all clients were told since the last ``begin``."""

    events: int = 0
    meters: int = 0
    metered_calls: int = 0
    octets: int = 0
    out_of_order: int = 0
    """Events whose number was not the next one: lost, or repeated."""
    snapshots: int = 0
    """Times that a client was too slow for its events."""
    delays_ms: list[float] = field(default_factory=list)
    """From the server's own stamp on an event to the moment at which a client has it."""

    def as_json(self) -> str:
        """One line."""
        told = asdict(self)
        delays = np.array(told.pop("delays_ms") or [0.0])
        told |= {f"p{percent}_ms": round(float(np.percentile(delays, percent)), 2) for percent in (50, 99, 100)}
        return json.dumps(told)


class Viewer(asyncio.Protocol):
    """One client, with just as much of RFC 6455 as it needs."""

    def __init__(self, wanted: Wanted, number: int, figures: Figures) -> None:
        self.stands: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when its first snapshot has come and the view was taken."""
        self._wanted = wanted
        self._number = number
        self._figures = figures
        self._data = bytearray()
        self._is_upgraded = False
        self._sequence = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(upgrade(self._wanted.host, self._wanted.tokens[self._number]))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.stands.done():
            self.stands.set_exception(ConnectionError(f"client {self._number} was cut off: {bytes(self._data[:200])!r}"))

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._is_upgraded:
            end = self._data.find(b"\r\n\r\n")
            if end < 0 or not self._data.startswith(b"HTTP/1.1 101"):
                return
            del self._data[: end + 4]
            self._is_upgraded = True
        self._read_frames()

    def _read_frames(self) -> None:
        at, data = 0, self._data
        while len(data) >= at + 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif length == 127:
                length, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if len(data) < start + length:
                break
            self._frame(data[at] & 0x0F, bytes(data[start : start + length]))
            at = start + length
        del data[:at]

    def _frame(self, opcode: int, payload: bytes) -> None:
        figures = self._figures
        figures.octets += len(payload)
        if opcode == 9:
            self._send(0x8A, payload)
        elif payload.startswith(_EVENT):
            self._event(payload)
        elif payload.startswith(_METERS):
            figures.meters += 1
            figures.metered_calls += payload.count(b'"legs"')
        elif payload.startswith(_SNAPSHOT):
            self._snapshot(payload)
        elif payload.startswith(b'{"type":"reply"') and not self.stands.done():
            self.stands.set_result(None)

    def _event(self, payload: bytes) -> None:
        sequence = int(payload[len(_EVENT) : payload.index(b",")])
        if sequence != self._sequence + 1:
            self._figures.out_of_order += 1
        self._sequence = sequence
        start = payload.index(_AT) + len(_AT)
        stamp = datetime.fromisoformat(payload[start : start + _AT_LENGTH].decode()).timestamp()
        self._figures.events += 1
        self._figures.delays_ms.append(1000 * (time.time() - stamp))

    def _snapshot(self, payload: bytes) -> None:
        start = payload.index(b'"sequence":') + len(b'"sequence":')
        self._sequence = int(payload[start : payload.index(b",", start)])
        if b'"reason":"too_slow"' in payload[:200]:
            self._figures.snapshots += 1
        if payload.endswith(b'"last":true}') and not self.stands.done():
            command = {"type": "view", "id": 1, "calls": self._wanted.views[self._number]}
            self._send(0x81, json.dumps(command).encode())

    def _send(self, first: int, payload: bytes) -> None:
        """A frame, masked by zeroes."""
        length = len(payload)
        header = bytes((first, 0x80 | length)) if length < 126 else bytes((first, 0xFE)) + length.to_bytes(2)
        self._transport.write(header + bytes(4) + payload)


async def _run(wanted: Wanted) -> None:
    loop, figures = asyncio.get_running_loop(), Figures()
    process.need_descriptors(len(wanted.tokens) + 100)
    async with asyncio.timeout(_WITHIN):
        for number in range(len(wanted.tokens)):
            _, viewer = await loop.create_connection(partial(Viewer, wanted, number, figures), wanted.host, wanted.port)
            await viewer.stands
            await asyncio.sleep(_PAUSE)
    _say(STANDING)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if line == b"report\n":
            _say(figures.as_json())
        for name, empty in asdict(Figures()).items():
            setattr(figures, name, empty)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Connect, count, tell."""
    wanted = Wanted(**json.loads(sys.stdin.readline()))
    process.die_with_parent()
    if wanted.core is not None:
        process.pin(wanted.core)
    process.hurry()  # what the clients would wait for a processor is none of the server's delay
    uvloop.run(_run(wanted))


if __name__ == "__main__":
    main()
