"""SRTP of a phone: keys as descriptions carry them (RFC 4568), sessions by pylibsrtp's binding, not as the server calls the library."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from pylibsrtp import Policy, Session

_PROFILES: Final = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}
"""pylibsrtp's name of each suite, and the bytes of its master key and salt."""
SUITES: Final = tuple(_PROFILES)
"""Crypto suites that the bench's phones have."""
PLAIN: Final = "none"
"""What stands for plain RTP where suites are listed."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One ``a=crypto`` line."""

    tag: int
    suite: str
    key: bytes = field(repr=False)
    """Master key and salt."""

    @classmethod
    def draw(cls, suite: str) -> "Crypto":
        """A line with a key of its own."""
        return cls(1, suite, secrets.token_bytes(_PROFILES[suite][1]))

    def encode(self) -> str:
        """As the attribute's value."""
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"

    @classmethod
    def parse(cls, value: str) -> "Crypto | None":
        """The line of an attribute's value; None where its suite is none of ours."""
        tag, suite, keys = value.split()[:3]
        if suite not in _PROFILES:
            return None
        return cls(int(tag), suite, base64.b64decode(keys.removeprefix("inline:").partition("|")[0]))


@dataclass(frozen=True, slots=True)
class Keys:
    """What a phone agreed on: one suite, and the master key of each direction."""

    suite: str
    sent: bytes = field(repr=False)
    received: bytes = field(repr=False)

    @classmethod
    def draw(cls, suite: str) -> "Keys":
        """Keys of their own, without a description."""
        return cls(suite, Crypto.draw(suite).key, Crypto.draw(suite).key)

    def closing(self) -> Callable[[bytes], bytes]:
        """Closes RTP packets, one after the other; raises `pylibsrtp.Error`."""
        return self._session(self.sent, Policy.SSRC_ANY_OUTBOUND).protect

    def opening(self) -> Callable[[bytes], bytes]:
        """Opens them; raises `pylibsrtp.Error` for what is forged, plain, or comes again."""
        return self._session(self.received, Policy.SSRC_ANY_INBOUND).unprotect

    def _session(self, key: bytes, whose: int) -> Session:
        return Session(Policy(key=key, ssrc_type=whose, srtp_profile=_PROFILES[self.suite][0]))


def told_to_worker(keys: Keys | None) -> dict[str, Any]:
    """What a worker's `SetMedia` says of a phone's keys: it closes what the phone opens."""
    return {} if keys is None else {"srtp_suite": keys.suite, "srtp_send_key": keys.received, "srtp_receive_key": keys.sent}
