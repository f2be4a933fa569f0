"""An OpenID issuer's keys.

A token whose key is not known may mean that the issuer has new keys, and may be anybody's nonsense: `Kept` sees to it that the issuer is
not asked for each. While it does not answer, the keys that were had stay good for a day.
"""

from collections.abc import Callable
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from config.identities import IssuerSettings
from control_api.signing_in.discovery import Fetch, NoAnswer, configuration, object_of, safe
from control_api.signing_in.kept import Kept

STALE: Final = 86_400.0
"""Seconds for which keys are good while the issuer is away."""
MOST_KEYS: Final = 100


class IssuerKeys:
    """The keys of one issuer. Times are seconds of one monotonic clock."""

    def __init__(self, settings: IssuerSettings, fetch: Fetch, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._fetch = fetch
        self._kept = Kept(settings, "issuer_keys_unavailable", self._ask, clock)

    async def having(self, key_id: str) -> KeySet:
        """The keys, with the one of this id where the issuer has it. Raises `NoAnswer`."""
        keys = await self._kept.having(lambda keys: key_id in _ids(keys))
        if keys is None or self._kept.age > STALE:
            raise NoAnswer(f"the keys of {self._settings.issuer} cannot be had now")
        return keys

    async def _ask(self) -> KeySet:
        return _read(await self._fetch(await self._place()))

    async def _place(self) -> str:
        """Where the keys are. Raises `ValueError` for a place that somebody on the way could change."""
        place = self._settings.jwks_uri or str((await configuration(self._settings.issuer, self._fetch)).get("jwks_uri", ""))
        return safe(place)


def _read(data: bytes) -> KeySet:
    """The public signature keys of a JWKS; those of other uses and kinds are left out, and a set without any is none."""
    keys = object_of(data).get("keys")
    if not isinstance(keys, list):
        raise ValueError("no list of keys")
    fit = [
        key
        for key in keys[:MOST_KEYS]
        if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
    ]
    if not fit:
        raise ValueError("no key for signatures")
    try:
        return KeySet.import_key_set({"keys": [{name: key[name] for name in key if name not in _PRIVATE} for key in fit]})
    except JoseError as error:
        raise ValueError(str(error)) from error


_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def _ids(keys: KeySet) -> set[str | None]:
    return {key.kid for key in keys.keys}
