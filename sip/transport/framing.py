"""Cutting a byte stream, TCP or TLS, into SIP messages (RFC 3261 §18.3, RFC 5626 §3.5.1). Sans-IO.

- A message is a head up to its empty line and a body as long as Content-Length says.
- Without Content-Length, which a stream needs, the body is taken as empty, and what is no start line after it is skipped and counted.
- A Content-Length that cannot be read ends the stream after that message: where the next one begins is anybody's guess.
- Between messages, CRLF CRLF is a ping, and gets CRLF; after a ping of ours the first CRLF is its pong.
"""

from typing import Final, Protocol

from sip.errors import ParseError
from sip.headers import parse_number
from sip.message import HIGHEST_CONTENT_LENGTH, LONGEST_BODY, LONGEST_HEAD

PING: Final = b"\r\n\r\n"
PONG: Final = b"\r\n"

_LENGTH_NAMES: Final = (b"content-length", b"l")


class Framing(Protocol):
    """Messages out of bytes and bytes out of messages, whichever way a connection frames them."""

    broken: str
    """Why nothing more can be read; empty while it can."""
    pings: int
    """CRLF pings not yet answered; whoever looks may lower it, and then fewer are."""
    pongs: int
    """Answers to our pings; whoever looks resets it."""
    skipped: int
    """Octets that were no message; whoever looks resets it."""

    @property
    def is_ready(self) -> bool:
        """Whether messages can be sent."""

    @property
    def is_waiting(self) -> bool:
        """Whether a message has begun and is not complete."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read; the messages that it completes. After `broken` is set everything is ignored."""

    def frame(self, message: bytes) -> bytes:
        """A message as it goes over the connection; only where it `is_ready`."""

    def ping(self) -> bytes:
        """What asks the peer for a sign of life."""

    def replies(self) -> bytes:
        """What is to be sent by itself: pongs, handshakes, farewells; told once."""

    def farewell(self) -> bytes:
        """What is said before we close."""


class Framer:
    """A stream. What is held is bounded by the longest head and body, and one read more."""

    __slots__ = ("_buffer", "_is_asking", "_needed", "_searched", "broken", "pings", "pongs", "skipped")

    is_ready = True

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_asking = False
        """A ping of ours has no pong yet."""
        self._searched = 0
        """Up to here there is no empty line: a head that trickles in is not searched anew each time."""
        self._needed = 0
        """Length of the whole message, once its head is there."""
        self.broken = ""
        """Why nothing more can be read; empty while it can."""
        self.pings = 0
        """Pings not yet answered."""
        self.pongs = 0
        self.skipped = 0

    @property
    def is_waiting(self) -> bool:
        """Whether a message has begun and is not complete; half a ping is none."""
        return bool(self._buffer) and not PING.startswith(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read; the messages that it completes. After `broken` is set everything is ignored."""
        if self.broken:
            return []
        self._buffer += data
        messages: list[bytes] = []
        while (message := self._cut()) is not None:
            messages.append(message)
            if self.broken:
                self._buffer.clear()
        return messages

    def frame(self, message: bytes) -> bytes:
        """The message itself: its Content-Length says where it ends."""
        return message

    def ping(self) -> bytes:
        """CRLF CRLF."""
        self._is_asking = True
        return PING

    def replies(self) -> bytes:
        """A pong for each ping."""
        pings, self.pings = self.pings, 0
        return PONG * pings

    def farewell(self) -> bytes:
        """Nothing: the end of the stream says it."""
        return b""

    def _cut(self) -> bytes | None:
        buffer = self._buffer
        if not self._needed and not self._find_head():
            return None
        if len(buffer) < self._needed:
            return None
        message = bytes(buffer[: self._needed])
        del buffer[: self._needed]
        self._needed = self._searched = 0
        return message

    def _find_head(self) -> bool:
        """Look for the end of the head, and for the length of the body in it."""
        buffer = self._buffer
        while self._begins():
            end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
            if (len(buffer) if end < 0 else end) > LONGEST_HEAD:
                self.broken = "head_too_long"
                return False
            if end < 0:
                self._searched = len(buffer)
                return False
            if self._is_message(end):
                self._measure(end)
                return True
            self.skipped += end + 4
            del buffer[: end + 4]
            self._searched = 0
        return False

    def _begins(self) -> bool:
        """Take pings and stray line ends off the front; False where nothing is left, or perhaps half a ping."""
        buffer = self._buffer
        while buffer and buffer[0] in PING:
            if self._is_asking and buffer.startswith(PONG):
                self._is_asking = False
                self.pongs += 1
                del buffer[: len(PONG)]
            elif buffer.startswith(PING):
                self.pings += 1
                del buffer[: len(PING)]
            elif PING.startswith(buffer):
                return False
            else:
                del buffer[:1]
        return bool(buffer)

    def _is_message(self, end: int) -> bool:
        """Whether the first line looks like a start line; else it is the tail of a body that nobody announced."""
        buffer = self._buffer
        line_end = buffer.find(b"\r\n", 0, end + 2)
        line = bytes(buffer[:line_end]).upper()
        return line.startswith(b"SIP/") or b" SIP/" in line

    def _measure(self, end: int) -> None:
        """Where the length cannot be had or borne, the head goes out alone, so that it can be answered."""
        self._needed = end + 4
        try:
            length = _content_length(bytes(self._buffer[:end]))
        except ParseError:
            self.broken = "content_length"
            return
        if length > LONGEST_BODY:
            self.broken = "body_too_long"
        else:
            self._needed += length


def _content_length(head: bytes) -> int:
    """The announced length; 0 where there is none. Raises `ParseError`."""
    found: set[bytes] = set()
    for line in head.split(b"\r\n"):
        if line[:1] in (b"L", b"l", b"C", b"c"):
            name, colon, value = line.partition(b":")
            if colon and name.strip().lower() in _LENGTH_NAMES:
                found.add(value.strip())
    if len(found) > 1:
        raise ParseError("several Content-Length headers that differ")
    return parse_number(found.pop().decode("ascii", "replace"), "Content-Length", HIGHEST_CONTENT_LENGTH) if found else 0
