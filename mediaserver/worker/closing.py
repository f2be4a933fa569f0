"""What goes to secured legs is closed: after the headers, before it is sent, in place. Nothing goes to them otherwise.

Rules:
- a packet's index is its number in our extended count, less the row's ``base``, so that rollover counters follow our own numbers;
- no index is used for two contents (RFC 3711 §9.1): libsrtp refuses what its window knows, and an heir, whose window is empty,
  refuses whatever is not above all that was sent before him;
- how far the indexes were used is noted in shared memory before a packet leaves;
- RTCP has indexes of its own, which libsrtp counts by itself: an heir counts on by closing reports that go nowhere.
"""

from typing import Final

import numpy as np

from mediaserver.worker.outbox import WIDTH, Outbox
from mediaserver.worker.state import State
from rtp.arrays import Bools, Bytes, Int64, every, some
from rtp.srtp.library import OK
from rtp.srtp.sessions import Session
from rtp.srtp.suites import SUITES

FAR: Final = 1 << 14
"""Leap of an index beyond which libsrtp is told the rollover counter, and does not guess."""
MOST_COUNTED: Final = 4000
"""RTCP packets closed for nothing at once, until the count is where it was; where that is not enough, the report does not go."""
_NOTHING: Final = bytes([0x80, 201, 0, 1])
"""A receiver report about nobody, but for its SSRC."""
_TAGS: Final = np.array([0, *(suite.tag for suite in SUITES)], dtype=np.int64)


class Closing:
    """The outgoing sessions of all rows; made where they are needed, from what lies in the shared arrays."""

    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state = state
        self._outbox = outbox
        self._sessions: dict[int, Session] = {}
        self._handles = [0] * state.rows
        self._is_ready = np.zeros(state.rows, dtype=np.bool_)
        """The session knows the rollover counter of the row's packets."""
        self._floor = np.zeros(state.rows, dtype=np.int64)
        """Indexes below this one are another session's."""
        self._reports: dict[int, int] = {}
        """RTCP packets that each session closed."""
        self._sizes = np.zeros(len(outbox.matrix), dtype=np.int32)
        self._matrix_at, self._sizes_at = outbox.matrix.ctypes.data, self._sizes.ctypes.data

    def step(self) -> None:
        """Close what the outbox holds for secured rows; what cannot be is taken out and counted."""
        outbox, secured = self._outbox, self._state.secured
        suites = secured.suite[outbox.rows]
        lines = np.flatnonzero(suites)
        if not len(lines):
            return
        rows = outbox.rows[lines]
        index = self._indexes(outbox.matrix[lines, 2:4], rows)
        goes = self._prepared(rows, index, outbox.lengths[lines] + _TAGS[suites[lines]] <= WIDTH)
        unsent: list[int] = []
        if not every(goes):
            self._state.security_count.srtp_unsent[rows[~goes]] += 1
            unsent = lines[~goes].tolist()
            lines, rows, index = lines[goes], rows[goes], index[goes]
        np.maximum.at(secured.following, rows, index + 1)
        unsent += self._closed(lines, rows)
        for line in sorted(unsent, reverse=True):
            outbox.take_back(line)

    def report(self, row: int, datagram: bytes) -> bytes | None:
        """An RTCP datagram for a secured row, closed; None where that cannot be done now."""
        session = self._session(row)
        done, sent = self._reports.get(row, 0), int(self._state.secured.reports_sent[row])
        nothing = _NOTHING + int(self._state.sender.ssrc[row]).to_bytes(4, "big")
        for _ in range(min(sent - done, MOST_COUNTED)):
            session.protect_report(nothing)
            done += 1
        self._reports[row] = done
        if done < sent:
            return None
        self._state.secured.reports_sent[row] = self._reports[row] = sent + 1
        return session.protect_report(datagram)

    def forget(self, row: int) -> None:
        """Its keys are others, or it is nobody's now."""
        session = self._sessions.pop(row, None)
        if session is not None:
            session.close()
        self._handles[row] = 0
        self._is_ready[row] = False
        self._floor[row] = 0
        self._reports.pop(row, None)

    def _indexes(self, numbers: Bytes, rows: Int64) -> Int64:
        """Indexes (n) of packets with these two bytes (n, 2) as their numbers, from the highest that each row was sent."""
        highest = self._state.sender.sequence[rows]
        number = (numbers[:, 0].astype(np.int64) << 8) | numbers[:, 1]
        extended = highest + ((number - highest + 0x8000) & 0xFFFF) - 0x8000
        return np.asarray(extended - self._state.secured.base[rows], dtype=np.int64)

    def _prepared(self, rows: Int64, index: Int64, fits: Bools) -> Bools:
        """Which packets (n) may be closed; their sessions are there and know the rollover counter."""
        ready = self._is_ready[rows]
        leaps = ready & (np.abs(index - self._state.secured.following[rows]) > FAR)
        if every(ready) and not some(leaps):
            return np.asarray(fits & (index >= self._floor[rows]), dtype=np.bool_)
        for row in rows[leaps].tolist():
            self.forget(row)
        for position in np.flatnonzero(~self._is_ready[rows]).tolist():
            row = int(rows[position])
            session = self._session(row)
            if int(index[position]) >= int(self._floor[row]) and not self._is_ready[row]:
                session.begin(int(self._state.sender.ssrc[row]), int(index[position]) >> 16)
                self._is_ready[row] = True
        goes: Bools = fits & self._is_ready[rows] & (index >= self._floor[rows])
        return goes

    def _session(self, row: int) -> Session:
        """A row's session; a new one sends only what is above all that was sent."""
        session = self._sessions.get(row)
        if session is None:
            secured = self._state.secured
            suite = SUITES[int(secured.suite[row]) - 1]
            session = Session(suite, secured.send_key[row, : suite.key_bytes].tobytes())
            session.begin(int(self._state.sender.ssrc[row]), 0)
            self._sessions[row], self._handles[row] = session, session.handle
            self._floor[row] = int(secured.following[row])
        return session

    def _closed(self, lines: Int64, rows: Int64) -> list[int]:
        """Close these lines; those with which it failed."""
        if not len(lines):
            return []
        lengths, sizes = self._outbox.lengths, self._sizes
        sizes[lines] = lengths[lines]
        protect = self._sessions[int(rows[0])].protect_function
        handles, width, failed = self._handles, WIDTH, []
        matrix_at, sizes_at = self._matrix_at, self._sizes_at
        for line, row in zip(lines.tolist(), rows.tolist(), strict=True):
            if protect(handles[row], matrix_at + line * width, sizes_at + line * 4) != OK:
                failed.append(line)
                self._state.security_count.srtp_unsent[row] += 1
        lengths[lines] = sizes[lines]
        return failed
