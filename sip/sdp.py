"""Session descriptions (RFC 8866, and RFC 4566 before it): read from bytes, held frozen, written as bytes.

Reading is lenient where phones differ (LF line ends, unknown or misplaced lines, a missing ``s=`` or ``t=``) and strict where a guess
would send audio to the wrong place. What is read says nothing about offers and answers: that is `sip.offer_answer`.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from sip.errors import SipError
from sip.negotiated import Codec, Direction

MAX_BYTES: Final = 16_384
MAX_LINES: Final = 512
MAX_MEDIA: Final = 16
MAX_FORMATS: Final = 64

STATIC_CODECS: Final = {
    "0": Codec("PCMU"),
    "3": Codec("GSM"),
    "4": Codec("G723"),
    "8": Codec("PCMA"),
    "9": Codec("G722"),
    "10": Codec("L16", 44_100, 2),
    "11": Codec("L16", 44_100, 1),
    "13": Codec("CN"),
    "18": Codec("G729"),
}
"""Formats that need no rtpmap (RFC 3551 table 4; G722 says 8000 though it samples at 16000)."""

SECRETS: Final = frozenset({"crypto", "ice-pwd", "key-mgmt"})
"""Attributes whose values hold keys: not to be seen in logs."""

_DIRECTIONS: Final = frozenset(direction.value for direction in Direction)
_LONGEST_NUMBER: Final = 20
_HIGHEST_PORT: Final = 65_535


class SdpError(SipError):
    """Bytes that are not a session description."""

    status = 400


class SdpUnusable(SdpError):
    """A well-formed session description of a kind that we cannot work with."""

    status = 488


@dataclass(frozen=True, slots=True)
class Attribute:
    """An ``a=`` line: ``a=name`` or ``a=name:value``."""

    name: str
    value: str | None = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}:{self.value}"

    def __repr__(self) -> str:
        value = "…" if self.name in SECRETS else self.value
        return f"Attribute({self.name!r}, {value!r})"


@dataclass(frozen=True, slots=True)
class Origin:
    """The ``o=`` line: who made the description, and in which version."""

    username: str
    session_id: int
    version: int
    address: str

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {_family(self.address)} {self.address}"


@dataclass(frozen=True, slots=True)
class Media:
    """An ``m=`` line and what follows it."""

    kind: str
    """Lower case: ``audio``, ``video``, ``image``, ``application``."""
    port: int
    """0: refused or switched off."""
    protocol: str
    """Upper case: ``RTP/AVP``."""
    formats: tuple[str, ...]
    """Payload types as decimal text where the protocol is RTP, in order of preference."""
    connection: str | None = None
    """Address of its own ``c=`` line, without TTL; None where the session's holds."""
    attributes: tuple[Attribute, ...] = ()

    def attribute(self, name: str) -> str | None:
        """Value of the first attribute of this name (empty where it has none); None where there is none."""
        return _first(self.attributes, name)

    def values(self, name: str) -> list[str]:
        """Values of every attribute of this name, in order."""
        return [attribute.value or "" for attribute in self.attributes if attribute.name == name]

    @property
    def direction(self) -> Direction | None:
        """The section's own direction; None where the session's holds."""
        return _direction(self.attributes)

    def rtpmap(self, payload_type: str) -> Codec | None:
        """The codec of a format: from its rtpmap, else the static table, else None."""
        for attribute in self.attributes:
            if attribute.name == "rtpmap" and attribute.value is not None:
                number, _, encoding = attribute.value.partition(" ")
                if number == payload_type:
                    return _codec(encoding.strip())
        return STATIC_CODECS.get(payload_type)

    def fmtp(self, payload_type: str) -> str | None:
        """Format parameters as they stand; None where there are none."""
        for attribute in self.attributes:
            if attribute.name == "fmtp" and attribute.value is not None:
                number, _, parameters = attribute.value.partition(" ")
                if number == payload_type:
                    return parameters.strip()
        return None

    @property
    def ptime_ms(self) -> int | None:
        """What the describer wants to receive in a packet; None where it does not say, or says nonsense."""
        return _milliseconds(self.attribute("ptime"))

    @property
    def maxptime_ms(self) -> int | None:
        """The most that the describer takes in a packet; None where it does not say, or says nonsense."""
        return _milliseconds(self.attribute("maxptime"))

    @property
    def minptime_ms(self) -> int | None:
        """The least that the describer takes in a packet; None where it does not say, or says nonsense."""
        return _milliseconds(self.attribute("minptime"))


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole session description."""

    origin: Origin
    media: tuple[Media, ...]
    connection: str | None = None
    """Address of the session's ``c=`` line, without TTL."""
    name: str = "-"
    attributes: tuple[Attribute, ...] = ()

    def attribute(self, name: str) -> str | None:
        """Value of the session's first attribute of this name (empty where it has none); None where there is none."""
        return _first(self.attributes, name)

    def address_of(self, media: Media) -> str | None:
        """Where a section's packets go: its own ``c=``, else the session's."""
        return media.connection if media.connection is not None else self.connection

    def direction_of(self, media: Media) -> Direction:
        """A section's direction: its own, else the session's, else sendrecv (RFC 8866 §6.7)."""
        return media.direction or _direction(self.attributes) or Direction.SENDRECV

    @classmethod
    def parse(cls, body: bytes) -> "SessionDescription":
        """Read a description. Raises `SdpError` for what is broken or beyond the bounds, `SdpUnusable` for what is no IP session."""
        reader = _Reader()
        for number, (kind, value) in enumerate(_lines(body), start=1):
            reader.take(number, kind, value)
        return reader.finish()

    def serialize(self) -> bytes:
        """Write the description with CRLF line ends. Raises `ValueError` where a value holds a line end or NUL."""
        lines = ["v=0", f"o={self.origin}", f"s={self.name}"]
        if self.connection is not None:
            lines.append(_connection_line(self.connection))
        lines.append("t=0 0")
        lines.extend(f"a={attribute}" for attribute in self.attributes)
        for media in self.media:
            lines.append(f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}")
            if media.connection is not None:
                lines.append(_connection_line(media.connection))
            lines.extend(f"a={attribute}" for attribute in media.attributes)
        for line in lines:
            if "\r" in line or "\n" in line or "\0" in line:
                raise ValueError(f"a line of a session description cannot hold a line end or NUL: {line!r}")
        return ("\r\n".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Section:
    """What was read of one ``m=`` section so far."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    connection: str | None = None
    attributes: list[Attribute] = field(default_factory=list)

    def frozen(self) -> Media:
        """The finished section."""
        return Media(self.kind, self.port, self.protocol, self.formats, self.connection, tuple(self.attributes))


class _Reader:
    """Takes the lines of one description in turn."""

    def __init__(self) -> None:
        self._origin: Origin | None = None
        self._name = "-"
        self._connection: str | None = None
        self._attributes: list[Attribute] = []
        self._sections: list[_Section] = []

    def take(self, number: int, kind: str, value: str) -> None:
        """Take one line; kinds that we have no use for are passed over."""
        if number == 1 and (kind, value.strip()) != ("v", "0"):
            raise SdpError(f"line 1 is {kind}={value[:20]!r}, not v=0")
        match kind:
            case "o" if self._origin is None:
                self._origin = _read_origin(value)
            case "s" if not self._sections:
                self._name = value or "-"
            case "c":
                self._take_connection(_read_connection(value))
            case "a":
                name, colon, text = value.partition(":")
                attributes = self._sections[-1].attributes if self._sections else self._attributes
                attributes.append(_attribute(name.strip().lower(), text.strip() if colon else None))
            case "m":
                if len(self._sections) == MAX_MEDIA:
                    raise SdpError(f"more than {MAX_MEDIA} m= lines")
                self._sections.append(_read_media(value))

    def _take_connection(self, address: str) -> None:
        """Keep the first address of the session or section: several in a section are layers of a multicast (RFC 8866 §5.7)."""
        if not self._sections:
            self._connection = self._connection or address
        elif self._sections[-1].connection is None:
            self._sections[-1].connection = address

    def finish(self) -> SessionDescription:
        """The whole description, checked for what must not be missing."""
        if self._origin is None:
            raise SdpError("no o= line")
        for section in self._sections:
            if section.port and section.connection is None and self._connection is None:
                raise SdpError(f"no c= line for m={section.kind}")
        media = tuple(section.frozen() for section in self._sections)
        return SessionDescription(self._origin, media, self._connection, self._name, tuple(self._attributes))


def _lines(body: bytes) -> list[tuple[str, str]]:
    """Split into (letter, value). Line ends are CRLF or LF; empty lines are passed over."""
    if len(body) > MAX_BYTES:
        raise SdpError(f"{len(body)} bytes are more than the {MAX_BYTES} allowed")
    if b"\0" in body:
        raise SdpError("a NUL byte")
    raw = body.decode("utf-8", "surrogateescape").split("\n")
    if len(raw) > MAX_LINES:
        raise SdpError(f"more than {MAX_LINES} lines")
    lines = []
    for number, line in enumerate(raw, start=1):
        text = line.removesuffix("\r")
        if not text:
            continue
        if "\r" in text or text[1:2] != "=":
            raise SdpError(f"line {number} is not letter=value: {text[:40]!r}")
        lines.append((text[0], text[2:]))
    if not lines:
        raise SdpError("empty")
    return lines


def _read_origin(value: str) -> Origin:
    """``o=<username> <id> <version> <nettype> <addrtype> <address>``."""
    fields = value.split()
    if len(fields) != 6:
        raise SdpError(f"o= has {len(fields)} fields, not 6")
    username, session_id, version, _, _, address = fields
    return Origin(username, _number(session_id, "o= session id"), _number(version, "o= version"), address)


def _read_connection(value: str) -> str:
    """``c=<nettype> <addrtype> <address>[/<ttl>][/<count>]``."""
    fields = value.split()
    if len(fields) != 3:
        raise SdpError(f"c= has {len(fields)} fields, not 3")
    network, family, address = fields
    if network.upper() != "IN" or family.upper() not in ("IP4", "IP6"):
        raise SdpUnusable(f"c={network} {family}: only IN IP4 and IN IP6 are known")
    host = address.partition("/")[0]
    if not host:
        raise SdpError("c= has no address")
    return host


def _read_media(value: str) -> _Section:
    """``m=<kind> <port>[/<count>] <protocol> <format> ...``."""
    fields = value.split()
    if len(fields) < 4:
        raise SdpError(f"m= has {len(fields)} fields, not 4 or more")
    kind, port_text, protocol, *formats = fields
    if len(formats) > MAX_FORMATS:
        raise SdpError(f"m={kind} has more than {MAX_FORMATS} formats")
    port = _number(port_text.partition("/")[0], f"m={kind} port")
    if port > _HIGHEST_PORT:
        raise SdpError(f"m={kind} port {port} is above {_HIGHEST_PORT}")
    return _Section(kind.lower(), port, protocol.upper(), tuple(dict.fromkeys(formats)))


def _number(text: str, what: str) -> int:
    """A decimal number of bounded length; ASCII digits only."""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise SdpError(f"{what} is not a number: {text[:30]!r}")
    return int(text)


def _attribute(name: str, value: str | None) -> Attribute:
    return _usual(name, value) if name in _SAID_BY_ALL else Attribute(name, value)


_SAID_BY_ALL: Final = frozenset({"rtpmap", "fmtp", "ptime", "maxptime", *Direction})
"""What stands in nearly every description in the same words."""


@lru_cache(maxsize=1024)
def _usual(name: str, value: str | None) -> Attribute:
    """One for all: descriptions are kept as long as their calls."""
    return Attribute(name, value)


@lru_cache(maxsize=256)
def _codec(encoding: str) -> Codec | None:
    """``<name>/<clock rate>[/<channels>]``; None where it is not of this form."""
    name, _, rest = encoding.partition("/")
    rate, _, channels = rest.partition("/")
    try:
        return Codec(name.upper(), _number(rate, "clock rate"), _number(channels or "1", "channels"))
    except SdpError:
        return None


def _milliseconds(text: str | None) -> int | None:
    """Whole milliseconds; phones also write ``20.0``."""
    if text is None:
        return None
    try:
        return _number(text.partition(".")[0], "milliseconds") or None
    except SdpError:
        return None


def _direction(attributes: tuple[Attribute, ...]) -> Direction | None:
    for attribute in attributes:
        if attribute.name in _DIRECTIONS:
            return Direction(attribute.name)
    return None


def _first(attributes: tuple[Attribute, ...], name: str) -> str | None:
    for attribute in attributes:
        if attribute.name == name:
            return attribute.value or ""
    return None


def _family(address: str) -> str:
    return "IP6" if ":" in address else "IP4"


def _connection_line(address: str) -> str:
    return f"c=IN {_family(address)} {address}"
