"""SRTP of the rows that agreed on it: keys taken, what comes opened, what goes closed. The other rows pay one test a turn.

After a change of keys or of the far address phones differ in what they take our rollover counter for: the same as before, or 0
(RFC 3711 §3.3.1 and RFC 4568 §7.1.4 can be read so). A stream that rolled over already goes on under a new SSRC then, of which
the counter is 0 for everybody; one that did not goes on as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from mediaserver.worker.closing import Closing
from mediaserver.worker.opening import Opening
from mediaserver.worker.outbox import Outbox
from mediaserver.worker.state import State
from rtp.arrays import Bytes, Int64
from rtp.srtp.library import is_available
from rtp.srtp.suites import KEY_BYTES, NUMBERS, SUITES

ROLLOVER: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Keys:
    """What a leg agreed on."""

    suite: str
    """As descriptions name it; empty for plain RTP."""
    send_key: bytes = field(repr=False)
    """Master key and salt of what goes to the leg."""
    receive_key: bytes = field(repr=False)

    @property
    def problem(self) -> str:
        """Why these cannot be taken; empty where they can."""
        if not self.suite:
            return "keys without a suite" if self.send_key or self.receive_key else ""
        if self.suite not in NUMBERS:
            return f"suite {self.suite!r}; this worker has {', '.join(NUMBERS)}"
        wanted = SUITES[NUMBERS[self.suite] - 1].key_bytes
        if len(self.send_key) != wanted or len(self.receive_key) != wanted:
            return f"keys of {len(self.send_key)} and {len(self.receive_key)} bytes; {self.suite} has {wanted}"
        return "" if is_available() else "libsrtp is not installed"


class Securing:
    """Opens and closes; rows without keys are left as they are."""

    def __init__(self, state: State, inbox: Bytes, outbox: Outbox) -> None:
        self._state = state
        self._opening = Opening(state, inbox)
        self._closing = Closing(state, outbox)
        self._rows = set(np.flatnonzero(state.secured.suite).tolist())
        """Those that are secured."""

    @property
    def is_idle(self) -> bool:
        """Whether no row is secured."""
        return not self._rows

    def open(self, lengths: Int64, rows: Int64, now: float) -> tuple[Int64, Int64]:
        """Of the first n lines of the inbox (lengths (n), rows (n)) what is genuine, or of a plain row; in place."""
        return self._opening.step(lengths, rows, now) if self._rows else (lengths, rows)

    def close(self) -> None:
        """Close what the outbox holds for secured rows."""
        if self._rows:
            self._closing.step()

    def proves(self, row: int, line: int, length: int, now: float) -> int:
        """Whether a line from an address that is not the row's yet is genuine: its length once it is opened, else 0."""
        return self._opening.opens(row, line, length, now) if self._state.secured.suite[row] else length

    def open_report(self, row: int, datagram: bytes) -> bytes | None:
        """An RTCP datagram as it is once opened; None where it is not what was agreed on."""
        return self._opening.report(row, datagram, float(self._state.now[0])) if self._state.secured.suite[row] else datagram

    def close_report(self, row: int, datagram: bytes) -> bytes | None:
        """An RTCP datagram as it is to be sent; None where it must not be."""
        return self._closing.report(row, datagram) if self._state.secured.suite[row] else datagram

    def set_keys(self, row: int, agreed: Keys, now: float, entropy: Callable[[int], bytes], *, moved: bool) -> None:
        """Take what a row agreed on, of which `Keys.problem` says nothing; an empty suite is plain RTP. ``moved``: to another address."""
        secured, number = self._state.secured, NUMBERS.get(agreed.suite, 0)
        if not number:
            self._make_plain(row)
            return
        is_first = not secured.suite[row]
        other_suite = int(secured.suite[row]) != number
        sends_anew = other_suite or _differs(secured.send_key[row], agreed.send_key)
        receives_anew = other_suite or _differs(secured.receive_key[row], agreed.receive_key)
        if receives_anew:
            self._opening.renew(row, now)
            self._state.index.begin_anew(row)
            secured.is_fresh[row] = True
        if sends_anew:
            self._closing.forget(row)
        if (sends_anew or receives_anew or moved) and self._has_rolled_over(row, is_first=is_first):
            self._begin_stream(row, entropy)
        # last: an heir who does not find them is told them again, and does all of this anew
        secured.send_key[row], secured.receive_key[row] = _kept(agreed.send_key), _kept(agreed.receive_key)
        secured.suite[row] = number
        self._rows.add(row)

    def welcome(self, rows: Int64) -> None:
        """Rows (n) came from another worker, with their keys."""
        self._rows.update(rows[self._state.secured.suite[rows] != 0].tolist())

    def forget(self, row: int) -> None:
        """The row is nobody's now; its arrays are wiped by `State.wipe`."""
        self._rows.discard(row)
        self._opening.forget(row)
        self._closing.forget(row)

    def _make_plain(self, row: int) -> None:
        if self._state.secured.suite[row]:
            self.forget(row)
            self._state.forget_keys(row)

    def _has_rolled_over(self, row: int, *, is_first: bool) -> bool:
        """Whether the next packet's index is more than its sequence number."""
        secured, sender = self._state.secured, self._state.sender
        if is_first:
            return int(sender.sequence[row]) >= ROLLOVER // 2 and bool(sender.sent_at[row])
        return int(sender.sequence[row]) + 1 - int(secured.base[row]) >= ROLLOVER

    def _begin_stream(self, row: int, entropy: Callable[[int], bytes]) -> None:
        """Go on under another SSRC, whose rollover counter is 0."""
        secured, sender = self._state.secured, self._state.sender
        self._closing.forget(row)
        sender.ssrc[row] = int.from_bytes(entropy(4), "big") or 1
        secured.base[row] = (int(sender.sequence[row]) + 1) // ROLLOVER * ROLLOVER
        secured.following[row] = secured.reports_sent[row] = 0
        self._state.report.far_at[row] = 0.0


def _kept(key: bytes) -> Bytes:
    return np.frombuffer(key.ljust(KEY_BYTES, b"\0"), dtype=np.uint8)


def _differs(kept: Bytes, key: bytes) -> bool:
    return kept.tobytes() != key.ljust(KEY_BYTES, b"\0")
