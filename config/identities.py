"""Who may sign in at the control API, by a password or by an OpenID issuer, and what signing in gives."""

from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr

from config.ceilings import CeilingSettings
from config.section import Name, Seconds, Section

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""Signatures that an issuer's keys can be checked by; none that a shared secret makes."""


class RoleSettings(CeilingSettings):
    """A ceiling with a name, for several identities."""

    name: Name


class IdentitySettings(Section):
    """Somebody who signs in with a password."""

    name: Name
    tenant: Name = "default"
    password: SecretStr
    """An argon2id hash, such as ``mediaserver identity`` makes, or for trying out the password itself."""
    role: str = ""
    """One of the roles, or a ceiling of his own."""
    ceiling: CeilingSettings | None = None
    user: str = ""
    """The SIP user whose phones are this identity's."""
    numbers: tuple[str, ...] = ()
    """Other phones, as SIP URIs, that may be rung for it."""

    @property
    def has_hashed_password(self) -> bool:
        """Whether the password is kept as a hash."""
        return self.password.get_secret_value().startswith("$argon2id$")


class GrantSettings(Section):
    """Which role an issuer's word gives."""

    value: str = Field(min_length=1, max_length=256)
    """A value of the roles claim; ``*``: whoever has a token at all."""
    role: Name


CALLBACK: Final = "/v1/sign-in/callback"
"""Where a browser comes back from an issuer's page."""


class IssuerSettings(Section):
    """An OpenID issuer whose tokens are exchanged for a session here, or at whose own page one signs in."""

    name: Name
    issuer: str = Field(pattern=r"^https?://\S+$")
    """As its tokens say, to the letter."""
    audience: str = Field(min_length=1, max_length=256)
    """Our client id there: who else's tokens are not for us."""
    jwks_uri: str = Field("", pattern=r"^$|^https?://\S+$")
    """Where its keys are; empty: where ``/.well-known/openid-configuration`` says."""
    redirect_uri: str = Field("", pattern=r"^$|^https?://[^\s?#]+$", max_length=2048)
    """Where its page sends browsers back to: this server's address as they see it, and ``/v1/sign-in/callback``; empty: none are sent."""
    client_secret: SecretStr = SecretStr("")
    """What we show it beside our client id; empty: it does without (PKCE is used in any case)."""
    scopes: tuple[Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")], ...] = ("openid",)
    """What it is asked for; ``openid`` must be among them."""
    algorithms: tuple[Algorithm, ...] = Field(("RS256", "ES256"), min_length=1)
    tenant: Name = "default"
    tenant_claim: str = ""
    """The claim that names the tenant, which must be one of ``tenants``; empty: ``tenant`` it is."""
    tenants: tuple[Name, ...] = ()
    name_claim: str = Field("sub", min_length=1)
    """The claim that names the identity; it must be one that users of the issuer cannot choose freely."""
    roles_claim: str = Field("roles", min_length=1)
    """Names of nested claims are separated by dots."""
    grants: tuple[GrantSettings, ...] = ()
    """The first that fits is the only one."""
    leeway: float = Field(30, ge=0, le=300)
    """Seconds by which its clock may differ from ours."""
    refetch_after: Seconds = 30
    """Its keys are asked for once in so many seconds at most, whatever tokens come."""
    keep_keys: Seconds = 3600
    """Keys are asked for anew after so many seconds."""


class SigningInSettings(Section):
    """What signing in gives, and who is kept from it."""

    access: float = Field(900, ge=10, le=86_400)
    """Seconds that an access token is good for."""
    session: float = Field(43_200, ge=60, le=86_400 * 30)
    """Seconds after which one must sign in anew, however often the access was renewed."""
    sessions: int = Field(10_000, ge=1)
    """At once."""
    sessions_each: int = Field(20, ge=1)
    """Of one identity; beyond it the eldest ends."""
    link: float = Field(120, ge=1, le=86_400)
    """Seconds that a listen-in link is good for at most."""
    guest: float = Field(3600, ge=10, le=86_400)
    """Seconds that whoever came by a link may stay."""
    failures: int = Field(5, ge=1)
    """Wrong passwords for one name from one address within ``failure_window`` before it is locked."""
    failure_window: Seconds = 900
    lock: Seconds = 300
    secure_cookies: bool = True
    """Cookies over TLS alone (browsers count a loopback address as safe); false is for trying out without it."""
    proxies: tuple[str, ...] = ()
    """Addresses and networks of reverse proxies, whose X-Forwarded-For is believed about where a client is."""
