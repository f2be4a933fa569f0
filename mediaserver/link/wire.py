"""The link's wire: frames of msgpack messages over a Unix SOCK_SEQPACKET pair, lent file descriptors beside them.

A frame is a msgpack list of messages; a message is ``[type name, request number, field, field, …]`` with the fields of the
dataclass of that name in their order. Commands carry the number that their reply names; messages upward carry 0.
Messages that lend (`lends`) own the frame's descriptors in their order.
A frame that cannot be read costs its descriptors and nothing else: they are closed before `LinkError` is raised.
"""

import errno
import os
import select
import socket
from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any, Final, cast, get_type_hints

import msgpack

from mediaserver.link.messages import (
    Admit,
    AdoptLegs,
    Applied,
    CloseLeg,
    CloseTap,
    Command,
    DatagramReceived,
    DigitReceived,
    Inherit,
    LegDoubted,
    LoadSound,
    MediaStarted,
    MoveLeg,
    OpenLeg,
    OpenReports,
    OpenTap,
    Ping,
    Play,
    ReceiveLeg,
    Refused,
    Released,
    ReleaseLeg,
    SetMedia,
    SetMode,
    SetMuted,
    SetVolumes,
    StopPlaying,
    Upward,
)

Message = Command | Upward

MAX_FRAME: Final = 60_000
"""Bytes of a frame; below what a Unix socket takes in one piece with default buffers."""
MAX_DESCRIPTORS: Final = 200
"""Descriptors of a frame (the kernel's limit is 253)."""

LENDING: Final[dict[type, int]] = {OpenLeg: 1, OpenReports: 1, OpenTap: 1, LoadSound: 1, Inherit: 1, ReceiveLeg: 3, Released: 2}
"""How many file descriptors a message owns; `AdoptLegs` owns one a leg."""

_TYPES: Final[dict[str, type[Message]]] = {
    kind.__name__: kind
    for kind in (
        OpenLeg,
        OpenReports,
        SetMedia,
        MoveLeg,
        Admit,
        SetMode,
        SetMuted,
        SetVolumes,
        LoadSound,
        Play,
        StopPlaying,
        CloseLeg,
        OpenTap,
        CloseTap,
        Ping,
        ReleaseLeg,
        ReceiveLeg,
        Released,
        Inherit,
        AdoptLegs,
        Applied,
        Refused,
        DigitReceived,
        MediaStarted,
        DatagramReceived,
        LegDoubted,
    )
}
_CUT_OFF: Final = int(socket.MSG_TRUNC) | int(socket.MSG_CTRUNC)
"""As a plain number, since this is asked of every frame and enumerations calculate slowly."""
_FIELDS: Final = {name: tuple(field.name for field in fields(kind)) for name, kind in _TYPES.items()}
_FIELD_TYPES: Final = {name: tuple(get_type_hints(kind)[field] for field in _FIELDS[name]) for name, kind in _TYPES.items()}


class LinkError(Exception):
    """A frame that is not what this version of the link speaks."""


class FrameTooLarge(LinkError):
    """Messages that must travel in one frame do not fit into one."""


def encode_frame(messages: Iterable[tuple[int, Message]]) -> bytes:
    """One frame of (request number, message) pairs; `FrameTooLarge` beyond `MAX_FRAME` bytes."""
    frame: bytes = msgpack.packb([_plain(request, message) for request, message in messages])
    if len(frame) > MAX_FRAME:
        raise FrameTooLarge(f"a frame of {len(frame)} bytes; at most {MAX_FRAME} travel together")
    return frame


def split_into_frames(messages: Iterable[tuple[int, Message]]) -> list[bytes]:
    """As many frames as these messages need, in order; for messages that need not take effect together."""
    frames: list[bytes] = []
    waiting: list[bytes] = []
    size = 0
    for request, message in messages:
        packed: bytes = msgpack.packb(_plain(request, message))
        if waiting and (size + len(packed) > MAX_FRAME - 8 or len(waiting) >= MAX_DESCRIPTORS):
            frames.append(_join(waiting))
            waiting, size = [], 0
        waiting.append(packed)
        size += len(packed)
    if waiting:
        frames.append(_join(waiting))
    return frames


def decode_frame(frame: bytes | memoryview) -> list[tuple[int, Message]]:
    """The (request number, message) pairs of a frame; `LinkError` says what is wrong with it."""
    try:
        items = msgpack.unpackb(frame)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise LinkError(f"not msgpack: {error!r}") from error
    if not isinstance(items, list):
        raise LinkError(f"a frame is a list of messages, not {type(items).__name__}")
    return [_typed(item) for item in items]


def lends(message: Message) -> int:
    """How many of its frame's descriptors this message owns."""
    if isinstance(message, AdoptLegs):
        return len(message.legs) // 8
    return LENDING.get(type(message), 0)


class LinkEnd:
    """One end of the link over a connected, non-blocking SOCK_SEQPACKET socket. Never blocks, never buffers.

    Who calls it keeps what could not be sent: `send` answers False when the other side does not read fast enough.
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._waiting = select.poll()
        self._waiting.register(end, select.POLLIN)

    def fileno(self) -> int:
        """The socket's descriptor, for an event loop."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def send(self, frame: bytes, descriptors: Sequence[int] = ()) -> bool:
        """Send one frame with what it lends; False where the socket is full, or too many descriptors are under way.

        `OSError` where the other end is gone.
        """
        try:
            if descriptors:
                socket.send_fds(self._socket, [frame], list(descriptors))
            else:
                self._socket.send(frame)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno == errno.ETOOMANYREFS:
                return False
            raise
        return True

    def receive(self) -> list[tuple[int, Message, tuple[int, ...]]] | None:
        """One frame as (request, message, its descriptors); None where nothing waits.

        `EOFError` where the other end closed, `LinkError` for a frame that cannot be read (its descriptors are closed).
        """
        if self._socket.fileno() >= 0 and not self._waiting.poll(0):
            return None  # nearly always, each turn: and to ask so is cheaper than to read nothing
        try:
            frame, descriptors, flags, _ = socket.recv_fds(self._socket, MAX_FRAME + 1, MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            raise EOFError("the link is closed") from None
        if not frame and not descriptors:
            raise EOFError("the link is closed")
        try:
            if flags & _CUT_OFF:
                raise LinkError("a frame arrived cut off")
            return _with_descriptors(decode_frame(frame), descriptors)
        except LinkError:
            for descriptor in descriptors:
                os.close(descriptor)
            raise


def link_pair() -> tuple[LinkEnd, socket.socket]:
    """A new link: our end, and the socket whose descriptor the worker inherits."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return LinkEnd(ours), theirs


def _with_descriptors(messages: list[tuple[int, Message]], descriptors: Sequence[int]) -> list[tuple[int, Message, tuple[int, ...]]]:
    counts = [lends(message) for _, message in messages]
    if sum(counts) != len(descriptors):
        raise LinkError(f"{len(descriptors)} descriptors came, the messages lend {sum(counts)}")
    lent = iter(descriptors)
    return [(request, message, tuple(islice(lent, count))) for (request, message), count in zip(messages, counts, strict=True)]


def _plain(request: int, message: Message) -> list[object]:
    name = type(message).__name__
    return [name, request, *[getattr(message, field) for field in _FIELDS[name]]]


def _typed(item: object) -> tuple[int, Message]:
    match item:
        case [str(name), int(request), *values] if name in _TYPES:
            pass
        case [str(name), *_]:
            raise LinkError(f"no message of the link: {name[:40]!r}")
        case _:
            raise LinkError("a message is [type name, request number, fields…]")
    wanted = _FIELD_TYPES[name]
    if len(values) != len(wanted):
        raise LinkError(f"{name} has {len(wanted)} fields, {len(values)} came")
    if tuple(map(type, values)) != wanted:
        _check(name, values)
    return request, cast("type[Any]", _TYPES[name])(*values)


def _check(name: str, values: Sequence[object]) -> None:
    """Raise `LinkError` where a field is of another type; a whole number may stand for a float."""
    for field, value, expected in zip(_FIELDS[name], values, _FIELD_TYPES[name], strict=True):
        if type(value) is not expected and not (expected is float and type(value) is int):
            raise LinkError(f"{name}.{field} is a {expected.__name__}, not {type(value).__name__}")


def _join(packed: Sequence[bytes]) -> bytes:
    header: bytes = msgpack.Packer().pack_array_header(len(packed))
    return header + b"".join(packed)
