"""The way out of a websocket: whole frames straight into its transport, several at once, while it takes them.

By the framework each frame goes through five calls, a copy as text and a task that has to be woken; ten thousand frames a second
would be most of a core. What comes in, and how a connection begins and ends, stays with uvicorn and `websockets`.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.protocol import State

OUTLET: Final = "mediaserver.outlet"
"""Under which a connection's scope has it, among the extensions."""
AT_ONCE: Final = 32_768
"""Bytes after which other clients have their turn, and the transport is asked whether it has room."""
_TEXT, _BINARY = 0x81, 0x82
"""First byte of a frame that is a whole message (RFC 6455 §5.2)."""


class Outlet:
    """One connection's way out."""

    def __init__(self, protocol: "ControlProtocol") -> None:
        self.on_change: Callable[[], None] = lambda: None
        """Called when there is room again, and when the connection is gone."""
        self._protocol = protocol

    @property
    def is_open(self) -> bool:
        """Whether frames can still be sent: after the handshake, before either side closed."""
        protocol = self._protocol
        return (
            protocol.handshake_complete
            and not protocol.close_sent
            and not protocol.disconnected
            and protocol.conn.state is State.OPEN
            and not protocol.transport.is_closing()
        )

    @property
    def has_room(self) -> bool:
        """Whether the transport has sent most of what it was given."""
        return self._protocol.writable.is_set()

    def send(self, messages: Iterable[bytes], *, is_text: bool) -> None:
        """Send messages, each a frame. Only while it is open."""
        first = _TEXT if is_text else _BINARY
        self._protocol.transport.write(b"".join([part for message in messages for part in (_header(first, len(message)), message)]))


class ControlProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket, with an outlet for whoever serves it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.outlet = Outlet(self)
        self.on_lost: Callable[[], None] = lambda: None
        """Called when the connection is gone."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.close_sent:
            self._refuse_handshake()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][OUTLET] = self.outlet  # type: ignore[assignment]

    def shutdown(self) -> None:
        try:
            super().shutdown()
        except InvalidState:  # its client closes at this moment, which uvicorn does not expect
            self.transport.close()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.outlet.on_change()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.outlet.on_change()
        self.on_lost()

    def _refuse_handshake(self) -> None:
        """Say why a handshake cannot be read: uvicorn keeps what the parser has to say of one that is too large or makes no sense."""
        answer = b"".join(self.conn.data_to_send()) or self.conn.reject(400, f"{self.conn.handshake_exc}\n").serialize()
        self.close_sent = True
        self.transport.write(answer)
        self.transport.close()


class Pump:
    """Sends what there is whenever there is something and room for it. It is no task: a client that waits costs nothing."""

    def __init__(self, outlet: Outlet, *, is_text: bool) -> None:
        self.next_frame: Callable[[], bytes | None] = lambda: None
        """Gives what is to be sent; None: nothing."""
        self.on_look: Callable[[], None] = lambda: None
        """Called after each look, for whoever waits until the client has read something."""
        self._outlet = outlet
        self._is_text = is_text
        self._loop = asyncio.get_running_loop()
        self._is_due = False
        outlet.on_change = self.wake

    def wake(self) -> None:
        """There may be something to be sent: it is, when whoever tells of it is done."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._is_due = False
        try:
            if self._outlet.is_open and self._outlet.has_room:
                self._send()
        finally:
            self.on_look()

    def _send(self) -> None:
        frames: list[bytes] = []
        size = 0
        while size < AT_ONCE and (frame := self.next_frame()) is not None:
            frames.append(frame)
            size += len(frame)
        if frames:
            self._outlet.send(frames, is_text=self._is_text)
        if size >= AT_ONCE:
            self.wake()


def _header(first: int, length: int) -> bytes:
    """A frame's header, unmasked as a server's are (RFC 6455 §5.2)."""
    if length < 126:
        return bytes((first, length))
    return bytes((first, 126)) + length.to_bytes(2) if length < 65_536 else bytes((first, 127)) + length.to_bytes(8)
