"""How webhooks are signed, for us who send them and for those who get them; after standardwebhooks.com.

``webhook-signature`` is ``v1,`` and the base64 of HMAC-SHA256 over ``ID.TIMESTAMP.BODY``, with ``webhook-id`` and ``webhook-timestamp``
from the headers. Several signatures, one for each secret that is good at the moment, stand one after the other with spaces between.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

PREFIX: Final = "whsec_"
TOLERANCE: Final = 300.0
"""Seconds that a message's time may differ from ours."""


class Forged(Exception):
    """A message that is not from who it says, or too old; the text says why."""


def key_of(secret: str) -> bytes:
    """The key: base64 after ``whsec_``, or the text itself."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            raise ValueError(f"after {PREFIX} base64 is expected") from None
    return secret.encode()


def sign(secret: str, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove where a message comes from. message: its id; timestamp: seconds since 1970."""
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": _signature(secret, message, str(timestamp), body),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
    """The id of a message that is as it was sent; the same id again is the same message. Raises `Forged`."""
    found = {name.lower(): value for name, value in headers.items()}
    try:
        message, timestamp, signatures = (found[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        age = abs(now - int(timestamp))
    except (KeyError, ValueError):
        raise Forged("a header is missing or no number: webhook-id, webhook-timestamp, webhook-signature") from None
    if age > TOLERANCE:
        raise Forged(f"{age:.0f} s between its time and ours, at most {TOLERANCE:.0f} are taken")
    expected = _signature(secret, message, timestamp, body)
    if not any(hmac.compare_digest(expected.encode(), offered.encode()) for offered in signatures.split(" ")):
        raise Forged("the signature does not fit")
    return message


def _signature(secret: str, message: str, timestamp: str, body: bytes) -> str:
    digest = hmac.digest(key_of(secret), b"%b.%b.%b" % (message.encode(), timestamp.encode(), body), hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
