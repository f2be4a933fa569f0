"""The certificate of this process's DTLS handshakes."""

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from mediaserver.signalling.media.certificate import make_certificate


def test_the_fingerprint_is_that_of_the_certificate_and_the_key_is_its_own() -> None:
    made = make_certificate()
    certificate = x509.load_der_x509_certificate(made.certificate)
    assert certificate.fingerprint(SHA256()) == made.fingerprint.digest
    assert load_der_private_key(made.key, None).public_key() == certificate.public_key()


def test_each_process_has_its_own() -> None:
    assert make_certificate().fingerprint != make_certificate().fingerprint


def test_the_key_is_not_printed() -> None:
    made = make_certificate()
    assert repr(made.key) not in repr(made)
