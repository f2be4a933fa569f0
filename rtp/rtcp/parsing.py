"""Datagrams to RTCP packets. What is not well formed all through is refused whole, with the reason (RFC 3550 appendix A.2).

Reduced-size packets (RFC 5506) are taken: a compound may begin with any RTCP packet. Types that we do not know are read over.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from struct import Struct
from typing import Final

from rtp.rtcp.packets import (
    EXTENDED_REPORT,
    GOODBYE,
    RECEIVER_REPORT,
    SENDER_REPORT,
    SOURCE_DESCRIPTION,
    DelaySinceReference,
    ExtendedBlock,
    ExtendedReport,
    Goodbye,
    Packet,
    ReceiverReferenceTime,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    VoipMetrics,
)

FIRST_TYPE: Final = 192
LAST_TYPE: Final = 223
"""Packet types that RTCP may have beside RTP on one port (RFC 5761 §4)."""
CNAME: Final = 1
REFERENCE_TIME: Final = 4
DELAY_SINCE_REFERENCE: Final = 5
VOIP_METRICS: Final = 7

WORD: Final = Struct(">I")
SENDER: Final = Struct(">IQIII")
BLOCK: Final = Struct(">IIIIII")
REFERENCE: Final = Struct(">Q")
DELAY: Final = Struct(">III")
METRICS: Final = Struct(">IBBBBHHHHbbBBBBBBBxHHH")
_HEADER: Final = Struct(">BBH")
_BLOCK_HEADER: Final = Struct(">BxH")
_PADDED: Final = 0x20


class Reason(StrEnum):
    """Why a datagram is no RTCP; the counters bear these names."""

    SIZE = "size"
    """Empty, or no whole number of words."""
    VERSION = "version"
    TYPE = "type"
    """A packet type that RTCP does not have."""
    PADDING = "padding"
    """Elsewhere than at the end, or more than there is."""
    LENGTH = "length"
    """A packet that is longer than what came, or shorter than what it counts."""
    CONTENT = "content"
    """Items or blocks that do not add up."""


class Malformed(Exception):
    """A datagram that is no RTCP compound."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"not RTCP: {reason}")
        self.reason = reason


def parse(datagram: bytes) -> list[Packet]:
    """The packets of a compound, in their order; `Malformed` where any of it is wrong."""
    if not datagram or len(datagram) % 4:
        raise Malformed(Reason.SIZE)
    return [packet for kind, count, body in _split(datagram) for packet in _read(kind, count, body)]


def _split(datagram: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Packet type, count and body of each packet."""
    start, end = 0, len(datagram)
    while start < end:
        first, kind, words = _HEADER.unpack_from(datagram, start)
        after = start + 4 + 4 * words
        if first >> 6 != 2:
            raise Malformed(Reason.VERSION)
        if not FIRST_TYPE <= kind <= LAST_TYPE:
            raise Malformed(Reason.TYPE)
        if after > end:
            raise Malformed(Reason.LENGTH)
        body = datagram[start + 4 : after]
        yield kind, first & 0x1F, _without_padding(body, is_last=after == end) if first & _PADDED else body
        start = after


def _without_padding(body: bytes, *, is_last: bool) -> bytes:
    padding = body[-1] if body else 0
    if not is_last or not padding or padding % 4 or padding > len(body):
        raise Malformed(Reason.PADDING)
    return body[:-padding]


def _read(kind: int, count: int, body: bytes) -> Iterator[Packet]:
    reader = _READERS.get(kind)
    if reader is not None:
        yield reader(count, body)


def _demand(*, fits: bool) -> None:
    if not fits:
        raise Malformed(Reason.LENGTH)


def _blocks(count: int, body: bytes, start: int) -> tuple[ReportBlock, ...]:
    """Report blocks; what a profile adds behind them is read over."""
    _demand(fits=len(body) >= start + count * BLOCK.size)
    blocks = []
    for offset in range(start, start + count * BLOCK.size, BLOCK.size):
        ssrc, losses, highest, jitter, last_report, delay = BLOCK.unpack_from(body, offset)
        lost = losses & 0xFF_FFFF
        blocks.append(ReportBlock(ssrc, losses >> 24, lost - (lost >> 23 << 24), highest, jitter, last_report, delay))
    return tuple(blocks)


def _sender_report(count: int, body: bytes) -> SenderReport:
    _demand(fits=len(body) >= SENDER.size)
    ssrc, ntp, timestamp, packets, octets = SENDER.unpack_from(body)
    return SenderReport(ssrc, ntp, timestamp, packets, octets, _blocks(count, body, SENDER.size))


def _receiver_report(count: int, body: bytes) -> ReceiverReport:
    _demand(fits=len(body) >= WORD.size)
    return ReceiverReport(WORD.unpack_from(body)[0], _blocks(count, body, WORD.size))


def _source_description(count: int, body: bytes) -> SourceDescription:
    names, start = [], 0
    for _ in range(count):
        _demand(fits=len(body) >= start + 4)
        (ssrc,) = WORD.unpack_from(body, start)
        name, start = _items(body, start + 4)
        names.append((ssrc, name))
    return SourceDescription(tuple(names))


def _items(body: bytes, start: int) -> tuple[bytes, int]:
    """The canonical name among the items of a chunk, and where the next chunk begins."""
    name = b""
    while True:
        if start >= len(body):
            raise Malformed(Reason.CONTENT)
        if not body[start]:
            return name, (start // 4 + 1) * 4
        if start + 2 > len(body) or start + 2 + body[start + 1] > len(body):
            raise Malformed(Reason.CONTENT)
        value = body[start + 2 : start + 2 + body[start + 1]]
        name = name or value if body[start] == CNAME else name
        start += 2 + len(value)


def _goodbye(count: int, body: bytes) -> Goodbye:
    _demand(fits=len(body) >= 4 * count)
    ssrcs = tuple(WORD.unpack_from(body, 4 * index)[0] for index in range(count))
    rest = body[4 * count :]
    if rest and 1 + rest[0] > len(rest):
        raise Malformed(Reason.CONTENT)
    return Goodbye(ssrcs, rest[1 : 1 + rest[0]] if rest else b"")


def _extended_report(_: int, body: bytes) -> ExtendedReport:
    _demand(fits=len(body) >= WORD.size)
    blocks: list[ExtendedBlock] = []
    start = WORD.size
    while start < len(body):
        kind, words = _BLOCK_HEADER.unpack_from(body, start)
        start += 4
        if start + 4 * words > len(body):
            raise Malformed(Reason.CONTENT)
        blocks += _extended_blocks(kind, body[start : start + 4 * words])
        start += 4 * words
    return ExtendedReport(WORD.unpack_from(body)[0], tuple(blocks))


def _extended_blocks(kind: int, body: bytes) -> Iterator[ExtendedBlock]:
    if kind == REFERENCE_TIME and len(body) == REFERENCE.size:
        yield ReceiverReferenceTime(*REFERENCE.unpack(body))
    elif kind == DELAY_SINCE_REFERENCE and len(body) % DELAY.size == 0:
        for offset in range(0, len(body), DELAY.size):
            yield DelaySinceReference(*DELAY.unpack_from(body, offset))
    elif kind == VOIP_METRICS and len(body) == METRICS.size:
        yield VoipMetrics(*METRICS.unpack(body))
    elif kind in (REFERENCE_TIME, DELAY_SINCE_REFERENCE, VOIP_METRICS):
        raise Malformed(Reason.CONTENT)


_READERS: Final[dict[int, Callable[[int, bytes], Packet]]] = {
    SENDER_REPORT: _sender_report,
    RECEIVER_REPORT: _receiver_report,
    SOURCE_DESCRIPTION: _source_description,
    GOODBYE: _goodbye,
    EXTENDED_REPORT: _extended_report,
}
