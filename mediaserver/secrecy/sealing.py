"""Text sealed under the server's key: AES-256-GCM (NIST SP 800-38D), bound to what it is about.

A sealed text is ``aesgcm$`` + the key's id + ``$`` + nonce and ciphertext in base64. What it is about (whose, which realm, which hash) is
authenticated with it, so that it cannot be moved to another user's line.
"""

import base64
import binascii
import os
import re
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mediaserver.secrecy.key import FILE_VARIABLE, VARIABLE, Key, SecrecyError

_NONCE_BYTES: Final = 12
_SEALED: Final = re.compile(r"aesgcm\$([0-9a-f]{8})\$([A-Za-z0-9_-]+)")


def seal(key: Key, plain: str, about: str) -> str:
    """The text, sealed."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key.octets).encrypt(nonce, plain.encode(), about.encode())
    return f"aesgcm${key.id}${base64.urlsafe_b64encode(nonce + sealed).decode().rstrip('=')}"


def unseal(key: Key | None, sealed: str, about: str) -> str:
    """The text again. Raises `SecrecyError` for another key, a changed text, or one that is about something else."""
    match = _SEALED.fullmatch(sealed)
    if match is None:
        raise SecrecyError("is not a sealed text; `mediaserver user` makes one")
    if key is None:
        raise SecrecyError(f"needs the key {match[1]}: set {VARIABLE} or {FILE_VARIABLE}")
    if match[1] != key.id:
        raise SecrecyError(f"was sealed under the key {match[1]}, and the key here is {key.id}")
    try:
        octets = base64.b64decode(match[2] + "=" * (-len(match[2]) % 4), altchars=b"-_", validate=True)
        return AESGCM(key.octets).decrypt(octets[:_NONCE_BYTES], octets[_NONCE_BYTES:], about.encode()).decode()
    except (InvalidTag, binascii.Error, ValueError):
        raise SecrecyError("does not open: it was changed, or made for another user or realm; `mediaserver user` makes a new one") from None
