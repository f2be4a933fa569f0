"""The settings of a trunk: who it is, where calls to it go, what it may do, how numbers are written, what it is told."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from config.section import CodecName, Name, Port, Seconds, Section, Security

Transport = Literal["udp", "tcp", "tls"]
HeaderName = Annotated[str, Field(max_length=64)]


class TargetSettings(Section):
    """One of several places where calls to a trunk go."""

    host: str = Field(min_length=1, max_length=253)
    port: Port = 0
    """0: what DNS says, else the transport's own."""
    transport: Transport | None = None
    """None: the trunk's."""
    priority: int = Field(0, ge=0, le=65_535)
    """The lowest first, as in RFC 2782."""
    weight: int = Field(1, ge=0, le=65_535)
    """Share of the calls among targets of one priority."""


class RegistrationSettings(Section):
    """Our registration at the trunk's registrar, with the trunk's ``user`` and ``secret``."""

    registrar: str = Field("", max_length=260)
    """``host[:port]``; empty: the trunk's first target."""
    domain: str = Field("", max_length=253)
    """Domain of our address of record; empty: the registrar's host."""
    expires: int = Field(3600, ge=30, le=86_400 * 7)
    """Seconds asked for."""
    outbound: bool = False
    """Ask for RFC 5626."""


class KeepaliveSettings(Section):
    """OPTIONS to each target of a trunk."""

    interval: float = Field(0, ge=0, le=3600)
    """Seconds between two; 0: none are sent, and targets count as up."""
    timeout: Seconds = 4
    down_after: int = Field(3, ge=1, le=100)
    """Failures in a row."""
    up_after: int = Field(1, ge=1, le=100)
    """Answers in a row."""


class CapSettings(Section):
    """How much a trunk may carry; 0: no cap."""

    calls_in: int = Field(0, ge=0)
    """Calls at once from it."""
    calls_out: int = Field(0, ge=0)
    """Calls at once to it."""
    rate_in: float = Field(0, ge=0, le=10_000)
    """New calls a second from it."""
    rate_out: float = Field(0, ge=0, le=10_000)
    """New calls a second to it."""


class NumberSettings(Section):
    """How a trunk writes numbers; with a country they are brought to E.164 on their way in."""

    country: str = Field("", pattern=r"^([1-9][0-9]{0,2})?$")
    """Country code, for instance ``49``; empty: numbers stay as they are."""
    national_prefix: str = Field("0", pattern=r"^[0-9]{0,4}$")
    international_prefix: str = Field("00", pattern=r"^[0-9]{0,5}$")
    send: Literal["as_is", "e164", "international", "national", "plain"] = "as_is"
    """How E.164 numbers go out: +49301, 0049301, 0301 (others international), 49301."""
    user_phone: bool = False
    """Mark numbers in URIs toward it with ``user=phone``."""


class RewriteSettings(Section):
    """One rule for numbers; of the rules for one number the first that matches is applied."""

    match: str = Field(max_length=256)
    """Regular expression for the whole number."""
    replace: str = Field("", max_length=256)
    """With groups as ``\\1`` and ``\\g<name>``."""
    which: Literal["called", "caller"] = "called"
    direction: Literal["in", "out"] = "in"


class TrunkSettings(Section):
    """A trunk or PBX."""

    name: Name
    tenant: Name = "default"

    # who it is
    addresses: tuple[str, ...] = ()
    """Source addresses or networks that are this trunk."""
    tls_names: tuple[str, ...] = ()
    """Names in the client certificate that are this trunk."""
    auth_user: Name | None = None
    """The SIP user (of ``users``) that is this trunk: its calls are challenged, whatever address they come from."""

    # where calls to it go
    host: str = ""
    """``host[:port]``, where there is one target."""
    transport: Transport = "udp"
    targets: tuple[TargetSettings, ...] = ()
    """Where there are several."""
    user: str = ""
    secret: SecretStr = SecretStr("")
    """Digest credentials where it challenges us."""
    registration: RegistrationSettings | None = None
    """None: we do not register there."""
    keepalive: KeepaliveSettings = KeepaliveSettings()
    caps: CapSettings = CapSettings()

    # what is believed and told
    trusted: bool = False
    """Its asserted identities are believed, and it is told ours (RFC 3325)."""
    asserts_users: bool = False
    """It is a proxy that has asked our users for their passwords: whom it asserts may open doors and watch agents, as far as his
    ceiling goes."""
    agents_by: Literal["none", "from", "asserted"] = "none"
    """Whether a caller whose number is an agent's extension is that agent, calling out through it."""
    numbers: NumberSettings = NumberSettings()
    rewrite: tuple[RewriteSettings, ...] = ()
    headers: dict[HeaderName, str] = Field(default_factory=dict)
    """SIP header to metadata key, for instance ``X-Queue = "queue"``."""
    pass_headers: tuple[HeaderName, ...] = ()
    """Headers of its INVITEs that the next leg gets too."""
    security: Security | None = None
    """SRTP on this trunk; None: as in `config.settings.MediaSettings.security`."""
    codecs: tuple[CodecName, ...] = ()
    """On this trunk; empty: as in `config.settings.MediaSettings.codecs`."""
    subscribe: bool = False
    """It may watch all agents of its tenant by SUBSCRIBE."""
    replaces: bool = False
    """It may take over legs of its tenant's calls (RFC 3891), and is asked to where an agent transfers to a dialog of its own."""
    strict_media: bool = False
    """RTP only from the signalled address."""

    @property
    def is_reachable(self) -> bool:
        """Whether calls can go to it."""
        return bool(self.host or self.targets or self.auth_user)
