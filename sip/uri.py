"""SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966): read, taken apart, written."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from sip.errors import ParseError, UnsupportedScheme, UriTooLong

DEFAULT_PORT: Final = 5060
SCHEMES: Final = frozenset({"sip", "sips", "tel"})
LONGEST: Final = 2048

USER_SAFE: Final = "&=+$,;?/-_.!~*'()"
"""What stays as it is in a user part, beside letters and digits (RFC 3261 §25.1)."""
_PARAMETER_SAFE: Final = "[]/:&+$-_.!~*'()"
_SCHEME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-.")
_HOST_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
_IPV6_CHARACTERS: Final = frozenset("0123456789abcdefABCDEF:.%")
_HIGHEST_PORT: Final = 65_535
_LONGEST_PORT: Final = 5
_LONGEST_KNOWN: Final = 128
"""Characters of a host with its port that is remembered."""


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI taken apart. Two spellings of one user compare equal, since escapes are undone."""

    scheme: str
    """Lower case: ``sip``, ``sips`` or ``tel``."""
    user: str
    """Without escapes; empty where there is none. The number of a tel URI."""
    host: str
    """Lower case name or address, IPv6 without brackets; empty for tel."""
    port: int | None = None
    """None: the transport's default."""
    parameters: tuple[tuple[str, str | None], ...] = field(default=())
    """Names in lower case, without escapes; None for a name alone."""
    password: str | None = None
    headers: str = ""
    """What follows ``?``, as it stands. Kept, never obeyed."""

    @classmethod
    def parse(cls, text: str) -> "Uri":
        """Read a URI. Raises `UnsupportedScheme` (416) for one that is not SIP, `ParseError` for nonsense."""
        return _parse(text)

    def parameter(self, name: str) -> str | None:
        """A parameter's value: empty where it has none, None where it is absent."""
        for key, value in self.parameters:
            if key == name:
                return value or ""
        return None

    @property
    def is_loose_router(self) -> bool:
        """Whether a route with this URI is a loose one (RFC 3261 §19.1.1, ``lr``)."""
        return self.parameter("lr") is not None

    @property
    def hostport(self) -> tuple[str, int]:
        """Host, and port with its default filled in."""
        return self.host, self.port or DEFAULT_PORT

    def __str__(self) -> str:
        tail = "".join(f";{_escape(name, _PARAMETER_SAFE)}" + _assigned(value) for name, value in self.parameters)
        if self.scheme == "tel":
            return f"tel:{_escape(self.user, USER_SAFE)}{tail}"
        user = _escape(self.user, USER_SAFE)
        if self.password is not None:
            user += ":" + _escape(self.password, "&=+$,-_.!~*'()")
        at = "@" if user else ""
        port = "" if self.port is None else f":{self.port}"
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{at}{bracketed(self.host)}{port}{tail}{headers}"


def bracketed(host: str) -> str:
    """A host as URIs, Via and SDP-free headers spell it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def parse_hostport(text: str) -> tuple[str, int | None]:
    """Read ``host[:port]``; IPv6 comes in brackets and is returned without. Raises `ParseError`."""
    # The same few peers stand in nearly every message; what is too long for a peer shall not fill the memory.
    return _known_hostport(text) if len(text) <= _LONGEST_KNOWN else _hostport(text)


def _hostport(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        inside, closed, rest = text[1:].partition("]")
        if not closed or not inside or not _IPV6_CHARACTERS.issuperset(inside):
            raise ParseError(f"not an IPv6 reference: {text[:60]!r}; expected [address]")
        if rest and not rest.startswith(":"):
            raise ParseError(f"unexpected {rest[:20]!r} after an IPv6 reference; expected a colon and a port")
        return inside.lower(), _port(rest[1:]) if rest else None
    host, colon, port = text.partition(":")
    host = host.rstrip()
    if not host or not _HOST_CHARACTERS.issuperset(host):
        raise ParseError(f"not a host: {host[:60]!r}; expected a name, an IPv4 address or [IPv6]")
    return host.lower(), _port(port.lstrip()) if colon else None


_known_hostport = lru_cache(maxsize=4096)(_hostport)


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_PORT and int(text) <= _HIGHEST_PORT:
        return int(text)
    raise ParseError(f"not a port: {text[:20]!r}; expected 0 to 65535")


@lru_cache(maxsize=4096)
def _parse(text: str) -> Uri:
    if len(text) > LONGEST:
        raise UriTooLong(f"URI of {len(text)} characters; at most {LONGEST} are accepted")
    if not text.isascii():
        # Bytes that are not UTF-8 stand for nobody; as text they could be neither written nor shown.
        text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if " " in text or not text.isprintable():
        # No blank, control or separator of any script: what is written from it must be one word again.
        raise ParseError(f"blank or control character in a URI: {text[:60]!r}")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or not scheme or not scheme[0].isalpha() or not _SCHEME_CHARACTERS.issuperset(scheme):
        raise ParseError(f"not a URI: {text[:60]!r}; expected sip:user@host")
    if any(character in text for character in ' \t<>"\n'):
        raise ParseError(f"blank, quote or angle bracket inside a URI: {text[:60]!r}")
    if scheme not in SCHEMES:
        raise UnsupportedScheme(f"URI scheme {scheme!r}; sip, sips and tel are served")
    if scheme == "tel":
        number, *parameters = rest.split(";")
        if not number:
            raise ParseError("tel URI without a number")
        return Uri(scheme, _plain(number), "", parameters=_parameters(parameters))
    user, password, rest = _userinfo(rest)
    rest, _, headers = rest.partition("?")
    hostport, *parameters = rest.split(";")
    host, port = parse_hostport(hostport)
    return Uri(scheme, user, host, port, _parameters(parameters), password, headers)


def _userinfo(text: str) -> tuple[str, str | None, str]:
    """Cut user and password off; an unescaped ``@`` can stand nowhere else, so the first one ends them."""
    userinfo, at, rest = text.partition("@")
    if not at:
        return "", None, text
    user, colon, password = userinfo.partition(":")
    if not user:
        raise ParseError("URI with an @ and no user before it")
    return _plain(user), _plain(password) if colon else None, rest


def _parameters(parts: list[str]) -> tuple[tuple[str, str | None], ...]:
    found = []
    for part in parts:
        name, equals, value = part.partition("=")
        if not name:
            raise ParseError("empty URI parameter")
        found.append((_plain(name).lower(), _plain(value) if equals else None))
    return tuple(found)


def _plain(text: str) -> str:
    return unquote(text) if "%" in text else text


def _escape(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="replace")


def _assigned(value: str | None) -> str:
    return "" if value is None else "=" + _escape(value, _PARAMETER_SAFE)
