"""The settings of browser legs: the STUN and TURN servers that browsers are told of, and when a browser counts as gone."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from config.section import Seconds, Section


class IceServerSettings(Section):
    """A STUN or TURN server for browsers."""

    urls: tuple[str, ...] = Field(min_length=1)
    """As RFC 7064 and 7065 write them: ``stun:host:port``, ``turn:host:port?transport=udp``, ``turns:host``."""
    username: str = ""
    """Of a TURN server that knows one user for all; else ``secret``."""
    credential: SecretStr | None = None
    secret: SecretStr | None = None
    """Shared with the TURN server (coturn's ``static-auth-secret``): every browser gets a name and a password of its own, for a while."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        for url in self.urls:
            scheme, _, place = url.partition(":")
            if scheme not in ("stun", "stuns", "turn", "turns") or not place or not url.isprintable() or " " in url:
                raise ValueError(f"{url!r} is no stun:, stuns:, turn: or turns: address")
        if self.secret is not None and (self.username or self.credential is not None):
            raise ValueError("give either secret, or username and credential")
        needs_password = any(url.startswith("turn") for url in self.urls)
        if needs_password and self.secret is None and not (self.username and self.credential is not None):
            raise ValueError("a TURN server needs secret, or username and credential")
        return self


class IceSettings(Section):
    """Browser legs."""

    servers: tuple[IceServerSettings, ...] = ()
    credential_lifetime: Seconds = 3600
    """How long a name and password made from ``secret`` are good for."""
    lost_after: float = Field(30, ge=5, le=600)
    """Seconds without a check of its ICE, or without a client of its identity, after which a browser's leg ends."""
