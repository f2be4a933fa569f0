"""HEP version 3, as Homer takes it: a SIP message in chunks of vendor, type and length (HEP3 network protocol specification, 2014)."""

import ipaddress
import struct
from typing import Final

from mediaserver.tracing.records import Heard

_GENERIC: Final = 0
_SIP: Final = 1
_UDP, _TCP = 17, 6
_LARGEST: Final = 60_000


def encode_hep(heard: Heard, data: bytes, *, capture_id: int, key: str) -> bytes:
    """One HEP packet; ``data`` is the masked message, ``key`` Homer's password (empty: none)."""
    source, destination = (heard.local, heard.remote) if heard.is_sent else (heard.remote, heard.local)
    seconds, microseconds = divmod(round(heard.wall * 1_000_000), 1_000_000)
    is_6 = ":" in source[0] or ":" in destination[0]
    chunks = [
        _chunk(0x01, struct.pack("!B", 10 if is_6 else 2)),
        _chunk(0x02, struct.pack("!B", _UDP if heard.transport == "udp" else _TCP)),
        _chunk(0x05 if is_6 else 0x03, _address(source[0], is_6=is_6)),
        _chunk(0x06 if is_6 else 0x04, _address(destination[0], is_6=is_6)),
        _chunk(0x07, struct.pack("!H", source[1])),
        _chunk(0x08, struct.pack("!H", destination[1])),
        _chunk(0x09, struct.pack("!I", seconds)),
        _chunk(0x0A, struct.pack("!I", microseconds)),
        _chunk(0x0B, struct.pack("!B", _SIP)),
        _chunk(0x0C, struct.pack("!I", capture_id)),
        *([_chunk(0x0E, key.encode())] if key else []),
        _chunk(0x0F, data[:_LARGEST]),
    ]
    body = b"".join(chunks)
    return b"HEP3" + struct.pack("!H", len(body) + 6) + body


def _chunk(kind: int, value: bytes) -> bytes:
    return struct.pack("!HHH", _GENERIC, kind, len(value) + 6) + value


def _address(host: str, *, is_6: bool) -> bytes:
    address = ipaddress.ip_address(host)
    if is_6 and address.version == 4:
        return ipaddress.ip_address(f"::ffff:{address}").packed
    return address.packed
