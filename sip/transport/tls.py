"""TLS as a layer of bytes (RFC 3261 §26.2.1): ciphertext in, plaintext out, and the other way round. Sans-IO.

- The handshake is driven by what comes in. What is to be sent before it is done waits with the owner.
- On connections that we open, the peer's certificate must show the name that was asked for (RFC 5922 §7.3), after it was verified
  up to a root that we trust. On those that peers open, a certificate is asked for as the context says; the names in it are `names`.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from sip.transport.identity import names_of

_READ: Final = 65_536


class TlsLayer:
    """One connection's TLS."""

    def __init__(self, context: ssl.SSLContext, *, is_server: bool, name: str = "", accepts: Callable[[tuple[str, ...]], bool]) -> None:
        """``name`` is sent to the peer (SNI); ``accepts`` judges the names of its certificate once the handshake is done."""
        self._received = ssl.MemoryBIO()
        self._sending = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._received, self._sending, server_side=is_server, server_hostname=name or None)
        self._accepts = accepts
        self.is_ready = False
        self.problem = ""
        """Why it is over: ``closed``, ``handshake_failed``, ``certificate_refused``, ``wrong_name``, ``record_broken``; else empty."""
        self.detail = ""
        """The same for people."""
        self.names: tuple[str, ...] = ()
        """In the peer's verified certificate."""

    def start(self) -> None:
        """Say hello; the side that opened the connection begins."""
        self._shake_hands()

    def receive(self, ciphertext: bytes) -> bytes:
        """Take what was read; the plaintext in it."""
        if self.problem:
            return b""
        self._received.write(ciphertext)
        if not self.is_ready:
            self._shake_hands()
        return self._read() if self.is_ready else b""

    def send(self, plaintext: bytes) -> None:
        """Encrypt; only when `is_ready`, and nothing after `problem` is set."""
        if plaintext and not self.problem:
            self._object.write(plaintext)

    def outgoing(self) -> bytes:
        """Ciphertext to be written; told once."""
        return self._sending.read()

    def close(self) -> None:
        """Tell the peer that no more will come (close_notify)."""
        if self.is_ready and not self.problem:
            with suppress(ssl.SSLError):
                self._object.unwrap()
            self.problem = "closed"

    @property
    def version(self) -> str:
        """For logs: ``TLSv1.3``; empty before the handshake is done."""
        return self._object.version() or ""

    def _shake_hands(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLCertVerificationError as error:
            return self._fail("certificate_refused", error.verify_message)
        except ssl.SSLError as error:
            return self._fail("handshake_failed", error.reason or str(error))
        certificate: dict[str, Any] = self._object.getpeercert() or {}
        self.names = names_of(certificate)
        if not self._accepts(self.names):
            return self._fail("wrong_name", f"the certificate shows {', '.join(self.names) or 'no name'}")
        self.is_ready = True

    def _read(self) -> bytes:
        parts: list[bytes] = []
        try:
            while part := self._object.read(_READ):
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._fail("closed", "")
        except ssl.SSLError as error:
            self._fail("record_broken", error.reason or str(error))
        return b"".join(parts)

    def _fail(self, problem: str, detail: str) -> None:
        self.problem, self.detail = problem, detail
        self.is_ready = False
