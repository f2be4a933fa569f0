"""The settings, as models: every key, its unit, its default and its bounds. `config.loading` fills them."""

from typing import Literal

from pydantic import Field, SecretStr

from config.ceilings import CeilingSettings as CeilingSettings  # noqa: PLC0414 - it is looked for here
from config.ice import IceSettings
from config.identities import IdentitySettings, IssuerSettings, RoleSettings, SigningInSettings
from config.policies import PolicySettings
from config.section import AutoAnswer, CodecName, Name, Port, Seconds, Section, Security, SuiteName
from config.sip import SipSettings
from config.storage import AuditSettings, StorageSettings
from config.telemetry import TelemetrySettings
from config.trunks import TrunkSettings
from config.webhooks import LookupSettings, WebhookSettings


class OpusSettings(Section):
    """How we encode Opus, as far as the remote's fmtp leaves it open."""

    bitrate: int = Field(0, ge=0, le=128_000)
    """Bits a second; 0: what suits the sample rate. Never more than the remote's maxaveragebitrate."""
    complexity: int = Field(5, ge=0, le=10)
    fec: bool = True
    """Packets tell of the one before them, where the remote wants it."""
    dtx: bool = True
    """Nothing is sent in silence, where the remote wants it."""


class MediaSettings(Section):
    """RTP and the media workers."""

    bind: str = "0.0.0.0"
    advertised: str = ""
    """Address in SDP; empty: the SIP flow's local address."""
    local_networks: tuple[str, ...] = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    first_port: Port = 20_000
    last_port: Port = 29_999
    """Even ports of this range are lent to legs."""
    dscp: int = Field(46, ge=0, le=63)
    """EF."""
    workers: int = Field(1, ge=1, le=64)
    spares: int = Field(1, ge=0, le=8)
    """Processes that wait to take a dead worker's place; with none, its calls are silent until one has started."""
    turn_ms: float = Field(2.0, ge=0.5, le=10)
    ducking_db: float = Field(12, ge=0, le=60)
    """By how much a party hears the others more softly while somebody whispers to him."""
    socket_loop: Literal["auto", "python"] = "auto"
    """The workers' socket loop: in C where that is installed, or in Python."""
    rows: int = Field(4096, ge=8, le=65_536)
    """Legs a worker can hold."""
    seats: int = Field(16, ge=3, le=64)
    """Legs a call can hold."""
    cpu: int | None = None
    """Pin the first worker to this core, the next to the next."""
    codecs: tuple[CodecName, ...] = ("opus", "G722", "PCMU", "PCMA")
    """Ours, in order of preference after the other leg's."""
    opus: OpusSettings = OpusSettings()
    agc: bool = False
    """Parties who speak softly or loudly are evened out in a supervisor's ear, and there alone."""
    stereo: bool = True
    """A supervisor whose Opus asks for stereo hears the agent left and the customer right."""
    comfort_noise: bool = True
    """Take comfort noise (RFC 3389) where it is offered, beside codecs other than Opus, and offer it to the other side of such a call."""
    security: Security = "auto"
    """Whether legs agree on SRTP."""
    srtp_suites: tuple[SuiteName, ...] = ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_32")
    """Suites that are offered, in this order, and taken; of an offer its first one of these. None: no keys in descriptions."""
    hold: Literal["music", "silence"] = "music"
    music: str = ""
    """WAV file (16-bit mono, 8 kHz) for held parties; empty: the built-in melody."""


class LimitSettings(Section):
    """What bounds a call."""

    calls: int = Field(2000, ge=1)
    """Calls at once; more get 503."""
    ring_timeout: Seconds = 30
    """For each target."""
    longest_call: Seconds = 4 * 3600
    no_rtp: Seconds = 60
    no_rtp_hold: Seconds = 600
    pin_attempts: int = Field(3, ge=1)
    pin_lock: Seconds = 300
    longest_turn_ms: float = Field(7.5, gt=0, le=1000)
    """Length of a media worker's turns beyond which it gets no more calls."""
    signalling_late: Seconds = 0.5
    """Lateness of the signalling process beyond which there are no new calls."""
    drain: float = Field(25, ge=0, allow_inf_nan=False)
    """How long calls may go on after SIGTERM."""


class TransferSettings(Section):
    """What agents may do by REFER, and whom we call by 3xx."""

    outside_uris: bool = False
    """To SIP URIs of other hosts. Numbers always go the way of the agent's own calls."""
    return_to_referrer: bool = False
    """Ring the agent again who hung up amid his transfer, where it fails; else the call ends."""


class DigitSettings(Section):
    """Digits that a supervisor presses during the call."""

    listen: str = "4"
    whisper: str = "5"
    barge: str = "6"
    leave: str = ""
    """Empty: no digit. FreeSWITCH's set is 0 (listen: ``0``), 1 (whisper the agent), 2 (whisper the customer), 3 (barge)."""
    whisper_customer: str = ""


class DoorSettings(Section):
    """How supervisors dial in."""

    listen: str = "*1"
    whisper: str = "*2"
    barge: str = "*3"
    ambiguous: Literal["status", "announcement"] = "status"
    """What a phone is told when the agent has several calls: 300 status code, or a spoken prompt."""
    digits: DigitSettings = DigitSettings()
    """For supervisors who dialled in."""
    api_digits: DigitSettings | None = None
    """For supervisors whose phone the API rang; None: the same."""


class WatchingSettings(Section):
    """Lamp keys and consoles that subscribe to agents' calls (RFC 4235)."""

    enabled: bool = True
    numbers: Literal["none", "last_two", "all"] = "none"
    """How much of the other party's number watchers are shown."""
    subscriptions: int = Field(2000, ge=1)
    """At once."""
    per_user: int = Field(200, ge=1)
    shortest: int = Field(60, ge=1, le=3600)
    longest: int = Field(3600, ge=1, le=86_400)
    """Bounds of a subscription's life, seconds."""
    interval: float = Field(1.0, ge=0, le=60)
    """Seconds from one NOTIFY of a subscription to the next (RFC 4235 §3.10)."""


class QualitySettings(Section):
    """When supervisors are told that a leg sounds bad."""

    poor: float = Field(3.1, ge=0, le=4.5)
    """MOS below which a leg is bad; 0: never."""
    fair: float = Field(3.5, ge=0, le=4.5)
    """MOS from which it is well again."""


class ControlSettings(Section):
    """The control API."""

    bind: str = "127.0.0.1"
    port: Port = 8080
    queue: int = Field(1000, ge=10)
    """Events kept for a client before it is dropped to a snapshot."""
    resume: int = Field(10_000, ge=10)
    """Events kept for clients that come back after a cut."""
    max_clients: int = Field(1000, ge=1)
    origins: tuple[str, ...] = ()
    """Web pages of other hosts that may use it, such as ``https://crm.example.com``."""
    meters_hz: float = Field(2.0, ge=0, le=10)

    @property
    def url(self) -> str:
        """Where this machine itself reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class TraceSettings(Section):
    """The trace of SIP messages, kept in a process of its own."""

    enabled: bool = True
    folder: str = ""
    """Where it is kept; empty: the service's state folder, or a temporary one that goes with the server."""
    megabytes: int = Field(256, ge=1, le=1_000_000)
    """On disk, the oldest goes first."""
    keep: Seconds = 86_400
    mask_numbers: bool = False
    """Show of telephone numbers the last two digits only. Keys, credentials, PINs and digits are never shown."""
    homer: str = Field("", pattern=r"^$|^.+:\d{1,5}$")
    """``address:port`` of a Homer server that gets every message by HEPv3; empty: none."""
    homer_id: int = Field(2001, ge=0, le=2**32 - 1)
    """The capture agent's id."""
    homer_key: SecretStr = SecretStr("")


class JournalSettings(Section):
    """Which dialogs live, on disk: after a crash the restart ends them with BYE."""

    enabled: bool = True
    folder: str = ""
    """Where it is kept; empty: the service's state folder, and where there is none nowhere."""


class RouteSettings(Section):
    """Which calls go where. The first match wins."""

    trunk: Name | Literal["*"] = "*"
    """Name of the trunk it came from, or ``*``."""
    number: str = ".*"
    """Regular expression that must match the whole called number."""
    header: str = ""
    header_matches: str = ".*"
    targets: tuple[str, ...]
    """Tried in turn: ``agent:NAME``, ``sip:URI``, ``trunk:NAME/NUMBER``; ``{number}`` and the expression's groups are filled in."""
    queue: str = ""
    campaign: str = ""
    ring_timeout: Seconds | None = None


class AgentSettings(Section):
    """An agent: a SIP user who takes calls, or an extension behind a trunk; one of the two."""

    name: Name
    tenant: Name = "default"
    team: str = ""
    user: Name | None = None
    """His SIP user, where he registers here."""
    extension: str = Field("", max_length=64)
    """The number by which a trunk or a SIP URI reaches him, where he is at home in a PBX."""


class UserSettings(Section):
    """A SIP digest user; with a ceiling he is a supervisor too."""

    name: Name
    tenant: Name = "default"
    secret: SecretStr | None = None
    """The password as it is, for trying out; else one of the next two."""
    ha1_md5: str = ""
    """Digest hashes of the password, sealed under the server's key; ``mediaserver user`` makes both."""
    ha1_sha256: str = ""
    pin: SecretStr | None = None
    """Asked for by the dial-in codes where set: an argon2id hash, or for trying out the digits themselves."""
    ceiling: CeilingSettings | None = None
    may_call: bool = False
    """His own INVITEs are routed like a trunk's (trunk name ``users``)."""
    auto_answer: tuple[AutoAnswer, ...] | None = None
    """What makes his phone answer by itself, where it is not ``sip.auto_answer``."""

    @property
    def has_hashed_pin(self) -> bool:
        """Whether the PIN is kept as a hash."""
        return self.pin is not None and self.pin.get_secret_value().startswith("$argon2id$")


class TokenSettings(Section):
    """A bearer token of the control API."""

    identity: Name
    tenant: Name = "default"
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Hash of the token; ``mediaserver token`` makes both."""
    ceiling: CeilingSettings
    user: str = ""
    """The SIP user whose phones are this identity's."""
    numbers: tuple[str, ...] = ()
    """Other phones, as SIP URIs, that may be rung for it."""


class Settings(Section):
    """The whole file."""

    sip: SipSettings = SipSettings()
    media: MediaSettings = MediaSettings()
    ice: IceSettings = IceSettings()
    limits: LimitSettings = LimitSettings()
    transfers: TransferSettings = TransferSettings()
    doors: DoorSettings = DoorSettings()
    watching: WatchingSettings = WatchingSettings()
    quality: QualitySettings = QualitySettings()
    control: ControlSettings = ControlSettings()
    trace: TraceSettings = TraceSettings()
    journal: JournalSettings = JournalSettings()
    storage: StorageSettings = StorageSettings()
    audit: AuditSettings = AuditSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    signing_in: SigningInSettings = SigningInSettings()
    trunks: tuple[TrunkSettings, ...] = ()
    routes: tuple[RouteSettings, ...] = ()
    agents: tuple[AgentSettings, ...] = ()
    users: tuple[UserSettings, ...] = ()
    tokens: tuple[TokenSettings, ...] = ()
    roles: tuple[RoleSettings, ...] = ()
    identities: tuple[IdentitySettings, ...] = ()
    issuers: tuple[IssuerSettings, ...] = ()
    policies: tuple[PolicySettings, ...] = ()
    webhooks: tuple[WebhookSettings, ...] = ()
    lookups: tuple[LookupSettings, ...] = ()
