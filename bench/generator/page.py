"""A supervisor's page, light: checks of ICE, a DTLS handshake, SRTP and canned Opus. Nothing of the server's code is in it."""

import asyncio
import hmac
import itertools
import re
import secrets
import struct
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from typing import Any, Final, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from pylibsrtp import Error

from bench.generator.secrecy import Keys

CHECKS_EVERY: Final = 2.5
"""Seconds, as browsers do on a pair in use."""
KEPT: Final = 100
"""Payloads of the first packets that came, to be judged."""
_PACKET: Final = 0.02
_TICKS: Final = 960
_TYPE: Final = 111
_DIGITS: Final = 110
_COOKIE: Final = 0x2112A442
_SUITE: Final = "AEAD_AES_128_GCM"
_KEY, _SALT = 16, 12
_PASSWORD: Final = "a-page-of-the-bench-00000".replace("-", "+")


class Page(asyncio.DatagramProtocol):
    """One peer connection. `open_page` makes it, `offer` and `take` agree on it, `speak` runs it until it is cancelled."""

    def __init__(self, identity: tuple[x509.Certificate, Any]) -> None:
        self.came: list[tuple[float, bytes]] = []
        """When each of the first packets came, and its payload."""
        self.packets = 0
        """That came and could be opened."""
        self.unread = 0
        self._certificate = identity[0]
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_certificate(identity[0])
        context.use_privatekey(identity[1])
        context.set_tlsext_use_srtp(b"SRTP_" + _SUITE.encode())
        self._dtls = SSL.Connection(context, None)
        self._dtls.set_ciphertext_mtu(1200)
        self._dtls.set_accept_state()
        self._keys: Keys | None = None
        self._ufrag = secrets.token_hex(4)
        self._to = ("", 0)
        self._user = self._password = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def close(self) -> None:
        """Without a word."""
        self._transport.close()

    def offer(self, *, stereo: bool) -> str:
        """As Chromium's, as far as anybody reads it."""
        fingerprint = self._certificate.fingerprint(SHA256()).hex(":").upper()
        lines = (
            *("v=0", "o=- 4611 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0"),
            *(f"m=audio 9 UDP/TLS/RTP/SAVPF {_TYPE} {_DIGITS}", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sendrecv", "a=rtcp-mux"),
            *(f"a=ice-ufrag:{self._ufrag}", f"a=ice-pwd:{_PASSWORD}", f"a=fingerprint:sha-256 {fingerprint}", "a=setup:actpass"),
            f"a=rtpmap:{_DIGITS} telephone-event/48000",
            *(f"a=rtpmap:{_TYPE} opus/48000/2", f"a=fmtp:{_TYPE} minptime=10;useinbandfec=1{';stereo=1' if stereo else ''}"),
        )
        return "".join(f"{line}\r\n" for line in lines)

    def take(self, answer: str) -> None:
        """The server's answer; checks begin."""
        found = dict(re.findall(r"(?m)^a=(ice-ufrag|ice-pwd|candidate):(.*?)\r?$", answer))
        host, port = found["candidate"].split()[4:6]
        self._to = (host, int(port))
        self._user, self._password = f"{found['ice-ufrag']}:{self._ufrag}", found["ice-pwd"]
        self._check()

    async def speak(self, payloads: Sequence[bytes]) -> None:
        """Say these round and round, and check now and then."""
        began, ssrc, close, checked = time.monotonic(), secrets.token_bytes(4), None, time.monotonic()
        for number in itertools.count():
            await asyncio.sleep(max(0.0, began + number * _PACKET - time.monotonic()))
            if time.monotonic() - checked > CHECKS_EVERY:
                checked = time.monotonic()
                self._check()
            if self._keys is not None:
                close = close or self._keys.closing()
                head = struct.pack("!BBHI", 0x80, _TYPE, number & 0xFFFF, number * _TICKS & 0xFFFFFFFF)
                self._transport.sendto(close(head + ssrc + payloads[number % len(payloads)]), self._to)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """STUN is passed over, DTLS is answered, media is opened and counted."""
        if 20 <= data[0] < 64:
            self._shake(data)
        elif data[0] >= 128 and self._keys is not None and not 192 <= data[1] <= 223:
            try:
                packet = self._open(data)
            except Error:
                self.unread += 1
                return
            self.packets += 1
            if len(self.came) < KEPT:
                self.came.append((time.monotonic(), packet[12:]))

    def _shake(self, data: bytes) -> None:
        self._dtls.bio_write(data)
        if self._keys is None:
            try:
                self._dtls.do_handshake()
            except SSL.WantReadError:
                pass
            else:
                self._agree()
        try:
            self._transport.sendto(self._dtls.bio_read(16_384), self._to)  # small certificates: each flight is one datagram
        except SSL.WantReadError:
            return

    def _agree(self) -> None:
        material = self._dtls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (_KEY + _SALT))
        client = material[:_KEY] + material[2 * _KEY : 2 * _KEY + _SALT]
        server = material[_KEY : 2 * _KEY] + material[2 * _KEY + _SALT :]
        self._keys = Keys(_SUITE, server, client)
        self._open = self._keys.opening()

    def _check(self) -> None:
        """A Binding request that nominates (RFC 8445 §7.1)."""
        user = self._user.encode()
        attributes = struct.pack("!HH", 0x0006, len(user)) + user + bytes(-len(user) % 4)
        attributes += struct.pack("!HHI", 0x0024, 4, 1_853_824_767) + struct.pack("!HH8s", 0x802A, 8, secrets.token_bytes(8))
        attributes += struct.pack("!HH", 0x0025, 0)
        head = struct.pack("!HHI", 0x0001, len(attributes) + 24, _COOKIE) + secrets.token_bytes(12)
        signature = hmac.digest(self._password.encode(), head + attributes, sha1)
        self._transport.sendto(head + attributes + struct.pack("!HH", 0x0008, 20) + signature, self._to)


def make_identity() -> tuple[x509.Certificate, Any]:
    """A certificate for all pages of a run, and its key."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
    return dated.sign(key, SHA256()), key


async def open_page(identity: tuple[x509.Certificate, Any]) -> Page:
    """A page with a socket of its own."""
    _, page = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Page(identity), local_addr=("127.0.0.1", 0))
    return page
