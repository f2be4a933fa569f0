"""The certificate of this process's DTLS handshakes: self-signed, made at start, told to every peer by its hash (RFC 5763 §3)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sip.negotiated import Fingerprint

LIFETIME = timedelta(days=3650)
"""Longer than any process: nothing about it is trusted but its hash."""
_NAME = "mediaserver"
_CLOCKS_DIFFER_BY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key."""

    certificate: bytes = field(repr=False)
    """DER."""
    key: bytes = field(repr=False)
    """DER, PKCS #8, not encrypted: it never leaves the process and its workers."""
    fingerprint: Fingerprint


def make_certificate() -> Certificate:
    """A fresh P-256 key, and a certificate that names nobody."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER_BY)
        .not_valid_after(now + LIFETIME)
        .sign(key, SHA256())
    )
    return Certificate(
        certificate.public_bytes(Encoding.DER),
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        Fingerprint("sha-256", certificate.fingerprint(SHA256())),
    )
