"""What the settings ask to listen on and as whom: listeners, certificates and their renewal, and how we name ourselves to peers."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from config.sip import SipSettings
from mediaserver.observing.counters import Counters
from mediaserver.signalling.addresses import Addresses
from sip.transport.certificates import CertificateError, Certificates, KeyPair, Shown, TlsSettings
from sip.transport.flow import DEFAULT_PORTS, Address, Flow
from sip.transport.listeners import Listener, ListenFailed, TransportSettings
from sip.transport.sockets import is_wildcard
from sip.transport.websocket import WebSocketSettings

RENEWAL_BEAT: Final = 10.0
"""Seconds between two looks at the certificates' files."""
EXPIRY_WARNING: Final = timedelta(days=30)
_WARNING_BEAT: Final = timedelta(days=1)
_MOST_TOLD: Final = 4096

_log = structlog.get_logger(__name__)


def listeners(sip: SipSettings) -> Iterator[Listener]:
    """Everything to be opened: each transport on each address, UDP first."""
    for transport, is_used, port in (
        ("udp", True, sip.udp_port),
        ("tcp", sip.tcp, sip.tcp_port),
        ("tls", sip.tls.enabled, sip.tls.port),
        ("ws", sip.ws.enabled, sip.ws.port),
        ("wss", sip.ws.secure, sip.ws.secure_port),
    ):
        if is_used:
            yield from (Listener(transport, address, port) for address in sip.addresses)


_PORT_KEYS: Final = {"udp": "udp_port", "tcp": "tcp_port", "tls": "tls.port", "ws": "ws.port", "wss": "ws.secure_port"}


def why_not(failed: ListenFailed) -> str:
    """A start-up error for people: which listener, and what to change."""
    listener = failed.listener
    key = f"sip.{_PORT_KEYS[listener.transport]}"
    variable = "MEDIASERVER_" + key.replace(".", "__").upper()
    return (
        f"SIP over {listener.transport.upper()}: cannot listen on {listener.host} port {listener.port} ({failed.reason.lower()}); "
        f"set sip.bind and {key}, or {variable}"
    )


def transport_settings(sip: SipSettings) -> TransportSettings:
    """Bounds and patience of connections."""
    return TransportSettings(
        max_connections=sip.max_tcp_connections,
        max_connections_per_source=sip.max_connections_per_source,
        max_handshakes=sip.tls.max_handshakes,
        handshake_patience=sip.tls.handshake_timeout,
        keep_alive=sip.keep_alive,
        websocket=WebSocketSettings(sip.ws.path, sip.ws.origins, sip.ws.longest_message),
    )


def certificates(sip: SipSettings) -> Certificates:
    """Ours, and the roots that we believe. Raises `CertificateError`."""
    tls = sip.tls
    pairs = [KeyPair(pair.certificate, pair.key) for pair in (tls, *tls.more) if pair.certificate]
    return Certificates(
        TlsSettings(
            certificates=tuple(pairs),
            ca_file=tls.ca_file,
            client_certificates=tls.client_certificates,
            verifies_servers=tls.verify_servers,
            accepts_wildcards=tls.accept_wildcards,
        )
    )


class Renewal:
    """Reads certificates anew, and warns before they run out."""

    def __init__(self, certificates: Certificates, counters: Counters) -> None:
        self._certificates = certificates
        self._counters = counters
        self._warned: dict[str, datetime] = {}

    def look(self) -> None:
        """To be called every few seconds: take files that changed, warn of what runs out."""
        self._reload(self._certificates.reload_if_changed)
        self.warn(datetime.now(UTC))

    def reload(self) -> None:
        """Take the files as they are now (SIGHUP)."""
        self._reload(self._certificates.reload)

    def warn(self, now: datetime) -> None:
        """Once a day for each certificate that runs out within `EXPIRY_WARNING`."""
        for shown in self._certificates.shown:
            left = shown.expires_at - now
            if left < EXPIRY_WARNING and now - self._warned.get(shown.file, datetime.min.replace(tzinfo=UTC)) >= _WARNING_BEAT:
                self._warned[shown.file] = now
                _log.warning("certificate.expires", file=shown.file, names=shown.names, at=shown.expires_at.isoformat(), days=left.days)

    @property
    def shown(self) -> tuple[Shown, ...]:
        """Our certificates."""
        return self._certificates.shown

    def _reload(self, read: Callable[[], bool]) -> None:
        try:
            if not read():
                return
        except CertificateError as error:
            self._counters.add("certificates", "refused")
            _log.error("certificate.refused", problem=str(error))
            return
        self._counters.add("certificates", "reloaded")
        self._warned.clear()
        _log.info("certificate.reloaded", certificates=[(shown.file, shown.expires_at.isoformat()) for shown in self.shown])


class OwnNames:
    """Host and port by which a peer reaches us: what Via and Contact on a flow say."""

    def __init__(self, sip: SipSettings, listening: Callable[[], tuple[Listener, ...]]) -> None:
        """``listening`` gives the listeners with the ports that they have got."""
        self._sip = sip
        self._listening = listening
        self._listeners: tuple[Listener, ...] = ()
        self._told: dict[Flow, Address] = {}
        """What the flows seen lately were told, as long as these are the listeners."""
        self._addresses = Addresses("", sip.advertised, sip.local_networks)

    def toward(self, flow: Flow) -> Address:
        """How we name ourselves to who is at the other end of a flow."""
        listeners = self._listening()
        if listeners != self._listeners or len(self._told) >= _MOST_TOLD:
            self._listeners = listeners
            self._told.clear()
        told = self._told.get(flow)
        if told is None:
            told = self._told[flow] = self._toward(flow)
        return told

    def _toward(self, flow: Flow) -> Address:
        remote = flow.remote[0]
        port = self._port(flow)
        if not self._addresses.is_outside(remote):
            return self._local(flow), port
        name = self._sip.tls.advertised if flow.is_secure else ""
        told: int = getattr(self._sip.advertised_ports, flow.transport)
        return name or self._sip.advertised or self._local(flow), told or port

    def _local(self, flow: Flow) -> str:
        host = flow.local[0]
        if not is_wildcard(host):
            return host
        bound = [address for address in self._sip.addresses if not is_wildcard(address) and (":" in address) == (":" in flow.remote[0])]
        return bound[0] if bound else self._addresses.toward(flow.remote[0])

    def _port(self, flow: Flow) -> int:
        """Where this transport is listened on; its usual port where we connect and listen not."""
        ports = [listener.port for listener in self._listeners if listener.transport == flow.transport]
        return flow.local[1] if flow.local[1] in ports else ports[0] if ports else DEFAULT_PORTS[flow.transport]
