"""Header fields that carry structure: Via, CSeq, From, To, Contact, Route; lists and parameters (RFC 3261 §20, §25).

Text is cut with `str` searches, and one regular expression without a choice in it, so no input can make it slow. What a header
means is decided elsewhere. What is read from every message is a named tuple: as immutable as a frozen dataclass, and made sooner.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from sip.errors import ParseError
from sip.uri import DEFAULT_PORT, bracketed, parse_hostport

# fmt: off
_NAMES_IN_FULL: Final = (
    "Accept", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events", "Answer-Mode", "Authentication-Info",
    "Authorization", "Call-ID", "Call-Info", "Contact", "Content-Disposition", "Content-Encoding", "Content-Language",
    "Content-Length", "Content-Type", "CSeq", "Date", "Diversion", "Error-Info", "Event", "Expires", "From", "History-Info",
    "In-Reply-To", "Max-Forwards", "MIME-Version", "Min-Expires", "Min-SE", "Organization", "P-Asserted-Identity",
    "P-Preferred-Identity", "Path", "Priority", "Privacy", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "RAck",
    "Reason", "Record-Route", "Refer-To", "Referred-By", "Replaces", "Reply-To", "Request-Disposition", "Require", "Retry-After",
    "Route", "RSeq", "Server", "Service-Route", "Session-Expires", "Session-ID", "Subject", "Subscription-State", "Supported",
    "Timestamp", "To", "Unsupported", "User-Agent", "Via", "Warning", "WWW-Authenticate",
)
# fmt: on

_COMPACT: Final = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

CANONICAL: Final = (
    {name.lower(): name for name in _NAMES_IN_FULL}
    | {name: name for name in _NAMES_IN_FULL}
    | _COMPACT
    | {short.upper(): name for short, name in _COMPACT.items()}
)
"""From a name as it is often spelt to the one spelling used here; others are looked up in lower case."""

MAGIC_COOKIE: Final = "z9hG4bK"
HIGHEST_CSEQ: Final = 2**31 - 1
HIGHEST_MAX_FORWARDS: Final = 255
TOKEN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")
_LONGEST_NUMBER: Final = 10
_LONGEST_REMEMBERED: Final = 512
_USUAL_ADDRESS: Final = re.compile(r'(?:"([^"\\<>]*)"[ \t]*)?<([^<>":\s]+:[^<>"\s]*)>(?:;tag=([^\s;="<>,]+))?')
"""How nearly every From and To is written; all others are read with more care."""

Parameters = dict[str, str | None]
"""Names in lower case; values without quotes; None for a name alone."""


def canonical_name(name: str) -> str:
    """The one spelling of a header's name; a name that is not known stays as it is."""
    return CANONICAL.get(name) or CANONICAL.get(name.lower()) or name


class Via(NamedTuple):
    """The topmost Via: where the request says that it came from (RFC 3261 §20.42)."""

    transport: str
    """Upper case: ``UDP``."""
    host: str
    """Sent-by, IPv6 without brackets."""
    port: int | None
    parameters: Parameters

    @property
    def branch(self) -> str:
        """The branch parameter, or empty."""
        return self.parameters.get("branch") or ""

    @property
    def sent_by(self) -> tuple[str, int]:
        """Host, and port with its default filled in."""
        return self.host, self.port or DEFAULT_PORT

    @property
    def has_unique_branch(self) -> bool:
        """Whether the branch identifies the transaction (RFC 3261 §8.1.1.7); the bare cookie does not."""
        return self.branch.startswith(MAGIC_COOKIE) and len(self.branch) > len(MAGIC_COOKIE)


class CSeq(NamedTuple):
    """Sequence number and method."""

    number: int
    method: str


class NameAddress(NamedTuple):
    """A name-addr or addr-spec with its header parameters: From, To, Contact, Route and their kin."""

    display: str
    """Without quotes and escapes."""
    uri: str
    """As it stands."""
    parameters: Parameters

    @property
    def tag(self) -> str:
        """The tag parameter, or empty."""
        return self.parameters.get("tag") or ""

    def __str__(self) -> str:
        display = f"{quoted(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>" + "".join(f";{name}" + _assigned(value) for name, value in self.parameters.items())


def parse_via(value: str) -> Via:
    """Read one Via value (no comma outside quotes). Raises `ParseError`."""
    protocol, *parts = _split(value, ";") if '"' in value else value.split(";")
    if protocol.startswith("SIP/2.0/"):
        rest = protocol[8:]
    else:
        name, first_slash, rest = protocol.partition("/")
        version, second_slash, rest = rest.partition("/")
        if not first_slash or not second_slash or name.strip().upper() != "SIP" or version.strip() != "2.0":
            raise ParseError(f"not a Via: {value[:60]!r}; expected SIP/2.0/UDP host:port;branch=…")
    transport, hostport = _first_word(rest.lstrip())
    if not transport or not TOKEN.issuperset(transport) or not hostport:
        raise ParseError(f"Via without transport and sent-by: {value[:60]!r}")
    host, port = parse_hostport(hostport.strip())
    return Via(transport.upper(), host, port, _parameters(parts))


def parse_cseq(value: str) -> CSeq:
    """Read a CSeq value. Raises `ParseError`."""
    parts = value.split()
    if len(parts) != 2 or not TOKEN.issuperset(parts[1]):
        raise ParseError(f"not a CSeq: {value[:60]!r}; expected a number and a method")
    return CSeq(parse_number(parts[0], "CSeq", HIGHEST_CSEQ), parts[1])


def parse_number(text: str, what: str, highest: int) -> int:
    """Read a decimal number from 0 to ``highest``. Raises `ParseError`."""
    if text.isdecimal() and text.isascii() and len(text) < _LONGEST_NUMBER and (number := int(text)) <= highest:
        return number
    digits = text.strip()
    if digits.isascii() and digits.isdigit() and len(digits.lstrip("0")) <= _LONGEST_NUMBER and int(digits) <= highest:
        return int(digits)
    raise ParseError(f"{what} is {text[:40]!r}; expected a number from 0 to {highest}")


def parse_address(value: str) -> NameAddress:
    """Read a name-addr or addr-spec. Without angle brackets all parameters are the header's (§20). Raises `ParseError`."""
    text = value.strip()
    if usual := _USUAL_ADDRESS.fullmatch(text):
        display, uri, tag = usual.groups()
        return NameAddress(display or "", uri, {"tag": tag} if tag else {})
    display = ""
    if text.startswith('"'):
        end = _end_of_quote(text, 0)
        display = _unescaped(text[1:end])
        text = text[end + 1 :].lstrip()
        if not text.startswith("<"):
            raise ParseError(f"no <URI> after the display name: {value[:60]!r}")
    opening = text.find("<")
    if opening < 0:
        uri, *parts = text.split(";") if '"' not in text else _split(text, ";")
        uri = uri.rstrip()
    else:
        closing = text.find(">", opening)
        if closing < 0:
            raise ParseError(f"no > after a < in {value[:60]!r}")
        if not display:
            display = text[:opening].strip()
            if '"' in display:
                raise ParseError(f"stray quote in the display name: {value[:60]!r}")
        uri = text[opening + 1 : closing].strip()
        rest = text[closing + 1 :].lstrip()
        if rest and not rest.startswith(";"):
            raise ParseError(f"unexpected {rest[:20]!r} after <URI>; expected a semicolon")
        parts = (rest[1:].split(";") if '"' not in rest else _split(rest[1:], ";")) if rest else []
    if ":" not in uri:
        raise ParseError(f"no URI in {value[:60]!r}; expected <sip:user@host>")
    return NameAddress(display, uri, _parameters(parts))


def parse_list(value: str) -> list[str]:
    """Cut a header value at the commas that stand outside quotes and angle brackets; empty items are left out."""
    if "," not in value:
        stripped = value.strip()
        return [stripped] if stripped else []
    items = _split(value, ",") if '"' in value or "<" in value else value.split(",")
    return [stripped for item in items if (stripped := item.strip())]


NO_TOKENS: Final[frozenset[str]] = frozenset()


def tokens(values: tuple[str, ...]) -> frozenset[str]:
    """The words of a header that lists tokens: Allow, Supported, Require. Never raises: what is no token matches nothing."""
    if not values:
        return NO_TOKENS
    return _tokens(values) if sum(map(len, values)) <= _LONGEST_REMEMBERED else frozenset(_words(values))


def parse_parameters(value: str) -> tuple[str, Parameters]:
    """Read ``value;name=value;…`` as Content-Type and its kin have it. Raises `ParseError`."""
    first, *parts = _split(value, ";") if '"' in value else value.split(";")
    return first.strip(), _parameters(parts)


def quoted(text: str) -> str:
    """A quoted-string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_via(transport: str, host: str, port: int, branch: str) -> str:
    """A Via of ours, asking for the source port (RFC 3581)."""
    return f"SIP/2.0/{transport} {bracketed(host)}:{port};branch={branch};rport"


@lru_cache(maxsize=1024)
def _tokens(values: tuple[str, ...]) -> frozenset[str]:
    """Remembered, for a phone says the same in each message."""
    return frozenset(_words(values))


def _words(values: tuple[str, ...]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",")]


def _assigned(value: str | None) -> str:
    if value is None:
        return ""
    return "=" + (value if value and (TOKEN.issuperset(value) or value.startswith("[")) else quoted(value))


def _parameters(parts: list[str]) -> Parameters:
    found: Parameters = {}
    for part in parts:
        name, equals, text = part.partition("=")
        name = name.strip().lower()
        if not name:
            raise ParseError("empty parameter; expected ;name=value")
        value = text.strip() if equals else None
        if value and value[0] == '"':
            if _end_of_quote(value, 0) != len(value) - 1:
                raise ParseError(f"text after the closing quote of parameter {name[:20]!r}")
            value = _unescaped(value[1:-1])
        if name not in found:
            found[name] = value
    return found


def _first_word(text: str) -> tuple[str, str]:
    parts = text.split(None, 1)
    return (parts[0], parts[1]) if len(parts) == 2 else (text, "")


def _end_of_quote(text: str, start: int) -> int:
    """Index of the quote that closes the one at ``start``."""
    position = start + 1
    while True:
        end = text.find('"', position)
        if end < 0:
            raise ParseError(f"no closing quote in {text[:60]!r}")
        backslashes = 0
        while text[end - 1 - backslashes] == "\\":
            backslashes += 1
        if backslashes % 2 == 0:
            return end
        position = end + 1


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    plain = []
    characters = iter(text)
    for character in characters:
        plain.append(next(characters, "") if character == "\\" else character)
    return "".join(plain)


def _split(text: str, separator: str) -> list[str]:
    """Cut at separators outside quotes and angle brackets."""
    parts: list[str] = []
    start = position = 0
    while position < len(text):
        character = text[position]
        if character == '"':
            position = _end_of_quote(text, position)
        elif character == "<":
            closing = text.find(">", position)
            position = closing if closing > 0 else len(text)
        elif character == separator:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    parts.append(text[start:])
    return parts
