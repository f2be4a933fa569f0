"""SIP over WebSocket, the server's side (RFC 7118): one SIP message a WebSocket message, text or binary. Sans-IO.

The frames are those of the ``websockets`` library. Here is what SIP adds: the subprotocol ``sip``, which Origins and which path are
taken, the bound of a message, and CRLF keep-alives, which browsers send as messages for want of WebSocket pings.
"""

import logging
from dataclasses import dataclass
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from sip.transport.framing import PING, PONG

SUBPROTOCOL: Final = Subprotocol("sip")
_GOING_AWAY: Final = 1001
_TOO_BIG: Final = 1009
_UNHEARD: Final = logging.Logger("sip.transport.websocket", logging.CRITICAL + 1)
"""The library would log each connection; we count."""


@dataclass(frozen=True, slots=True)
class WebSocketSettings:
    """What a browser may ask for."""

    path: str = ""
    """Path of the handshake's request; empty: any."""
    origins: tuple[str, ...] = ()
    """Taken values of Origin, such as ``https://phone.example.com``; empty: any, and none."""
    longest_message: int = 65_536
    """Octets of one message, all its frames together."""


class WebSocketFraming:
    """One browser's connection. What is held is bounded by the longest message, and the handshake by the library."""

    def __init__(self, settings: WebSocketSettings) -> None:
        self._settings = settings
        origins = [Origin(origin) for origin in settings.origins] or None
        self._protocol = ServerProtocol(origins=origins, subprotocols=[SUBPROTOCOL], max_size=settings.longest_message, logger=_UNHEARD)
        self._parts: list[bytes] = []
        self.broken = ""
        self.pings = 0
        self.pongs = 0
        self.skipped = 0

    @property
    def is_ready(self) -> bool:
        """Whether the handshake is done, and no farewell was said."""
        return self._protocol.state is State.OPEN

    @property
    def is_waiting(self) -> bool:
        """Whether a fragmented message is not complete."""
        return bool(self._parts)

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read; the messages that it completes. After `broken` is set everything is ignored."""
        if self.broken:
            return []
        self._protocol.receive_data(data)
        messages: list[bytes] = []
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame) and (message := self._message(event)):
                messages.append(message)
        if not self.broken and self._protocol.close_expected():
            self.broken = self._why_closed()
        return messages

    def frame(self, message: bytes) -> bytes:
        """One frame: text where it is UTF-8, as a SIP message is but for strange bodies (RFC 7118 §5)."""
        if _is_utf8(message):
            self._protocol.send_text(message)
        else:
            self._protocol.send_binary(message)
        return self.replies()

    def ping(self) -> bytes:
        """A WebSocket ping: browsers answer it by themselves."""
        self._protocol.send_ping(b"")
        return self.replies()

    def replies(self) -> bytes:
        """Handshakes, pongs and farewells."""
        if self.is_ready:
            for _ in range(self.pings):
                self._protocol.send_text(PONG)
        self.pings = 0
        return b"".join(self._protocol.data_to_send())

    def farewell(self) -> bytes:
        """A close frame: going away."""
        if self.is_ready:
            self._protocol.send_close(_GOING_AWAY)
        return self.replies()

    def _shake_hands(self, request: Request) -> None:
        response = self._response(request)
        if not self._protocol.eof_sent:  # nonsense right behind the request: the library has hung up already
            self._protocol.send_response(response)

    def _response(self, request: Request) -> Response:
        """101, or why not."""
        path = request.path.partition("?")[0]
        if self._settings.path and path != self._settings.path:
            return self._protocol.reject(404, f"SIP over WebSocket is at {self._settings.path}.\n")
        return self._protocol.accept(request)

    def _message(self, frame: Frame) -> bytes:
        """The message that a frame completes; empty: none, or a keep-alive."""
        if frame.opcode is Opcode.PONG:
            self.pongs += 1
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return b""
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return b""
        message = b"".join(self._parts)
        self._parts.clear()
        if message.strip(b"\r\n"):
            return message
        self.pings += message == PING
        return b""

    def _why_closed(self) -> str:
        protocol = self._protocol
        if protocol.handshake_exc is not None or protocol.state is State.CONNECTING:
            return "handshake"
        if protocol.close_rcvd is not None:
            return "closed"
        is_too_big = protocol.close_sent is not None and protocol.close_sent.code == _TOO_BIG
        return "message_too_big" if is_too_big else "frames"


def _is_utf8(message: bytes) -> bool:
    if message.isascii():
        return True
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True
