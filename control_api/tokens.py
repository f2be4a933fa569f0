"""Bearer tokens: who comes with which, by hash only."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from config.settings import TokenSettings
from control_api.identities import carry_on, identity_of_token
from control_api.permissions import Identity, Refusal
from control_api.standing import Standing

ACCESS: Final = "msa_"
"""How the access tokens of sessions begin, so that one that leaked is known for what it is."""


def hash_of(token: str) -> str:
    """What is kept of a token. Tokens are long and random, so a plain hash is enough."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class TokenStore:
    """The configured tokens."""

    def __init__(self, tokens: Iterable[TokenSettings]) -> None:
        self._identities: dict[str, Identity] = {}
        self.sessions: Callable[[str], Identity | None] = lambda access: None
        """Whose access token this is, of those who signed in."""
        self.take(tokens)

    def take(self, tokens: Iterable[TokenSettings]) -> None:
        """From now on these are the tokens. Whoever came by one that is gone, or permits less now, is out."""
        self._identities = carry_on(self._identities, {token.sha256: identity_of_token(token) for token in tokens})

    def identity(self, token: str) -> Identity | None:
        """Whose token it is; None: nobody's, any more. Takes as long for a right one as for a wrong one."""
        if token.startswith(ACCESS):
            return self.sessions(token)
        offered = hash_of(token)
        found: Identity | None = None
        for stored, identity in self._identities.items():
            if compare_digest(stored, offered):
                found = identity
        return None if found is None or found.standing.is_withdrawn else found

    def known(self, token: str) -> Identity:
        """Whose token it is. Raises `Refusal`."""
        identity = self.identity(token)
        if identity is None:
            raise Refusal("unauthenticated", "unknown token", "mediaserver token makes one; its stanza belongs in the configuration")
        return identity

    def standings(self, tenant: str, name: str) -> Iterator[Standing]:
        """Of somebody's tokens."""
        return (one.standing for one in self._identities.values() if (one.tenant, one.name) == (tenant, name))
