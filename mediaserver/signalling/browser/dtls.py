"""A DTLS handshake that gives the keys of SRTP (RFC 5764), by OpenSSL in memory: datagrams in, datagrams out.

Nothing of the other side's certificate is believed but that its hash is the one that was signalled (RFC 5763 §5).
"""

from dataclasses import dataclass, field
from typing import Final, cast

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509 import load_der_x509_certificate
from OpenSSL import SSL

from mediaserver.signalling.media.certificate import Certificate
from sip.negotiated import Dtls, Fingerprint, Sdes, Setup

LARGEST: Final = 1200
"""Bytes of a datagram of ours: they pass wherever IPv6 does."""
_RECORD_HEADER: Final = 13
_READ: Final = 65_536
_LABEL: Final = b"EXTRACTOR-dtls_srtp"
_HASHES: Final[dict[str, type[HashAlgorithm]]] = {"sha-256": SHA256, "sha-384": SHA384, "sha-512": SHA512}


@dataclass(frozen=True, slots=True)
class Profile:
    """A protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2)."""

    suite: str
    """As `rtp.srtp.suites` names it."""
    key: int
    salt: int


PROFILES: Final = {
    b"SRTP_AEAD_AES_128_GCM": Profile("AEAD_AES_128_GCM", 16, 12),
    b"SRTP_AEAD_AES_256_GCM": Profile("AEAD_AES_256_GCM", 32, 12),
    b"SRTP_AES128_CM_SHA1_80": Profile("AES_CM_128_HMAC_SHA1_80", 16, 14),
}
"""By OpenSSL's names, the best first: one that encrypts and proves in one pass costs half."""


class DtlsFailed(Exception):
    """The handshake came to nothing; the text says why."""


@dataclass(slots=True)
class DtlsContext:
    """What all handshakes of this process share."""

    certificate: Certificate
    context: SSL.Context = field(init=False, repr=False)

    def __post_init__(self) -> None:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_RENEGOTIATION)
        context.use_certificate(load_der_x509_certificate(self.certificate.certificate))
        context.use_privatekey(cast(EllipticCurvePrivateKey, load_der_private_key(self.certificate.key, None)))
        # whoever shows a certificate at all goes on; which one it must be is asked when the handshake is done
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.set_tlsext_use_srtp(b":".join(PROFILES))
        self.context = context


class Handshake:
    """One side of one association, from the first flight to its end. After each call: send what `flights` gives."""

    def __init__(self, shared: DtlsContext, agreed: Dtls) -> None:
        self.keys: Sdes | None = None
        """What the handshake came to."""
        self.is_closed = False
        """The other side said goodbye."""
        self._fingerprints = agreed.fingerprints
        self._is_client = agreed.setup is Setup.ACTIVE
        self._connection = SSL.Connection(shared.context, None)
        self._connection.set_ciphertext_mtu(LARGEST)
        if self._is_client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()
        self._has_begun = False
        self._last_flight: list[bytes] = []
        self._is_repeated = False

    @property
    def begins(self) -> bool:
        """Whether the first flight is ours, and it was not made yet."""
        return self._is_client and not self._has_begun

    def begin(self) -> None:
        """Make the first flight, where it is ours."""
        if self.begins:
            self._shake()

    def receive(self, datagram: bytes) -> None:
        """Take a datagram. Raises `DtlsFailed`."""
        try:
            self._connection.bio_write(datagram)
        except SSL.Error as error:
            raise DtlsFailed(f"a datagram that cannot be taken: {error!r}") from error
        if self.keys is None:
            self._shake()
        else:
            self._listen()

    @property
    def awaits_answer(self) -> bool:
        """Whether our last flight may have been lost, and is to be repeated after a while."""
        return self.keys is None and bool(self._last_flight)

    def repeat(self) -> None:
        """Say the last flight again. Raises `DtlsFailed`.

        OpenSSL would not before a second has passed, and a first flight is often too early for the other side. The same records again
        are taken where they were lost, and dropped where they were not (RFC 6347 §4.1.2.6).
        """
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise DtlsFailed("no answer to any repetition") from error
        self._is_repeated = True

    def goodbye(self) -> None:
        """Tell the other side that this is the end."""
        if self.keys is not None and not self.is_closed:
            try:
                self._connection.shutdown()
            except SSL.Error:
                return

    def flights(self) -> list[bytes]:
        """What is to be sent now: whole records, as many a datagram as fit."""
        is_repeated, self._is_repeated = self._is_repeated, False
        try:
            records = _records(self._connection.bio_read(_READ))
        except SSL.WantReadError:
            return self._last_flight if is_repeated else []
        datagrams: list[bytes] = []
        for record in records:
            if datagrams and len(datagrams[-1]) + len(record) <= LARGEST:
                datagrams[-1] += record
            else:
                datagrams.append(record)
        self._last_flight = datagrams
        return datagrams

    def _shake(self) -> None:
        self._has_begun = True
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            raise DtlsFailed(f"the handshake failed: {_said(error)}") from error
        self._prove()
        self.keys = self._exported()

    def _listen(self) -> None:
        """What comes after the handshake: a flight said again, or goodbye. There is no data in it for us."""
        try:
            self._connection.recv(_READ)
        except SSL.ZeroReturnError:
            self.is_closed = True
        except (SSL.WantReadError, SSL.Error):
            return

    def _prove(self) -> None:
        shown = self._connection.get_peer_certificate(as_cryptography=True)
        if shown is not None:
            for wanted in self._fingerprints:
                if wanted == Fingerprint(wanted.algorithm, shown.fingerprint(_HASHES[wanted.algorithm]())):
                    return
        raise DtlsFailed("the certificate is not the one that was signalled")

    def _exported(self) -> Sdes:
        """Keys as RFC 5764 §4.2 lays them out: both keys, then both salts, the client's first."""
        profile = PROFILES.get(self._connection.get_selected_srtp_profile())
        if profile is None:
            raise DtlsFailed("no protection profile in common")
        key, salt = profile.key, profile.salt
        material = self._connection.export_keying_material(_LABEL, 2 * (key + salt))
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        return Sdes(profile.suite, *((client, server) if self._is_client else (server, client)))


def _records(flights: bytes) -> list[bytes]:
    """The records of what OpenSSL wrote one behind the other (RFC 6347 §4.1)."""
    records, place = [], 0
    while place + _RECORD_HEADER <= len(flights):
        end = place + _RECORD_HEADER + int.from_bytes(flights[place + 11 : place + _RECORD_HEADER], "big")
        records.append(flights[place:end])
        place = end
    return records


def _said(error: SSL.Error) -> str:
    """OpenSSL's reason in its own words."""
    details = error.args[0] if error.args else None
    return details[0][-1] if isinstance(details, list) and details else type(error).__name__
