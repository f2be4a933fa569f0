"""A trace as a pcap file of raw IP packets: every message as one UDP datagram, whatever it travelled over, so that any reader shows it.

File format: draft-ietf-opsawg-pcap; link type 101 (LINKTYPE_RAW).
"""

import ipaddress
import struct
from collections.abc import Iterable
from typing import Final

from sip.transport.flow import Address

_HEADER: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)
_UDP: Final = 17
_HOPS: Final = 64
_LONGEST: Final = 65_000


def pcap_file(messages: Iterable[tuple[float, Address, Address, bytes]]) -> bytes:
    """The file of (seconds since 1970, source, destination, octets)."""
    return _HEADER + b"".join(_packet(*message) for message in messages)


def _packet(wall: float, source: Address, destination: Address, data: bytes) -> bytes:
    seconds, microseconds = divmod(round(wall * 1_000_000), 1_000_000)
    packet = _datagram(source, destination, data[:_LONGEST])
    return struct.pack("<IIII", seconds, microseconds, len(packet), len(packet)) + packet


def _datagram(source: Address, destination: Address, data: bytes) -> bytes:
    hosts = [ipaddress.ip_address(source[0]), ipaddress.ip_address(destination[0])]
    if hosts[0].version != hosts[1].version:
        hosts = [ipaddress.ip_address(f"::ffff:{host}") if host.version == 4 else host for host in hosts]
    addresses = hosts[0].packed + hosts[1].packed
    length = len(data) + 8
    ports = struct.pack("!HH", source[1], destination[1])
    checksum = _checksum(addresses + struct.pack("!II", length, _UDP) + ports + struct.pack("!HH", length, 0) + data) or 0xFFFF
    udp = ports + struct.pack("!HH", length, checksum) + data
    if hosts[0].version == 6:
        return struct.pack("!IHBB", 6 << 28, length, _UDP, _HOPS) + addresses + udp
    start = struct.pack("!BBHHHBB", 0x45, 0, 20 + length, 0, 0, _HOPS, _UDP)
    return start + struct.pack("!H", _checksum(start + b"\0\0" + addresses)) + addresses + udp


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
