"""The two ways a message becomes bytes, one for each websocket subprotocol, and how an event is encoded once for all.

Text may hold what no Unicode text can (half a surrogate pair, left of bytes that were none); it goes out as ``?``, for a
client that cannot read one message could not go on.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgpack
import orjson

MAX_MESSAGE: Final = 65_536
"""Bytes that a client may send in one message."""


class Subprotocol(StrEnum):
    """What the websocket speaks; JSON goes in text frames, msgpack in binary ones."""

    JSON = "mediaserver.v1.json"
    MSGPACK = "mediaserver.v1.msgpack"


class Unreadable(ValueError):
    """Bytes that are not a message in the subprotocol; the text says why."""


def encode(message: dict[str, Any], subprotocol: Subprotocol) -> bytes:
    """A message as bytes."""
    return _dump(message) if subprotocol is Subprotocol.JSON else _pack(message)


def decode(data: bytes | str, subprotocol: Subprotocol) -> dict[str, Any]:
    """Bytes, or a text frame's text, as a message. Raises `Unreadable`."""
    try:
        if subprotocol is Subprotocol.JSON:
            message = json.loads(data)
        elif isinstance(data, str):
            raise Unreadable("text frame, but the subprotocol is msgpack: send binary frames")
        else:
            message = msgpack.unpackb(data)
    except Unreadable:
        raise
    except (ValueError, RecursionError, msgpack.UnpackException) as error:
        raise Unreadable(f"not {subprotocol.rpartition('.')[2]}: {error}"[:200]) from error
    if not isinstance(message, dict):
        raise Unreadable("a message is an object with a type")
    return message


def _dump(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate pair, or what is no JSON: the slower one tells which
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _pack(value: Any) -> bytes:
    try:
        packed: bytes = msgpack.packb(value)
    except UnicodeEncodeError:
        packed = msgpack.packb(value, unicode_errors="replace")
    return packed


@dataclass(slots=True)
class Encoded:
    """An event, which many clients get, encoded once a subprotocol; each stream puts its own number in.

    Thousands of them are kept. Packed is what somebody reads packed, the first time that one does.
    """

    json: bytes
    """The object without its opening brace."""
    _packed: tuple[bytes, bytes] | None = None
    """The map's header with the key of the number that comes first, and the entries without it."""

    @classmethod
    def of(cls, message: dict[str, Any]) -> "Encoded":
        """Encode a message, which must not be empty nor have a ``sequence``."""
        return cls(_dump(message)[1:])

    def numbered(self, sequence: int, subprotocol: Subprotocol) -> bytes:
        """The whole message with its ``sequence``."""
        if subprotocol is Subprotocol.JSON:
            return b'{"sequence":%d,%b' % (sequence, self.json)
        if self._packed is None:
            self._packed = _parts(json.loads(b"{" + self.json))
        return b"%b\xcf%b%b" % (self._packed[0], sequence.to_bytes(8), self._packed[1])


def _parts(message: dict[str, Any]) -> tuple[bytes, bytes]:
    packer = msgpack.Packer()
    entries = len(packer.pack_map_header(len(message)))
    head: bytes = packer.pack_map_header(len(message) + 1) + packer.pack("sequence")
    return head, _pack(message)[entries:]
