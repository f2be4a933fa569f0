"""Bearer tokens: who comes with which, by hash only."""

from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest

from config.settings import TokenSettings
from control_api.identities import identity_of_token
from control_api.permissions import Identity


def hash_of(token: str) -> str:
    """What the configuration holds of a token. Tokens are long and random, so a plain hash is enough."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class TokenStore:
    """The configured tokens."""

    def __init__(self, tokens: Iterable[TokenSettings]) -> None:
        self.take(tokens)

    def take(self, tokens: Iterable[TokenSettings]) -> None:
        """From now on these are the tokens; who is connected stays who he is."""
        self._identities = [(token.sha256, identity_of_token(token)) for token in tokens]

    def identity(self, token: str) -> Identity | None:
        """Whose token it is; None: nobody's. Takes as long for a right one as for a wrong one."""
        offered = hash_of(token)
        found: Identity | None = None
        for stored, identity in self._identities:
            if compare_digest(stored, offered):
                found = identity
        return found
