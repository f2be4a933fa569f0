"""Tokens of OpenID issuers, exchanged for who somebody is here (RFC 7519, OpenID Connect Core §3.1.3.7).

A token counts if the issuer and the audience are the configured ones to the letter, its signature is by a key of the issuer and an
algorithm that the configuration names (never by what the token says it is), `exp` is ahead, `nbf` and `iat` are not, and it was not
exchanged before. What it may do here, the first grant that fits says: a role of the configuration, never a claim by itself.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError

from config.identities import IssuerSettings, RoleSettings
from control_api.identities import ceiling_of
from control_api.permissions import Identity, Refusal
from control_api.signing_in.discovery import Discovery, Fetch, NoAnswer
from control_api.signing_in.keys import IssuerKeys
from control_api.standing import Standing

LONGEST: Final = 16_384
MOST_SEEN: Final = 100_000
"""Exchanged tokens that are remembered until they expire; while there is no room nobody signs in by one."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+|:=-]{0,127}")
_HINT: Final = "get a fresh token from the issuer"


@dataclass(frozen=True, slots=True)
class _Known:
    """An issuer, what was fetched of it, and what those who come by it hang on."""

    settings: IssuerSettings
    keys: IssuerKeys
    discovery: Discovery
    standing: Standing


class Issuers:
    """All issuers of the configuration. ``wall``: seconds since 1970, which tokens count in; ``clock``: monotonic."""

    def __init__(self, fetch: Fetch, wall: Callable[[], float], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._wall = wall
        self._clock = clock
        self._issuers: dict[str, _Known] = {}
        self._roles: dict[str, RoleSettings] = {}
        self._seen: OrderedDict[str, float] = OrderedDict()
        """Hashes of tokens that were exchanged, and when they expire."""

    def take(self, issuers: Iterable[IssuerSettings], roles: Iterable[RoleSettings]) -> None:
        """From now on these are the issuers and the roles. Who came by an issuer that changed, or whose roles did, is out."""
        before, roles_before = self._issuers, self._roles
        self._issuers = {}
        self._roles = {role.name: role for role in roles}
        for settings in issuers:
            known = before.get(settings.issuer)
            changed_roles = any(self._roles.get(grant.role) != roles_before.get(grant.role) for grant in settings.grants)
            if known is None or known.settings != settings or changed_roles:
                known = self._met(settings)
            self._issuers[settings.issuer] = known
        for name, known in before.items():
            if name not in self._issuers or self._issuers[name] is not known:
                known.standing.withdraw()

    def _met(self, settings: IssuerSettings) -> _Known:
        keys = IssuerKeys(settings, self._fetch, self._clock)
        return _Known(settings, keys, Discovery(settings, self._fetch, self._clock), Standing(f"issuer:{settings.name}"))

    @property
    def names(self) -> list[str]:
        """What the issuers are called."""
        return [known.settings.name for known in self._issuers.values()]

    @property
    def redirecting_names(self) -> list[str]:
        """What those are called that a browser can be sent to."""
        return [known.settings.name for known in self._issuers.values() if known.settings.redirect_uri]

    def redirecting(self, name: str) -> tuple[IssuerSettings, Discovery] | None:
        """The issuer of this name that a browser can be sent to."""
        return next(
            (
                (known.settings, known.discovery)
                for known in self._issuers.values()
                if known.settings.name == name and known.settings.redirect_uri
            ),
            None,
        )

    async def exchange(self, token: str, by: IssuerSettings | None = None, nonce: str = "") -> Identity:
        """Whose token this is; from now on it is used up. ``by``: who gave it to us, and for which ``nonce``. Raises `Refusal`."""
        header, claimed = _unverified(token)
        found = self._issuers.get(str(claimed.get("iss")))
        if found is None:
            raise Refusal("unauthenticated", "the token is of no issuer that is known here", "issuers are named in the configuration")
        settings = found.settings
        if by is not None and by != settings:
            raise Refusal("unauthenticated", "the token is another issuer's", _HINT)
        try:
            known = await found.keys.having(str(header.get("kid", "")))
        except NoAnswer as error:
            raise Refusal("unavailable", str(error), "try again soon; the server's log says why") from None
        try:
            claims = jwt.decode(token, known, algorithms=list(settings.algorithms)).claims
        except (JoseError, ValueError, TypeError) as error:
            raise Refusal("unauthenticated", f"the token is not good ({_named(error)})", _HINT) from None
        self._check_times(settings, claims)
        _check_audience(settings, claims)
        if by is not None and not compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise Refusal("unauthenticated", "the token was not made for this signing in", _HINT)
        identity = self._identity(settings, claims, found.standing)
        self._use_up(token, float(claims["exp"]) + settings.leeway)
        return identity

    def _check_times(self, settings: IssuerSettings, claims: Mapping[str, Any]) -> None:
        """RFC 7519 §4.1.4 to §4.1.6."""
        now = self._wall()
        times = {name: claims[name] for name in ("exp", "nbf", "iat") if claims.get(name) is not None}
        if any(isinstance(time, bool) or not isinstance(time, int | float) for time in times.values()):
            raise Refusal("unauthenticated", "the token's times are no numbers", _HINT)
        if "exp" not in times or not now < times["exp"] + settings.leeway:
            raise Refusal("unauthenticated", "the token has expired, or never says when it does", _HINT)
        for name in ("nbf", "iat"):
            if name in times and not times[name] <= now + settings.leeway:
                raise Refusal("unauthenticated", f"the token is not good yet ({name})", "look at both clocks")

    def _identity(self, settings: IssuerSettings, claims: Mapping[str, Any], standing: Standing) -> Identity:
        name = _claim(claims, settings.name_claim)
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise Refusal("unauthenticated", f"the token's {settings.name_claim} is no name that can be used", "see issuers.name_claim")
        if settings.name_claim == "email" and claims.get("email_verified") is not True:
            raise Refusal("unauthenticated", "the token's e-mail address was not verified", "verify it at the issuer")
        return Identity(name, _tenant(settings, claims), ceiling_of(self._role(settings, claims)), standing=standing)

    def _role(self, settings: IssuerSettings, claims: Mapping[str, Any]) -> RoleSettings:
        said = _claim(claims, settings.roles_claim)
        values = said if isinstance(said, list) else str(said).split() if isinstance(said, str) else []
        for grant in settings.grants:
            if grant.value == "*" or grant.value in values:
                return self._roles[grant.role]
        raise Refusal("forbidden", "nothing here is granted to what the issuer says of you", "see issuers.grants in the configuration")

    def _use_up(self, token: str, until: float) -> None:
        now = self._wall()
        for hashed, expires in list(self._seen.items()) if len(self._seen) >= MOST_SEEN else ():
            if expires <= now:
                del self._seen[hashed]
        # by what is signed: a signature can be written in several ways, what it signs cannot
        hashed = sha256(token.rpartition(".")[0].encode()).hexdigest()
        if self._seen.get(hashed, 0.0) > now:
            raise Refusal("unauthenticated", "the token was used before", _HINT)
        if len(self._seen) >= MOST_SEEN:
            raise Refusal("too_many", "too many tokens were exchanged lately", "try again later")
        self._seen[hashed] = until


def _unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token as it says, to find out whose it wants to be."""
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != 3 or not token.isascii():
        raise Refusal("unauthenticated", "this is no signed token (JWT)", _HINT)
    try:
        header, claims = (json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    except (ValueError, RecursionError):
        header = claims = None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Refusal("unauthenticated", "this is no signed token (JWT)", _HINT)
    return header, claims


def _check_audience(settings: IssuerSettings, claims: Mapping[str, Any]) -> None:
    """For us, and where it is for others too, given to us (``azp``)."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    is_ours = claims.get("iss") == settings.issuer and settings.audience in audiences
    azp = claims.get("azp")
    if not is_ours or (azp != settings.audience and (azp is not None or len(audiences) > 1)):
        raise Refusal("unauthenticated", "the token was made for somebody else", "see issuers.audience in the configuration")


def _tenant(settings: IssuerSettings, claims: Mapping[str, Any]) -> str:
    if not settings.tenant_claim:
        return settings.tenant
    tenant = _claim(claims, settings.tenant_claim)
    if not isinstance(tenant, str) or tenant not in settings.tenants:
        raise Refusal("forbidden", "the issuer may not speak for this tenant", "see issuers.tenants in the configuration")
    return tenant


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by the names on the way to it."""
    if path in claims:
        return claims[path]
    here: Any = claims
    for name in path.split("."):
        here = here.get(name) if isinstance(here, Mapping) else None
    return here


def _named(error: Exception) -> str:
    return str(getattr(error, "error", "") or type(error).__name__)
