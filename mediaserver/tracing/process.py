"""The tracer's process: takes packets from signalling, masks, keeps, tells Homer, and answers what is asked of a call.

It holds nobody up: signalling drops and counts what the link does not take, and Homer's datagrams are sent blindly.
"""

import select
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mediaserver.tracing.hep import encode_hep
from mediaserver.tracing.records import Answered, Asked, Heard, decode, encode
from mediaserver.tracing.store import Store
from sip.transport.flow import Address

WRITE_EVERY: Final = 0.25
"""Seconds that messages are gathered before they are written."""
LARGEST_BATCH: Final = 200
"""Packets taken before a look at the clock."""
_LARGEST_READ: Final = 262_144


@dataclass(frozen=True, slots=True)
class Homer:
    """Where HEP goes, and as whom."""

    address: Address
    capture_id: int
    key: str


class Tracer:
    """One tracer at its end of the link."""

    def __init__(self, link: socket.socket, store: Store, homer: Homer | None) -> None:
        self._link = link
        self._store = store
        self._homer = homer
        self._udp: socket.socket | None = None
        if homer is not None:
            family = socket.AF_INET6 if ":" in homer.address[0] else socket.AF_INET
            self._udp = socket.socket(family, socket.SOCK_DGRAM)
            self._udp.setblocking(False)
        link.setblocking(False)

    def run(self) -> None:
        """Serve until signalling's end of the link closes."""
        something = select.poll()  # a server with many calls lends numbers beyond those that select takes
        something.register(self._link, select.POLLIN)
        due = time.monotonic() + WRITE_EVERY
        is_open = True
        while is_open:
            something.poll(max(0.0, due - time.monotonic()) * 1000.0)
            is_open = self._read()
            if time.monotonic() >= due:
                self._store.write(time.time())
                due = time.monotonic() + WRITE_EVERY
        self._store.close()

    def _read(self) -> bool:
        """Take what has come; False where nothing will come any more."""
        for _ in range(LARGEST_BATCH):
            try:
                packet = self._link.recv(_LARGEST_READ)
            except BlockingIOError:
                return True
            except ConnectionError:
                return False
            if not packet:
                return False
            for record in decode(packet):
                self._take(record)
        return True

    def _take(self, record: object) -> None:
        match record:
            case Asked():
                self._answer(record)
            case Heard():
                self._tell_homer(record, self._store.take(record))
            case Answered():
                pass
            case _:
                self._store.take(record)  # type: ignore[arg-type]

    def _answer(self, asked: Asked) -> None:
        self._store.write(time.time())
        subject, messages, is_complete = self._store.read(asked.call, asked.after, asked.most)
        last = messages[-1].place if messages else asked.after
        with suppress(OSError):  # nobody reads: who asked has given up
            self._link.send(encode(Answered(asked.question, subject, tuple(messages), last, is_complete)))

    def _tell_homer(self, heard: Heard, masked: bytes) -> None:
        if self._homer is None or self._udp is None:
            return
        with suppress(OSError, ValueError):  # Homer is not there, or an address is none: the trace itself is kept all the same
            packet = encode_hep(heard, masked, capture_id=self._homer.capture_id, key=self._homer.key)
            self._udp.sendto(packet, self._homer.address)


def run(link: socket.socket, folder: Path, *, most_octets: int, keep: float, mask_numbers: bool, homer: Homer | None) -> None:
    """Trace until signalling is gone."""
    store = Store(folder, most_octets=most_octets, keep=keep, mask_numbers=mask_numbers, now=time.time())
    Tracer(link, store, homer).run()
