"""STUN with short-term credentials, as the lite side of ICE needs it (RFC 8489, RFC 8445 §7.3): requests read, answers written. Sans-IO."""

import hmac
import ipaddress
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha1
from typing import Final

from rtp.latch import Address

COOKIE: Final = 0x2112A442
BINDING_REQUEST: Final = 0x0001
BINDING_SUCCESS: Final = 0x0101
BINDING_ERROR: Final = 0x0111
ROLE_CONFLICT: Final = 487

_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_USERNAME: Final = 0x0006
_MESSAGE_INTEGRITY: Final = 0x0008
_ERROR_CODE: Final = 0x0009
_XOR_MAPPED_ADDRESS: Final = 0x0020
_PRIORITY: Final = 0x0024
_USE_CANDIDATE: Final = 0x0025
_FINGERPRINT: Final = 0x8028
_ICE_CONTROLLED: Final = 0x8029
_FINGERPRINT_MASK: Final = 0x5354554E
_DIGEST: Final = 20
_FAMILIES: Final = {4: 1, 6: 2}


class StunError(ValueError):
    """A datagram that is no Binding request of ICE, or is not signed with the password."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """``malformed``, ``no_request``, ``user`` or ``integrity``; the label of a counter."""


@dataclass(frozen=True, slots=True)
class Check:
    """A Binding request that was proved genuine."""

    transaction: bytes
    priority: int
    nominates: bool
    """The other side chose this pair of addresses."""
    is_controlled: bool
    """The other side leaves the choice to us, who make none."""


def read_check(data: bytes, user: str, password: str) -> Check:
    """Read a Binding request to us. Raises `StunError`. user: ``ours:theirs``, with the two ufrags."""
    if len(data) < _HEADER.size:
        raise StunError("malformed")
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if cookie != COOKIE or length % 4 or length != len(data) - _HEADER.size:
        raise StunError("malformed")
    if kind != BINDING_REQUEST:
        raise StunError("no_request")
    found: dict[int, bytes] = {}
    for place, number, value in attributes(data):
        if number == _MESSAGE_INTEGRITY:
            if found.get(_USERNAME) != user.encode():
                raise StunError("user")
            if not hmac.compare_digest(_digest(data[:place], password.encode()), value):
                raise StunError("integrity")
            return _check(transaction, found)
        found.setdefault(number, value)
    raise StunError("integrity")


def success(check: Check, source: Address, password: str) -> bytes:
    """Our answer to a check that came from an address."""
    address = ipaddress.ip_address(source[0])
    mask = COOKIE.to_bytes(4, "big") + check.transaction
    host = bytes(one ^ other for one, other in zip(address.packed, mask, strict=False))
    mapped = struct.pack("!BBH", 0, _FAMILIES[address.version], source[1] ^ (COOKIE >> 16)) + host
    return signed(BINDING_SUCCESS, check.transaction, written(_XOR_MAPPED_ADDRESS, mapped), password.encode())


def role_conflict(check: Check, password: str) -> bytes:
    """Our answer to who would have us choose (RFC 8445 §7.3.1.1): he takes the other role and asks again."""
    code = struct.pack("!HBB", 0, ROLE_CONFLICT // 100, ROLE_CONFLICT % 100) + b"Role Conflict"
    return signed(BINDING_ERROR, check.transaction, written(_ERROR_CODE, code), password.encode())


def _check(transaction: bytes, found: dict[int, bytes]) -> Check:
    priority = int.from_bytes(found.get(_PRIORITY, b"")[:4], "big")
    return Check(transaction, priority, _USE_CANDIDATE in found, _ICE_CONTROLLED in found)


def attributes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Place, number and value of each attribute."""
    place = _HEADER.size
    while place < len(data):
        number, length = _ATTRIBUTE.unpack_from(data, place)
        begin = place + _ATTRIBUTE.size
        if begin + length > len(data):
            raise StunError("malformed")
        yield place, number, data[begin : begin + length]
        place = begin + length + -length % 4


def _digest(before: bytes, key: bytes) -> bytes:
    """HMAC over a message up to its integrity, with the length that it has once that is in it (RFC 8489 §14.5)."""
    length = len(before) - _HEADER.size + _ATTRIBUTE.size + _DIGEST
    return hmac.digest(key, before[:2] + length.to_bytes(2, "big") + before[4:], sha1)


def signed(kind: int, transaction: bytes, body: bytes, key: bytes) -> bytes:
    """A message with integrity and fingerprint behind its attributes."""
    before = unsigned(kind, transaction, body)
    whole = before + written(_MESSAGE_INTEGRITY, _digest(before, key))
    length = len(whole) - _HEADER.size + _ATTRIBUTE.size + 4
    whole = whole[:2] + length.to_bytes(2, "big") + whole[4:]
    return whole + written(_FINGERPRINT, (zlib.crc32(whole) ^ _FINGERPRINT_MASK).to_bytes(4, "big"))


def unsigned(kind: int, transaction: bytes, body: bytes) -> bytes:
    """A message with nothing but its attributes."""
    return _HEADER.pack(kind, len(body), COOKIE, transaction) + body


def written(number: int, value: bytes) -> bytes:
    """One attribute."""
    return _ATTRIBUTE.pack(number, len(value)) + value + bytes(-len(value) % 4)
