"""The settings of SIP: where it is spoken and as whom, over which transports, and what keeps floods and guessed passwords out."""

from typing import Literal

from pydantic import Field

from config.dns import DnsSettings
from config.section import AutoAnswer, Burst, Port, Rate, Seconds, Section


class GuardSettings(Section):
    """Floods and guessed passwords. A rate of 0 is no limit."""

    trusted: tuple[str, ...] = ()
    """Addresses and networks of proxies, without a limit and never kept out; the trunks' addresses are trusted too."""
    rate: Rate = 50
    """Messages a second of one source: an address, or an IPv6 network of 64 bits."""
    burst: Burst = 200
    call_rate: Rate = 20
    """Messages a second of one call; they do not count for their source."""
    call_burst: Burst = 100
    new_rate: Rate = 1000
    """New requests a second from everybody; more get 503. A quarter is kept for trusted sources."""
    new_burst: Burst = 2000
    failures: int = Field(10, ge=0)
    """Wrong passwords within ``failure_window`` after which the source is kept out; 0: never."""
    failure_window: Seconds = 300
    ban: Seconds = 600
    slowest: float = Field(2, ge=0, le=10)
    """Seconds that the answer to wrong passwords waits at most."""
    max_sources: int = Field(10_000, ge=10)


class CertificateSettings(Section):
    """A certificate of ours and its key."""

    certificate: str = ""
    """PEM file, the chain after it."""
    key: str = ""
    """PEM file without a passphrase."""


class TlsSettings(CertificateSettings):
    """SIP over TLS, and the certificates for WSS."""

    enabled: bool = False
    port: Port = 5061
    more: tuple[CertificateSettings, ...] = ()
    """For other hosts: shown to who asks for one of their names (SNI)."""
    ca_file: str = ""
    """PEM file of the roots that we believe; empty: the system's."""
    client_certificates: Literal["off", "optional", "required"] = "off"
    """Whether who connects must show one."""
    verify_servers: bool = True
    """Whether we connect to a server only whose certificate shows the name that we looked for."""
    accept_wildcards: bool = False
    """Whether ``*.example.com`` in it is good for ``sip.example.com``; RFC 5922 says no."""
    advertised: str = ""
    """Host in Via and Contact over TLS and WSS, where it is another than `SipSettings.advertised`: a name that the certificate shows."""
    handshake_timeout: Seconds = 10
    max_handshakes: int = Field(200, ge=1)
    """Connections at once that have not finished their handshake, WebSocket's too."""


class WebSocketSettings(Section):
    """SIP over WebSocket, for softphones in browsers."""

    enabled: bool = False
    """In the clear: for a proxy on the same machine that speaks TLS."""
    port: Port = 5066
    secure: bool = False
    """Over TLS, with the certificates of `TlsSettings`."""
    secure_port: Port = 7443
    path: str = Field("", pattern=r"^$|^/\S*$")
    """Of the handshake; empty: any."""
    origins: tuple[str, ...] = ()
    """Web pages that may connect, such as ``https://phone.example.com``; empty: any."""
    longest_message: int = Field(65_536, ge=1024, le=1_048_576)


class AdvertisedPorts(Section):
    """Ports that peers outside are told, where a translator in between changes them; 0: the port that is listened on."""

    udp: Port = 0
    tcp: Port = 0
    tls: Port = 0
    ws: Port = 0
    wss: Port = 0


class SipSettings(Section):
    """Where SIP is spoken, and as whom."""

    bind: str | tuple[str, ...] = "0.0.0.0"
    """An address, or several; every one of each transport."""
    udp_port: Port = 5060
    tcp_port: Port = 5060
    """The same number as UDP by default; 0 takes a free one, as it does for UDP."""
    tcp: bool = True
    advertised: str = ""
    """Address in Via, Contact and SDP; empty: the local address of each flow."""
    local_networks: tuple[str, ...] = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    """Peers in these get the local address instead of the advertised one."""
    advertised_ports: AdvertisedPorts = AdvertisedPorts()
    tls: TlsSettings = TlsSettings()
    ws: WebSocketSettings = WebSocketSettings()
    realm: str = "mediaserver"
    user_agent: str = "mediaserver"
    t1: Seconds = 0.5
    """RFC 3261 timer T1."""
    failover_after: Seconds = 4
    """Without any answer for so long, a request goes to its next hop."""
    hop_penalty: Seconds = 30
    """So long a hop that failed is tried last."""
    ring_next_after: Seconds = 15
    """So long a user's phones of one q ring before those of a lower one join them."""
    udp_limit: int = Field(1300, ge=0, le=65_507)
    """Octets; larger requests go by TCP where they can. 0: none does."""
    reliable_provisional: Literal["auto", "required", "never"] = "auto"
    """18x that want a PRACK (RFC 3262)."""
    session_timers: Literal["originate", "accept", "refuse"] = "originate"
    """Session timers (RFC 4028): asked for by us, honoured where the other side asks, or unknown."""
    session_expires: int = Field(1800, ge=2, le=86_400)
    """The session interval that we ask for."""
    min_se: int = Field(90, ge=1, le=86_400)
    """The shortest one that we take."""
    auto_answer: tuple[AutoAnswer, ...] = ("answer-mode", "answer-after", "alert-autoanswer", "p-auto-answer")
    """What is said to phones that shall answer by themselves."""
    session_id: bool = True
    """Whether messages inside calls carry a Session-ID (RFC 7989)."""
    domains: tuple[str, ...] = ()
    """Names under which phones know this server, beside its addresses and the realm."""
    max_transactions: int = Field(20_000, ge=10)
    max_tcp_connections: int = Field(2_000, ge=1)
    """At each listener, whichever transport it is of."""
    max_connections_per_source: int = Field(200, ge=1)
    """From one address, over all listeners."""
    keep_alive: float = Field(90, ge=0, le=7200)
    """Seconds between pings on connections that we opened, and to browsers; 0: none."""
    registration_min: Seconds = 30
    registration_max: Seconds = 3600
    nonce_lifetime: Seconds = 300

    @property
    def addresses(self) -> tuple[str, ...]:
        """What is listened on: `bind` as a list; the environment separates by commas."""
        listed = self.bind.split(",") if isinstance(self.bind, str) else self.bind
        return tuple(address.strip() for address in listed)

    digest_algorithms: tuple[Literal["MD5", "SHA-256"], ...] = Field(("MD5", "SHA-256"), min_length=1)
    """Offered in this order, no other is taken. MD5 first suits old phones; ``["SHA-256"]`` alone is the strictest."""
    digest_qop: tuple[Literal["auth", "auth-int"], ...] = Field(("auth",), min_length=1)
    """Qualities of protection that are offered."""
    guard: GuardSettings = GuardSettings()
    dns: DnsSettings = DnsSettings()
