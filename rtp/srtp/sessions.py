"""One direction of one leg under one key: libsrtp's session, with a stream for each SSRC that was begun.

Packets are named by where they lie: the address of their first byte, and that of a C int with their length, which is changed in
place. Room for the tag (`rtp.srtp.suites.LONGEST_TAG`) has to be behind what is closed.
"""

import ctypes
import sys
from collections.abc import Callable
from typing import Final

from rtp.srtp.library import OK, check, load, policy_for
from rtp.srtp.suites import LONGEST_TAG, Suite

Change = Callable[[int, int, int], int]
_REPORT_ROOM: Final = LONGEST_TAG + 4
"""Bytes that closing adds to an RTCP datagram at most: the tag and the index."""


class Session:
    """A session of libsrtp; its keys are erased by `close`."""

    def __init__(self, suite: Suite, key: bytes) -> None:
        """``key``: master key and salt. `ValueError` where that is not of the suite's length, `SrtpError` where there is no libsrtp."""
        if len(key) != suite.key_bytes:
            raise ValueError(f"{suite.name} has keys of {suite.key_bytes} bytes, not {len(key)}")
        self.suite: Final = suite
        self._key = key
        self._library = load()
        session = ctypes.c_void_p()
        check(self._library.srtp_create(ctypes.byref(session), None), "a session")
        self.handle: int = session.value or 0
        """Its address, for those who call libsrtp themselves."""
        self.protect_function: Final[Change] = self._library.srtp_protect
        self.unprotect_function: Final[Change] = self._library.srtp_unprotect
        """Close, or open, an RTP packet in place: session, where the packet lies, where its length lies; the status."""
        self._streams: set[int] = set()

    def close(self) -> None:
        """End it; nothing may be called afterwards."""
        if self.handle:
            check(self._library.srtp_dealloc(self.handle), "the end of a session")
            self.handle = 0
            self._key = b""
            self._streams.clear()

    def begin(self, ssrc: int, rollovers: int) -> None:
        """The next packet of this SSRC has this rollover counter; a stream that is there already keeps its replay window."""
        if ssrc not in self._streams:
            policy = policy_for(self._library, self.suite.packets, self.suite.reports, self._key, ssrc)
            check(self._library.srtp_add_stream(self.handle, ctypes.byref(policy)), "a stream")
            self._streams.add(ssrc)
        check(self._library.srtp_set_stream_roc(self.handle, ssrc, rollovers), "setting a rollover counter")

    def end(self, ssrc: int) -> None:
        """Forget a stream."""
        if ssrc in self._streams:
            self._streams.remove(ssrc)
            check(self._library.srtp_remove_stream(self.handle, _as_on_the_wire(ssrc)), "the end of a stream")

    def has(self, ssrc: int) -> bool:
        """Whether a stream was begun."""
        return ssrc in self._streams

    def rollovers(self, ssrc: int) -> int:
        """The rollover counter of the newest packet of a stream."""
        counter = ctypes.c_uint32()
        check(self._library.srtp_get_stream_roc(self.handle, ssrc, ctypes.byref(counter)), "reading a rollover counter")
        return counter.value

    def protect(self, packet: int, length: int) -> int:
        """Close an RTP packet in place; the status."""
        return self.protect_function(self.handle, packet, length)

    def unprotect(self, packet: int, length: int) -> int:
        """Open an RTP packet in place; the status. Where that is not `OK`, the bytes may be anything."""
        return self.unprotect_function(self.handle, packet, length)

    def protect_report(self, datagram: bytes) -> bytes | None:
        """An RTCP datagram closed; None where libsrtp does not take it."""
        return self._changed(self._library.srtp_protect_rtcp, datagram)

    def unprotect_report(self, datagram: bytes) -> bytes | None:
        """An RTCP datagram opened; None where it is not what was closed under this key, or comes again."""
        return self._changed(self._library.srtp_unprotect_rtcp, datagram)

    def _changed(self, change: Change, datagram: bytes) -> bytes | None:
        room = ctypes.create_string_buffer(datagram, len(datagram) + _REPORT_ROOM)
        length = ctypes.c_int(len(datagram))
        status = change(self.handle, ctypes.addressof(room), ctypes.addressof(length))
        return room.raw[: length.value] if status == OK else None


def _as_on_the_wire(ssrc: int) -> int:
    """The number whose bytes in memory are those of the packet: so, and only here, libsrtp wants it."""
    return int.from_bytes(ssrc.to_bytes(4, "big"), sys.byteorder)
