"""What travels between signalling and the tracer: msgpack objects, several a packet, over a Unix SOCK_SEQPACKET pair.

Downward go messages, ties (this SIP Call-ID is a leg of that call), calls (whose they are) and questions; upward go answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Final

import msgpack

from sip.transport.flow import Address

LARGEST_PACKET: Final = 60_000
"""Octets that a batch is filled up to; a single larger message travels alone."""
LARGEST_MESSAGE: Final = 66_000
"""Octets kept of one message."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A SIP message, as it was on the wire."""

    wall: float
    """Seconds since 1970."""
    is_sent: bool
    transport: str
    local: Address
    remote: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class Tied:
    """A SIP dialog is a leg of a call. One dialog may belong to two calls, one after the other."""

    sip_call_id: str
    call: str
    leg: int
    role: str


@dataclass(frozen=True, slots=True)
class CallKnown:
    """Whose a call is, as far as permission goes; the newest word counts."""

    call: str
    tenant: str
    agent: str
    team: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: what is known of a call, from a place on."""

    question: int
    call: str
    after: int
    """Place after which to go on; 0: from the start."""
    most: int
    """Messages in the answer at most."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer. Its messages are masked."""

    question: int
    subject: tuple[str, str, str] | None
    """Tenant, agent and team; None: no such call."""
    messages: tuple["Traced", ...]
    next_place: int
    is_complete: bool
    """Nothing more is known now."""


@dataclass(frozen=True, slots=True)
class Traced:
    """One message of a call's trace."""

    place: int
    """Rises from message to message."""
    wall: float
    is_sent: bool
    transport: str
    local: Address
    remote: Address
    sip_call_id: str
    leg: int
    role: str
    data: bytes


Record = Heard | Tied | CallKnown | Asked | Answered

_KINDS: Final[tuple[type[Record], ...]] = (Heard, Tied, CallKnown, Asked, Answered)
_CODES: Final = {kind: code for code, kind in enumerate(_KINDS)}
_FIELDS: Final = {kind: tuple(field.name for field in fields(kind)) for kind in (*_KINDS, Traced)}
_WIDTHS: Final = tuple(len(_FIELDS[kind]) for kind in _KINDS)


def encode(record: Record) -> bytes:
    """One record."""
    if type(record) is Heard:
        # By far the most frequent one, so without a detour.
        values: tuple[Any, ...] = (
            *(0, record.wall, record.is_sent, record.transport),
            *(record.local, record.remote, record.data[:LARGEST_MESSAGE]),
        )
    else:
        values = (_CODES[type(record)], *_values(record))
    packed: bytes = _PACKER.pack(values)
    return packed


def _values(record: Record | Traced) -> list[Any]:
    return [getattr(record, name) for name in _FIELDS[type(record)]]


_PACKER: Final = msgpack.Packer(default=_values)
"""Made once: it is used for each message on the wire."""


def decode(packet: bytes) -> Iterable[Record]:
    """The records of a packet. Raises `ValueError` for what is none."""
    unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=len(packet) + 1)
    unpacker.feed(packet)
    for code, *values in unpacker:
        if not isinstance(code, int) or not 0 <= code < len(_KINDS) or len(values) != _WIDTHS[code]:
            raise ValueError("a packet of another version")
        if _KINDS[code] is Answered:
            values[2] = tuple(Traced(*traced) for traced in values[2])
        yield _KINDS[code](*values)
