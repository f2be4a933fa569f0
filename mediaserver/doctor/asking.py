"""STUN and TURN from the asking side (RFC 8489, RFC 8656): requests written, answers read. Sans-IO.

A TURN server answers the first request for an allocation with 401, its realm and a nonce; the second one carries name, realm, nonce and
a signature under MD5(name:realm:password). A wrong password is another 401.
"""

import ipaddress
from dataclasses import dataclass
from hashlib import md5
from typing import Final

from mediaserver.signalling.browser.stun import BINDING_REQUEST, COOKIE, StunError, attributes, signed, unsigned, written
from rtp.latch import Address

ALLOCATE_REQUEST: Final = 0x0003
REFRESH_REQUEST: Final = 0x0004
UNAUTHORIZED: Final = 401
STALE_NONCE: Final = 438
_HEADER: Final = 20
_SUCCESS: Final = 0x0100
_ANSWER: Final = 0x0110
"""The bits of a message's type that say what kind of answer it is: success, or both for an error."""
_USERNAME: Final = 0x0006
_ERROR_CODE: Final = 0x0009
_LIFETIME: Final = 0x000D
_REALM: Final = 0x0014
_NONCE: Final = 0x0015
_RELAYED: Final = 0x0016
_TRANSPORT: Final = 0x0019
_MAPPED: Final = 0x0020
_UDP: Final = bytes((17, 0, 0, 0))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    code: int = 0
    """0: it was done; else as in HTTP."""
    text: str = ""
    mapped: Address | None = None
    """Whence it saw us."""
    relayed: Address | None = None
    """What it lends us."""
    realm: bytes = b""
    nonce: bytes = b""


@dataclass(frozen=True, slots=True)
class Credential:
    """Name and password, as a server that said its realm and a nonce wants them."""

    user: str
    password: str
    realm: bytes
    nonce: bytes

    def sign(self, kind: int, transaction: bytes, body: bytes) -> bytes:
        """A message by him."""
        said = written(_USERNAME, self.user.encode()) + written(_REALM, self.realm) + written(_NONCE, self.nonce)
        key = md5(b":".join((self.user.encode(), self.realm, self.password.encode())), usedforsecurity=False).digest()
        return signed(kind, transaction, body + said, key)


def binding(transaction: bytes) -> bytes:
    """Where do you see me?"""
    return unsigned(BINDING_REQUEST, transaction, b"")


def allocation(transaction: bytes, credential: Credential | None = None) -> bytes:
    """Lend me an address. Without a credential: what do you want to know of me?"""
    body = written(_TRANSPORT, _UDP)
    return unsigned(ALLOCATE_REQUEST, transaction, body) if credential is None else credential.sign(ALLOCATE_REQUEST, transaction, body)


def release(transaction: bytes, credential: Credential) -> bytes:
    """Take it back."""
    return credential.sign(REFRESH_REQUEST, transaction, written(_LIFETIME, bytes(4)))


def length_of(header: bytes) -> int:
    """Octets of the whole message that begins so. Raises `StunError`."""
    if len(header) < _HEADER or header[4:8] != COOKIE.to_bytes(4, "big") or header[0] & 0xC0:
        raise StunError("malformed")
    return _HEADER + int.from_bytes(header[2:4], "big")


def read_answer(data: bytes, transaction: bytes) -> Answer | None:
    """The answer to this transaction; None where it is another's. Raises `StunError`."""
    if length_of(data) != len(data):
        raise StunError("malformed")
    kind = int.from_bytes(data[:2], "big")
    if data[8:_HEADER] != transaction or not kind & _SUCCESS:
        return None
    found = {number: value for _, number, value in attributes(data)}
    code, text = 0, ""
    if kind & _ANSWER == _ANSWER:
        error = found.get(_ERROR_CODE, bytes(4))
        code, text = (error[2] & 7) * 100 + error[3] if len(error) >= 4 else 500, error[4:].decode("utf-8", "replace")
    mapped, relayed = (_address(found.get(number, b""), transaction) for number in (_MAPPED, _RELAYED))
    return Answer(code, text, mapped, relayed, found.get(_REALM, b""), found.get(_NONCE, b""))


def _address(value: bytes, transaction: bytes) -> Address | None:
    """An address that is masked by the cookie and the transaction."""
    if len(value) not in (8, 20):
        return None
    mask = COOKIE.to_bytes(4, "big") + transaction
    host = ipaddress.ip_address(bytes(one ^ other for one, other in zip(value[4:], mask, strict=False)))
    return str(host), int.from_bytes(value[2:4], "big") ^ (COOKIE >> 16)
