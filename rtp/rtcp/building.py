"""RTCP packets to datagrams: compounds as RFC 3550 §6.1 wants them, which is up to who calls (a report first, then a CNAME)."""

from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter
from struct import pack
from typing import Final, assert_never

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
from rtp.rtcp.parsing import (
    BLOCK,
    CNAME,
    DELAY,
    DELAY_SINCE_REFERENCE,
    METRICS,
    REFERENCE,
    REFERENCE_TIME,
    SENDER,
    VOIP_METRICS,
    WORD,
)

_METRICS_OF: Final = attrgetter(*[field.name for field in fields(VoipMetrics)])
LEAST_LOST: Final = -(1 << 23)
MOST_LOST: Final = (1 << 23) - 1
"""Bounds of the 24 bits for packets lost: who lost more says so many (§6.4.1)."""


def build(packets: Iterable[Packet]) -> bytes:
    """One datagram of these packets; each holds at most 31 blocks, names or SSRCs."""
    return b"".join(_packet(packet) for packet in packets)


def _packet(packet: Packet) -> bytes:
    match packet:
        case SenderReport():
            head = SENDER.pack(packet.ssrc, packet.ntp, packet.timestamp, packet.packets, packet.octets)
            return _framed(SENDER_REPORT, len(packet.blocks), head + _blocks(packet.blocks))
        case ReceiverReport():
            return _framed(RECEIVER_REPORT, len(packet.blocks), WORD.pack(packet.ssrc) + _blocks(packet.blocks))
        case SourceDescription():
            return _framed(SOURCE_DESCRIPTION, len(packet.names), b"".join(_chunk(ssrc, name) for ssrc, name in packet.names))
        case Goodbye():
            reason = bytes([len(packet.reason)]) + packet.reason if packet.reason else b""
            body = pack(f">{len(packet.ssrcs)}I", *packet.ssrcs) + reason
            return _framed(GOODBYE, len(packet.ssrcs), body + bytes(-len(body) % 4))
        case ExtendedReport():
            return _framed(EXTENDED_REPORT, 0, WORD.pack(packet.ssrc) + b"".join(map(_extended_block, packet.blocks)))
        case _:
            assert_never(packet)


def _framed(kind: int, count: int, body: bytes) -> bytes:
    return pack(">BBH", 0x80 | count, kind, len(body) // 4) + body


def _blocks(blocks: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(_block(block) for block in blocks)


def _block(block: ReportBlock) -> bytes:
    lost = min(max(block.lost, LEAST_LOST), MOST_LOST) & 0xFF_FFFF
    losses = (block.fraction_lost << 24) | lost
    return BLOCK.pack(block.ssrc, losses, block.highest, block.jitter, block.last_report, block.delay)


def _chunk(ssrc: int, name: bytes) -> bytes:
    """One SSRC with its CNAME; at least one null octet ends the items (§6.5)."""
    chunk = WORD.pack(ssrc) + (bytes([CNAME, len(name)]) + name if name else b"")
    return chunk + bytes(4 - len(chunk) % 4)


def _extended_block(block: ExtendedBlock) -> bytes:
    match block:
        case ReceiverReferenceTime():
            return pack(">BxH", REFERENCE_TIME, REFERENCE.size // 4) + REFERENCE.pack(block.ntp)
        case DelaySinceReference():
            return pack(">BxH", DELAY_SINCE_REFERENCE, DELAY.size // 4) + DELAY.pack(block.ssrc, block.last_reference, block.delay)
        case VoipMetrics():
            return pack(">BxH", VOIP_METRICS, METRICS.size // 4) + METRICS.pack(*_METRICS_OF(block))
        case _:
            assert_never(block)
