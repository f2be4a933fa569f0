"""Digest authentication (RFC 7616, 8760; RFC 2617 and its elder without qop for old phones), as server and as client.

The server keeps no table of the nonces it gave out: a nonce holds its own time of birth and a seal that only this server can make, and
only for the address that was asked. What it does keep, bounded, is how far each nonce was used, so that an overheard request cannot be
sent twice:

- with qop, the nonce count must rise; without qop, the same proof is not taken twice;
- a nonce that is too old, used up, pushed out of the table, from before our restart or given to another address is *stale*: the phone
  is asked again, and its user is not;
- over a nonce that is none of ours, or not this address's, no secret is judged: a right guess would be told by its ``stale``, and a wrong
  one could be forged in anybody's name.

Nobody's secret is known here, only what is hashed from it (HA1); and judging somebody who does not exist is the same work, step by step.
"""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sip.errors import SipError
from sip.uri import Uri

MAX_HEADER: Final = 4096
MAX_NONCES: Final = 10_000
MAX_PROOFS: Final = 64
"""Requests without qop that one nonce can serve."""

_ALGORITHMS: Final = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}
"""Strongest first: the order of the client's choice."""
_STRENGTH: Final = list(_ALGORITHMS)
BOTH: Final = ("MD5", "SHA-256")
"""In this order for phones and tools that read the first challenge only and fail where it is not MD5. A phone that can tell them apart
may take the stronger; who wants nothing else challenges with ``SHA-256`` alone."""
HashOf = Callable[[str, str], str | None]
"""A user's HA1 by his name and the algorithm, `ha1`; None for nobody, or where there is none of this algorithm."""
_MD5_ALONE: Final = re.compile(r"baresip v?(?:[01]\.|2\.[0-8](?!\d))|JsSIP\b", re.IGNORECASE)
"""User agents that fail where a challenge names an algorithm they do not know, instead of passing it over."""
_PARAMETER: Final = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*)\s*(?:,|$)')
_SEAL_BYTES: Final = 16
_SALT_BYTES: Final = 8
_STAMP_BYTES: Final = 8
_NONCE: Final = re.compile(f"[0-9a-f]{{{2 * (_STAMP_BYTES + _SALT_BYTES + _SEAL_BYTES)}}}")


class CredentialsError(SipError):
    """A challenge or credentials that cannot be read."""

    status = 400


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a request's credentials."""

    user: str | None = None
    """Who it is; None where that was not shown."""
    stale: bool = False
    """The nonce cannot serve (any more): challenge again with ``stale``."""
    problem: str = ""
    """Why not, in a word or two; for logs and counters, never for the one who asked."""
    wrong_user: str = ""
    """Whom he said to be who did not know the secret. His nonce was a fresh one of ours, given to this very address: he hears us there."""


@dataclass(slots=True)
class _Use:
    """How far a nonce was used."""

    born: int
    """Milliseconds of the nonce's birth."""
    count: int = 0
    proofs: frozenset[str] = frozenset()
    """Responses without qop."""


class DigestServer:
    """Challenges and judges. ``entropy(n)`` gives n random bytes; times are seconds of one monotonic clock."""

    def __init__(
        self,
        realm: str,
        entropy: Callable[[int], bytes],
        nonce_lifetime: float,
        max_nonces: int = MAX_NONCES,
        algorithms: tuple[str, ...] = BOTH,
        qop: tuple[str, ...] = ("auth",),
    ) -> None:
        """``algorithms`` and ``qop`` are offered in this order, and no other is accepted (phones of the RFC 2069 kind name no qop)."""
        self.realm = realm
        self._algorithms = algorithms
        self._qop = qop
        self._entropy = entropy
        self._lifetime = nonce_lifetime
        self._max_nonces = max_nonces
        self._key = entropy(32)
        self._nobody = entropy(32).hex()
        """HA1 of whoever does not exist: judging him takes as long as judging anybody."""
        self._uses: OrderedDict[str, _Use] = OrderedDict()
        self._forgotten = -1
        """Birth of the youngest nonce whose use was forgotten; those up to it are taken only where they are still known."""

    def challenges(self, source: str, now: float, stale: bool = False, user_agent: str = "") -> list[str]:
        """Values of the WWW-Authenticate headers, one for each algorithm, all with the same nonce, good for the address ``source``.

        ``user_agent`` is the header of the one who asks: who is known to give up at the sight of an algorithm that he does
        not know is offered MD5 alone, if we take MD5.
        """
        nonce = self._nonce(source, now)
        suffix = ", stale=true" if stale else ""
        algorithms = ("MD5",) if "MD5" in self._algorithms and _MD5_ALONE.match(user_agent) else self._algorithms
        qop = ",".join(self._qop)
        return [
            f'Digest realm={_quoted(self.realm)}, nonce="{nonce}", algorithm={algorithm}, qop="{qop}"{suffix}' for algorithm in algorithms
        ]

    def verify(
        self, method: str, uri: str, authorization: str, ha1_of: HashOf, now: float, *, source: str = "", body: bytes = b""
    ) -> Verdict:
        """Judge an Authorization header's value, for a request of this method, Request-URI and body from the address ``source``.

        Never raises.
        """
        try:
            fields = parse(authorization)
        except CredentialsError as error:
            return Verdict(problem=str(error))
        problem = self._shape_problem(fields)
        if problem:
            return Verdict(problem=problem)
        born = self._birth(fields["nonce"], source)
        if born is None or now * 1000 - born > self._lifetime * 1000:
            return Verdict(stale=True, problem="foreign nonce" if born is None else "old nonce")
        user = fields["username"]
        identity = ha1_of(user, fields.get("algorithm", "MD5").upper())
        expected = response(fields, method, self._nobody if identity is None else identity, body)
        is_proven = hmac.compare_digest(expected.encode(), fields["response"].lower().encode("utf-8", "surrogateescape"))
        if identity is None or not is_proven:
            return Verdict(problem="unknown user" if identity is None else "wrong secret", wrong_user=user)
        if not _is_for(fields["uri"], method, uri):
            return Verdict(problem="signed for another address")
        problem = self._reuse(fields, born)
        return Verdict(stale=True, problem=problem) if problem else Verdict(user=user)

    def _shape_problem(self, fields: dict[str, str]) -> str:
        """What is wrong before any secret is looked at; empty where nothing is."""
        missing = [name for name in ("username", "realm", "nonce", "uri", "response") if not fields.get(name)]
        if missing:
            return f"no {missing[0]}"
        if fields["realm"] != self.realm:
            return "other realm"
        if fields.get("algorithm", "MD5").upper() not in self._algorithms:
            return "unknown algorithm"
        qop = fields.get("qop", "")
        if qop and qop not in self._qop:
            return "unknown qop"
        if qop and not (fields.get("cnonce") and re.fullmatch(r"[0-9a-fA-F]{1,8}", fields.get("nc", ""))):
            return "no cnonce or nc"
        return ""

    def _nonce(self, source: str, now: float) -> str:
        """A fresh nonce: birth in milliseconds, salt, seal; hexadecimal."""
        body = int(now * 1000).to_bytes(_STAMP_BYTES, "big", signed=True) + self._entropy(_SALT_BYTES)
        return (body + self._seal(body, source)).hex()

    def _seal(self, body: bytes, source: str) -> bytes:
        return hmac.digest(self._key, body + source.encode(), "sha256")[:_SEAL_BYTES]

    def _birth(self, nonce: str, source: str) -> int | None:
        """Milliseconds at which we made this nonce for this address; None where we did not."""
        if not _NONCE.fullmatch(nonce):
            return None
        raw = bytes.fromhex(nonce)
        body, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(body, source)):
            return None
        return int.from_bytes(body[:_STAMP_BYTES], "big", signed=True)

    def _reuse(self, fields: dict[str, str], born: int) -> str:
        """Why a nonce of this birth cannot serve again; empty where it can, and its use is then noted."""
        nonce = fields["nonce"]
        use = self._uses.get(nonce)
        if use is None:
            if born <= self._forgotten:
                return "forgotten nonce"
            use = self._remember(nonce, born)
        if fields.get("qop"):
            count = int(fields["nc"], 16)
            if count <= use.count:
                return "repeated nonce count"
            use.count = count
            return ""
        proof = fields["response"].lower()
        if proof in use.proofs or len(use.proofs) == MAX_PROOFS:
            return "repeated response"
        use.proofs |= {proof}
        return ""

    def _remember(self, nonce: str, born: int) -> _Use:
        """Begin to count a nonce's uses; the oldest in the table makes room."""
        if len(self._uses) >= self._max_nonces:
            _, oldest = self._uses.popitem(last=False)
            self._forgotten = max(self._forgotten, oldest.born)
        use = self._uses[nonce] = _Use(born)
        return use


def authorize(
    challenges: list[str], *, method: str, uri: str, user: str, secret: str, body: bytes, cnonce: str, nonce_count: int
) -> str | None:
    """Value of the (Proxy-)Authorization header that meets the strongest challenge we know; None where we know none of them.

    ``nonce_count`` is 1 for a nonce's first use and rises with each; ``cnonce`` is our own random text, hexadecimal.
    """
    known = [fields for fields in map(_challenge, challenges) if fields is not None]
    if not known:
        return None
    chosen = min(known, key=lambda fields: _STRENGTH.index(_algorithm(fields)[0]))
    fields = {name: chosen[name] for name in ("realm", "nonce", "opaque", "algorithm") if name in chosen} | {"uri": uri}
    offered = [word.strip().lower() for word in chosen.get("qop", "").split(",") if word.strip()]
    session = _algorithm(chosen)[1]
    if offered:
        fields["qop"] = "auth" if "auth" in offered else "auth-int"
        fields["nc"] = f"{nonce_count:08x}"
    if offered or session:
        fields["cnonce"] = cnonce
    fields["response"] = response(fields, method, ha1(user, fields["realm"], secret, _algorithm(chosen)[0]), body)
    bare = ("algorithm", "qop", "nc")
    rest = ", ".join(f"{name}={value if name in bare else _quoted(value)}" for name, value in fields.items())
    return f"Digest username={_quoted(user)}, {rest}"


def _is_for(signed: str, method: str, uri: str) -> bool:
    """Whether what was signed names what is asked for (RFC 7616 §3.4.6), so that a proof for one number opens no other.

    Who is called must agree; the host of a call is any proxy's to rewrite. For REGISTER, and for the phones that sign their
    registrar's address whomever they call, the host must. Ports and parameters are left out by too many to tell anything.
    """
    if signed == uri:
        return True
    try:
        ours, theirs = Uri.parse(uri), Uri.parse(signed)
    except SipError:
        return False
    if method == "REGISTER" or not theirs.user:
        return ours.host == theirs.host
    return ours.user == theirs.user


def _challenge(text: str) -> dict[str, str] | None:
    """A challenge's parameters; None where it is not one that we can meet."""
    try:
        fields = parse(text)
    except CredentialsError:
        return None
    offered = [word.strip().lower() for word in fields.get("qop", "auth").split(",")]
    usable = "realm" in fields and "nonce" in fields and _algorithm(fields)[0] in _ALGORITHMS and {"auth", "auth-int"} & set(offered)
    return fields if usable else None


def parse(text: str) -> dict[str, str]:
    """Parameters of a ``Digest`` challenge or credentials, names in lower case, quotes removed.

    Raises `CredentialsError` where it is of another scheme, too long, broken, or names a parameter twice.
    """
    if len(text) > MAX_HEADER:
        raise CredentialsError("credentials too long")
    if "\r" in text or "\n" in text or "\0" in text:
        raise CredentialsError("a line end or NUL")
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise CredentialsError("broken characters") from None
    scheme, _, rest = text.strip(", \t").partition(" ")
    if scheme.lower() != "digest":
        raise CredentialsError("not the Digest scheme")
    fields: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PARAMETER.match(rest, position)
        if match is None:
            raise CredentialsError("broken parameters")
        name, value = match[1].lower(), match[2]
        if name in fields:
            raise CredentialsError(f"two parameters {name[:20]}")
        fields[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        position = match.end()
    return fields


def ha1(user: str, realm: str, secret: str, algorithm: str) -> str:
    """What is kept of a secret (RFC 7616 §3.4.2): ``algorithm`` is ``MD5`` or ``SHA-256``; lower-case hexadecimal."""
    return _digest(algorithm, f"{user}:{realm}:{secret}")


def response(fields: dict[str, str], method: str, identity: str, body: bytes) -> str:
    """The proof of knowing the secret behind this HA1 (RFC 7616 §3.4.1), in lower-case hexadecimal."""
    name, session = _algorithm(fields)
    if session:
        identity = _digest(name, f"{identity}:{fields['nonce']}:{fields.get('cnonce', '')}")
    qop = fields.get("qop", "")
    request = f"{method}:{fields['uri']}"
    if qop == "auth-int":
        request += ":" + _ALGORITHMS[name](body).hexdigest()
    if not qop:
        return _digest(name, f"{identity}:{fields['nonce']}:{_digest(name, request)}")
    return _digest(name, f"{identity}:{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{qop}:{_digest(name, request)}")


def _digest(algorithm: str, text: str) -> str:
    return _ALGORITHMS[algorithm](text.encode("utf-8", "surrogateescape")).hexdigest()


def _algorithm(fields: dict[str, str]) -> tuple[str, bool]:
    """Name of the hash and whether it is the session variant; MD5 where none is named."""
    name = fields.get("algorithm", "MD5").upper()
    return name.removesuffix("-SESS"), name.endswith("-SESS")


def _quoted(text: str) -> str:
    """A quoted string (RFC 3261 §25.1). Raises `ValueError` for a line end, which would forge a header."""
    if "\r" in text or "\n" in text or "\0" in text:
        raise ValueError("a line end or NUL cannot be quoted")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
