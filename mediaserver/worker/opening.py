"""What comes from secured legs is opened before it is parsed, in place; what is not genuine, or comes again, goes no further.

Rules:
- only what is authenticated moves anything: streams, latches, windows;
- a row's first packet in a session, and that of another SSRC, is tried with the rollover counters that it can have: the one that
  goes on from the highest index, 0 (RFC 4568 §6.4), and 1, where the first packets before a rollover were lost;
- under a new key no index from before counts as new, except that the count may begin anew with 0: phones do either
  (RFC 3711 §3.3.1, RFC 4568 §7.1.4);
- what was under way under the old key is heard for `GRACE` (§7.1.4 of the latter);
- packets of an SSRC in use, in a settled session, are opened without any of this.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from mediaserver.worker.outbox import WIDTH
from mediaserver.worker.state import State
from rtp.arrays import Bools, Bytes, Int64, every, some
from rtp.header import HEADER
from rtp.srtp.indexes import came_already, nearest, nearest_one, noted, one_came_already, one_noted
from rtp.srtp.library import OK
from rtp.srtp.sessions import Session
from rtp.srtp.suites import SUITES, Suite

GRACE: Final = 2.0
"""Seconds for which packets under the old key are taken."""
_LEAST_REPORT: Final = 8
_TAGS: Final = np.array([0, *(suite.tag for suite in SUITES)], dtype=np.int64)


@dataclass(slots=True)
class _Inbound:
    """A row's session for what comes."""

    session: Session
    settled: set[int] = field(default_factory=set)
    """SSRCs of which packets were opened in it."""
    until: float = 0.0
    """Of a former key: when it is forgotten."""


class Opening:
    """The incoming sessions of all rows; made where they are needed, from what lies in the shared arrays."""

    def __init__(self, state: State, inbox: Bytes) -> None:
        self._state = state
        self._inbox = inbox
        self._present: dict[int, _Inbound] = {}
        self._former: dict[int, _Inbound] = {}
        self._handles = [0] * state.rows
        self._is_quick = np.zeros(state.rows, dtype=np.bool_)
        """The SSRC in use is settled, and there is no former key."""
        self._opened: set[int] = set()
        """Rows of lines that were opened at the door."""
        self._sizes = np.zeros(len(inbox), dtype=np.int32)
        self._inbox_at, self._sizes_at = inbox.ctypes.data, self._sizes.ctypes.data

    # what the turn asks for

    def step(self, lengths: Int64, rows: Int64, now: float) -> tuple[Int64, Int64]:
        """Open the first n lines of the inbox (lengths (n), rows (n)) as far as their rows are secured; what is left of them, in place."""
        suites = self._state.secured.suite[rows]
        lines = np.flatnonzero(suites)
        if self._opened:
            lines = lines[[int(row) not in self._opened for row in rows[lines]]]
            self._opened.clear()
        if not len(lines):
            return lengths, rows
        lengths = lengths.copy()
        self._open_all(lines, rows[lines], lengths, suites[lines], now)
        kept = np.flatnonzero(lengths > 0)
        if len(kept) == len(rows):
            return lengths, rows
        self._inbox[: len(kept)] = self._inbox[kept]
        return lengths[kept], rows[kept]

    def opens(self, row: int, line: int, length: int, now: float) -> int:
        """Open one line before the turn, whose sender is to be proved first; its new length, or 0 where it is not genuine."""
        suite = self._suite(row)
        if length < HEADER + suite.tag or length >= WIDTH:
            self._state.security_count.dropped_srtp_malformed[row] += 1
            return 0
        opened = self._open(row, line, length, now)
        if opened:
            self._opened.add(row)
        return opened

    def report(self, row: int, datagram: bytes, now: float) -> bytes | None:
        """An RTCP datagram of a secured row, opened; None where it is not genuine, or comes again."""
        suite, indexes = self._suite(row), self._state.index
        if len(datagram) < _LEAST_REPORT + suite.report_tag + 4:
            return None
        ssrc, index = int.from_bytes(datagram[4:8], "big"), _report_index(datagram, suite)
        slot = indexes.slot(row, ssrc)
        following, window = indexes.report_following, indexes.report_window
        one = slice(slot, slot + 1)
        if slot >= 0 and came_already(following[row, one], window[row, one], np.array([index]))[0]:
            return None
        inbound, was_known = self._inbound(row), slot >= 0
        is_begun = inbound.session.has(ssrc)
        if not is_begun:
            inbound.session.begin(ssrc, 0)
        opened = inbound.session.unprotect_report(datagram)
        if opened is None:
            if not is_begun:
                inbound.session.end(ssrc)
            former = self._former_of(row, now)
            return None if former is None else former.session.unprotect_report(datagram)
        if not was_known:
            self._bring_to_front(row, inbound, ssrc)
            slot, one = 0, slice(0, 1)
        following[row, one], window[row, one] = noted(following[row, one], window[row, one], np.array([index]))
        return opened

    # keys

    def renew(self, row: int, now: float) -> None:
        """The key in the arrays is another: what came under the one before is taken for a while."""
        self._drop(self._former.pop(row, None))
        former = self._present.pop(row, None)
        if former is not None and former.settled:
            former.until = now + GRACE
            self._former[row] = former
        else:
            self._drop(former)
        self._is_quick[row] = False

    def forget(self, row: int) -> None:
        """It is nobody's now, or not secured any more."""
        self._drop(self._present.pop(row, None))
        self._drop(self._former.pop(row, None))
        self._is_quick[row] = False
        self._opened.discard(row)

    def _drop(self, inbound: _Inbound | None) -> None:
        if inbound is not None:
            inbound.session.close()

    def _suite(self, row: int) -> Suite:
        return SUITES[int(self._state.secured.suite[row]) - 1]

    def _inbound(self, row: int) -> _Inbound:
        inbound = self._present.get(row)
        if inbound is None:
            suite = self._suite(row)
            inbound = _Inbound(Session(suite, self._state.secured.receive_key[row, : suite.key_bytes].tobytes()))
            self._present[row], self._handles[row] = inbound, inbound.session.handle
        return inbound

    def _former_of(self, row: int, now: float) -> _Inbound | None:
        former = self._former.get(row)
        if former is not None and now >= former.until:
            self._drop(self._former.pop(row))
            return None
        return former

    # all lines of a turn at once

    def _open_all(self, lines: Int64, rows: Int64, lengths: Int64, suites: Bytes, now: float) -> None:
        """Open these lines (n) of rows (n): their entries in ``lengths`` become what they are then, 0 where they are refused."""
        heads, index, sizes = self._inbox[lines, :HEADER], self._state.index, lengths[lines]
        sound = (sizes >= HEADER + _TAGS[suites]) & (sizes < WIDTH) & (heads[:, 0] >> 6 == 2)
        if not every(sound):
            self._refuse_unsound(lines[~sound], rows[~sound], lengths, heads[~sound, 1])
            lines, rows, heads = lines[sound], rows[sound], heads[sound]
        words = heads.view(">u4").astype(np.int64)
        following, window = index.following[rows, 0], index.window[rows, 0]
        chosen: Int64 | slice = slice(None)
        known = self._is_quick[rows] & (words[:, 2] == index.ssrc[rows, 0])
        if every(known & ((words[:, 0] - following) & 0xFFFF == 0)):
            number = following
        else:
            number = nearest(following, words[:, 0] & 0xFFFF)
            chosen = self._sorted_out(lines, rows, lengths, known & (number >= 0), came_already(following, window, number), now)
        lines, rows = lines[chosen], rows[chosen]
        if not len(lines):
            return
        genuine = self._opened_quickly(lines, rows, lengths)
        after = noted(following[chosen], window[chosen], number[chosen])
        if every(genuine):
            index.following[rows, 0], index.window[rows, 0] = after
        else:
            index.following[rows[genuine], 0], index.window[rows[genuine], 0] = after[0][genuine], after[1][genuine]

    def _sorted_out(self, lines: Int64, rows: Int64, lengths: Int64, quick: Bools, repeated: Bools, now: float) -> Int64:
        """Of these lines (n) those to be opened quickly; the others are done with: opened one by one, or counted as repetitions."""
        for line, row in zip(lines[~quick].tolist(), rows[~quick].tolist(), strict=True):
            lengths[line] = self._open(row, line, int(lengths[line]), now)
        again = quick & repeated
        if some(again):
            self._state.security_count.dropped_srtp_replayed[rows[again]] += 1
            lengths[lines[again]] = 0
        return np.flatnonzero(quick & ~again)

    def _opened_quickly(self, lines: Int64, rows: Int64, lengths: Int64) -> Bools:
        """Open lines (n) in settled sessions, as `_open_all` does; which were genuine."""
        sizes = self._sizes
        sizes[lines] = lengths[lines]
        unprotect = self._present[int(rows[0])].session.unprotect_function
        inbox_at, sizes_at, handles, width = self._inbox_at, self._sizes_at, self._handles, WIDTH
        statuses = [
            unprotect(handles[row], inbox_at + line * width, sizes_at + line * 4)
            for line, row in zip(lines.tolist(), rows.tolist(), strict=True)
        ]
        genuine: Bools = np.array(statuses) == OK
        lengths[lines] = np.where(genuine, sizes[lines], 0)
        if not every(genuine):
            self._state.security_count.dropped_srtp_authentication[rows[~genuine]] += 1
        return genuine

    def _refuse_unsound(self, lines: Int64, rows: Int64, lengths: Int64, second: Bytes) -> None:
        is_report = (second & 0xE0) == 0xC0
        self._state.refusals.dropped_rtcp[rows[is_report]] += 1
        self._state.security_count.dropped_srtp_malformed[rows[~is_report]] += 1
        lengths[lines] = 0

    # one line

    def _open(self, row: int, line: int, length: int, now: float) -> int:
        """Open one line, whatever it takes; its new length, or 0 where it is refused, which is counted."""
        inbound, former = self._inbound(row), self._former_of(row, now)
        datagram = self._inbox[line, :length].tobytes()
        ssrc, number = int.from_bytes(datagram[8:12], "big"), int.from_bytes(datagram[2:4], "big")
        is_begun, repeated = inbound.session.has(ssrc), True
        for index in self._candidates(row, inbound, ssrc, number):
            repeated = False
            if ssrc not in inbound.settled:
                inbound.session.begin(ssrc, index >> 16)
            size = self._try(inbound.session, line, datagram)
            if size:
                self._accept(row, inbound, ssrc, index)
                return size
        if not is_begun:
            inbound.session.end(ssrc)
        if former is not None and former.session.has(ssrc):
            size = self._try(former.session, line, datagram)
            if size:
                self._note_former(row, ssrc, number)
                return size
        count = self._state.security_count
        (count.dropped_srtp_replayed if repeated else count.dropped_srtp_authentication)[row] += 1
        return 0

    def _candidates(self, row: int, inbound: _Inbound, ssrc: int, number: int) -> Iterator[int]:
        """The indexes that a packet may have, the likeliest first; none where it came already."""
        indexes = self._state.index
        slot = indexes.slot(row, ssrc)
        tried = set()
        is_counted = slot >= 0 and int(indexes.following[row, slot]) > 0
        if is_counted:
            following, window = int(indexes.following[row, slot]), int(indexes.window[row, slot])
            index = nearest_one(following, number)
            if index >= 0 and not one_came_already(following, window, index):
                tried.add(index)
                yield index
        if is_counted and not self._state.secured.is_fresh[row]:
            return
        for index_from_zero in (number, 0x1_0000 + number):
            if index_from_zero not in tried and (index_from_zero == number or number < 0x8000):
                yield index_from_zero

    def _try(self, session: Session, line: int, datagram: bytes) -> int:
        """The length of a datagram once it is opened in its line; 0 where it is not genuine."""
        self._inbox[line, : len(datagram)] = np.frombuffer(datagram, dtype=np.uint8)
        size = ctypes.c_int(len(datagram))
        is_genuine = session.unprotect(self._inbox_at + line * WIDTH, ctypes.addressof(size)) == OK
        return size.value if is_genuine else 0

    def _accept(self, row: int, inbound: _Inbound, ssrc: int, index: int) -> None:
        """A packet was genuine: its SSRC is the one in use, and its index is noted."""
        indexes = self._state.index
        inbound.settled.add(ssrc)
        self._bring_to_front(row, inbound, ssrc)
        following, window = int(indexes.following[row, 0]), int(indexes.window[row, 0])
        begins_anew = self._state.secured.is_fresh[row] and index < following
        after = (index + 1, 1) if begins_anew else one_noted(following, window, index)
        indexes.following[row, 0], indexes.window[row, 0] = after
        self._state.secured.is_fresh[row] = False

    def _note_former(self, row: int, ssrc: int, number: int) -> None:
        """A packet under the former key was genuine: its index will not come again under this one."""
        indexes = self._state.index
        slot = indexes.slot(row, ssrc)
        if slot >= 0:
            index = int(nearest(indexes.following[row, slot : slot + 1], np.array([number]))[0])
            indexes.following[row, slot] = max(int(indexes.following[row, slot]), index + 1)

    def _bring_to_front(self, row: int, inbound: _Inbound, ssrc: int) -> None:
        forgotten = self._state.index.bring_to_front(row, ssrc)
        if forgotten is not None:
            inbound.session.end(forgotten)
            inbound.settled.discard(forgotten)
        self._is_quick[row] = ssrc in inbound.settled and row not in self._former


def _report_index(datagram: bytes, suite: Suite) -> int:
    """The index that an RTCP packet says it has (RFC 3711 §3.4, RFC 7714 §9.2)."""
    word = datagram[-4:] if suite.index_is_last else datagram[-4 - suite.report_tag : -suite.report_tag]
    return int.from_bytes(word, "big") & 0x7FFF_FFFF
