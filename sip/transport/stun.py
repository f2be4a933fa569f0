"""STUN as a keep-alive (RFC 5626 §3.5.2, §8): Binding requests on the SIP port are answered with where they came from. Sans-IO.

Nothing else of STUN is spoken here: no credentials, no attributes but XOR-MAPPED-ADDRESS (RFC 5389 §15.2). An answer is about
twice as long as its request at most, so that it pays nobody to have us send it to somebody else.
"""

import ipaddress
import struct
from typing import Final

from sip.transport.flow import Address

COOKIE: Final = 0x2112A442
_HEADER: Final = struct.Struct("!HHI12s")
_BINDING_REQUEST: Final = 0x0001
_BINDING_SUCCESS: Final = 0x0101
_XOR_MAPPED_ADDRESS: Final = 0x0020
_FAMILIES: Final = {4: 1, 6: 2}


def is_stun(data: bytes) -> bool:
    """Whether a datagram is STUN: its first two bits are zero, as no SIP message's are (RFC 7983), and the cookie is in its place."""
    return len(data) >= _HEADER.size and data[0] < 4 and data[4:8] == COOKIE.to_bytes(4, "big")


def answer(data: bytes, remote: Address) -> bytes | None:
    """The success response to a Binding request from an address; None for what is none."""
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != _BINDING_REQUEST or length != len(data) - _HEADER.size or length % 4:
        return None
    address = ipaddress.ip_address(remote[0])
    mask = cookie.to_bytes(4, "big") + transaction
    host = bytes(one ^ other for one, other in zip(address.packed, mask, strict=False))
    value = struct.pack("!BBH", 0, _FAMILIES[address.version], remote[1] ^ (cookie >> 16)) + host
    attribute = struct.pack("!HH", _XOR_MAPPED_ADDRESS, len(value)) + value
    return _HEADER.pack(_BINDING_SUCCESS, len(attribute), cookie, transaction) + attribute
