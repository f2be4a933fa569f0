"""The certificates that we show and the roots that we trust: read from files, looked at again when they change.

What is read anew is for connections to come. Those that are there keep what they began with, and none is cut. Files that cannot be
read, or a key that does not fit, leave everything as it was.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from sip.errors import SipError
from sip.transport.identity import names_of, shows

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption only. Those of 1.3 are all so."""
VERIFY_MODES: Final = {"off": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class CertificateError(SipError):
    """Files that cannot be used; the text names them."""

    status = 500


@dataclass(frozen=True, slots=True)
class KeyPair:
    """PEM files: the certificate with its chain, and its key without a passphrase."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Whom we are, and whom we believe."""

    certificates: tuple[KeyPair, ...] = ()
    """The first is shown to whoever names none of the others' hosts, and to servers that ask us for one."""
    ca_file: str = ""
    """PEM file of roots; empty: those of the system."""
    client_certificates: str = "off"
    """Whether peers must show one: a key of `VERIFY_MODES`."""
    verifies_servers: bool = True
    accepts_wildcards: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate that we show."""

    file: str
    names: tuple[str, ...]
    expires_at: datetime


class Certificates:
    """The two contexts of TLS, for those who connect to us and for those to whom we connect."""

    def __init__(self, settings: TlsSettings) -> None:
        """Raises `CertificateError`."""
        self._settings = settings
        self._stamps: list[tuple[str, int, int]] = []
        self._read()

    @property
    def shown(self) -> tuple[Shown, ...]:
        """Our certificates."""
        return self._shown

    @property
    def server(self) -> ssl.SSLContext:
        """For connections that peers open from now on. Needs a certificate."""
        return self._server

    @property
    def client(self) -> ssl.SSLContext:
        """For connections that we open from now on."""
        return self._client

    def accepts(self, wanted: str, names: tuple[str, ...]) -> bool:
        """Whether a server that shows these names is the one we wanted."""
        return not self._settings.verifies_servers or shows(names, wanted, with_wildcards=self._settings.accepts_wildcards)

    def reload(self) -> bool:
        """Read all files anew; True. Raises `CertificateError`, and then nothing changed."""
        self._read()
        return True

    def reload_if_changed(self) -> bool:
        """The same, where a file is not what it was at the last look; False where none is. Raises `CertificateError`, once a change."""
        if self._stamps == (stamps := list(self._stamp())):
            return False
        self._stamps = stamps
        self._read()
        return True

    def _read(self) -> None:
        stamps = list(self._stamp())
        shown = tuple(_look_at(pair) for pair in self._settings.certificates)
        self._server, self._client = self._make_server(shown), self._make_client()
        self._shown, self._stamps = shown, stamps

    def _make_server(self, shown: tuple[Shown, ...]) -> ssl.SSLContext:
        """The context of the first certificate, that hands over to another's where the peer names its host (RFC 6066 §3)."""
        contexts = [self._serving(pair) for pair in self._settings.certificates] or [self._serving(None)]

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            for certificate, context in zip(shown, contexts, strict=True):
                if name and shows(certificate.names, name, with_wildcards=True):
                    connection.context = context
                    return

        if len(contexts) > 1:
            contexts[0].sni_callback = choose
        return contexts[0]

    def _serving(self, pair: KeyPair | None) -> ssl.SSLContext:
        context = _modern(ssl.PROTOCOL_TLS_SERVER)
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        context.verify_mode = VERIFY_MODES[self._settings.client_certificates]
        if context.verify_mode != ssl.CERT_NONE:
            self._trust(context, ssl.Purpose.CLIENT_AUTH)
        if pair is not None:
            _load(context, pair)
        return context

    def _make_client(self) -> ssl.SSLContext:
        context = _modern(ssl.PROTOCOL_TLS_CLIENT)
        # The names are judged by SIP's rules, which are not the web's: see `sip.transport.identity`.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED if self._settings.verifies_servers else ssl.CERT_NONE
        if self._settings.verifies_servers:
            self._trust(context, ssl.Purpose.SERVER_AUTH)
        for pair in self._settings.certificates[:1]:
            _load(context, pair)
        return context

    def _trust(self, context: ssl.SSLContext, purpose: ssl.Purpose) -> None:
        if not self._settings.ca_file:
            return context.load_default_certs(purpose)
        try:
            context.load_verify_locations(self._settings.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise CertificateError(f"{self._settings.ca_file} is no file of PEM certificates: {error}") from error
        return None

    def _stamp(self) -> Iterator[tuple[str, int, int]]:
        """What tells that a file is another one."""
        files = [file for pair in self._settings.certificates for file in (pair.certificate, pair.key)]
        for file in [*files, self._settings.ca_file]:
            if file:
                try:
                    status = Path(file).stat()
                except OSError:
                    yield file, 0, 0
                else:
                    yield file, status.st_mtime_ns, status.st_ino


def _modern(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context


def _load(context: ssl.SSLContext, pair: KeyPair) -> None:
    try:
        # An empty passphrase: else OpenSSL would ask whoever sits at the terminal.
        context.load_cert_chain(pair.certificate, pair.key, password="")
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(f"{pair.key} is no key, without a passphrase, of the certificate {pair.certificate}: {error}") from error


def _look_at(pair: KeyPair) -> Shown:
    try:
        certificate = x509.load_pem_x509_certificate(Path(pair.certificate).read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateError(f"{pair.certificate} is no PEM certificate: {error}") from error
    return Shown(pair.certificate, names_of(_as_ssl_has_it(certificate)), certificate.not_valid_after_utc)


def _as_ssl_has_it(certificate: x509.Certificate) -> dict[str, object]:
    """Names as `ssl` would give them, had a peer shown the certificate."""
    subject = [[("commonName", str(each.value))] for each in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return {"subject": subject}
    uris = [("URI", uri) for uri in names.get_values_for_type(x509.UniformResourceIdentifier)]
    hosts = [("DNS", host) for host in names.get_values_for_type(x509.DNSName)]
    addresses = [("IP Address", str(address)) for address in names.get_values_for_type(x509.IPAddress)]
    return {"subject": subject, "subjectAltName": [*uris, *hosts, *addresses]}
