"""A certificate authority for tests: keys and certificates made on the spot, nothing kept."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sip.transport.certificates import Certificates, KeyPair, TlsSettings

DAY = timedelta(days=1)


class Authority:
    """A root, and what it signs, in a folder."""

    def __init__(self, folder: Path, name: str = "root") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = self._builder(self._name, self._name, self._key, 10 * DAY)
        root = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(self._key, hashes.SHA256())
        self.root = folder / f"{name}.pem"
        self.root.write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        *names: str,
        file: str = "server",
        common_name: str = "",
        uris: Sequence[str] = (),
        lasts: timedelta = 5 * DAY,
    ) -> KeyPair:
        """A certificate that shows these DNS names or addresses; files of that name are written over, as a renewal does."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else [])
        builder = self._builder(subject, self._name, key, lasts)
        shown = [*[x509.UniformResourceIdentifier(uri) for uri in uris], *[_general(name) for name in names]]
        if shown:
            builder = builder.add_extension(x509.SubjectAlternativeName(shown), critical=not common_name)
        certificate = builder.sign(self._key, hashes.SHA256())
        pair = KeyPair(str(self.folder / f"{file}.pem"), str(self.folder / f"{file}.key"))
        Path(pair.certificate).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        Path(pair.key).write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return pair

    def certificates(self, *pairs: KeyPair, client_certificates: str = "off", accepts_wildcards: bool = False) -> Certificates:
        """Who shows these, and believes this authority alone."""
        return Certificates(
            TlsSettings(pairs, ca_file=str(self.root), client_certificates=client_certificates, accepts_wildcards=accepts_wildcards)
        )

    def _builder(self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + lasts)
        )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
