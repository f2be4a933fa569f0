"""Crypto suites by their names in descriptions (RFC 4568 §6.2, RFC 6188 §6, RFC 7714 §14), and what each adds to a packet."""

from dataclasses import dataclass
from typing import Final

KEY_BYTES: Final = 46
"""Longest master key with its salt."""
LONGEST_TAG: Final = 16


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite."""

    name: str
    key_bytes: int
    """Master key and salt, one after the other."""
    tag: int
    """Bytes that it adds to an RTP packet."""
    report_tag: int
    """Bytes that it adds to an RTCP packet, beside the four of its index."""
    index_is_last: bool
    """Where an RTCP packet has its index: behind the tag (RFC 7714 §9.2), else before it (RFC 3711 §3.4)."""
    packets: str
    """What sets libsrtp's policy for RTP …"""
    reports: str
    """… and for RTCP, which keeps the long tag where RTP has the short one (RFC 4568 §6.2.2)."""


_LONG: Final = "srtp_crypto_policy_set_rtp_default"
_LONG_256: Final = "srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80"
_GCM: Final = "srtp_crypto_policy_set_aes_gcm_128_16_auth"
_GCM_256: Final = "srtp_crypto_policy_set_aes_gcm_256_16_auth"

SUITES: Final = (
    Suite("AES_CM_128_HMAC_SHA1_80", 30, 10, 10, False, _LONG, _LONG),
    Suite("AES_CM_128_HMAC_SHA1_32", 30, 4, 10, False, "srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32", _LONG),
    Suite("AEAD_AES_128_GCM", 28, 16, 16, True, _GCM, _GCM),
    Suite("AEAD_AES_256_GCM", 44, 16, 16, True, _GCM_256, _GCM_256),
    Suite("AES_256_CM_HMAC_SHA1_80", 46, 10, 10, False, _LONG_256, _LONG_256),
    Suite("AES_256_CM_HMAC_SHA1_32", 46, 4, 10, False, "srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32", _LONG_256),
)
"""All that we have."""
NUMBERS: Final = {suite.name: number for number, suite in enumerate(SUITES, start=1)}
"""The number that stands for a suite in arrays; 0 is no security."""
