"""An OpenID issuer's keys: fetched when they are needed, kept for a while, and asked for anew no more often than is fit.

A token whose key is not known may mean that the issuer has new keys, and may be anybody's nonsense: it leads to one question in
`refetch_after` at most, whoever sends how many. While the issuer does not answer, the keys that were had stay good for a day.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from config.identities import IssuerSettings
from control_api.signing_in.discovery import Fetch, NoAnswer, configuration, object_of, safe

STALE: Final = 86_400.0
"""Seconds for which keys are good while the issuer is away."""
MOST_KEYS: Final = 100

log = structlog.get_logger("control_api")


class IssuerKeys:
    """The keys of one issuer. Times are seconds of one monotonic clock."""

    def __init__(self, settings: IssuerSettings, fetch: Fetch, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched = 0.0
        self._tried: float | None = None
        self._fetching = asyncio.Lock()
        self.fetches = 0
        """How often the issuer was asked."""

    async def having(self, key_id: str) -> KeySet:
        """The keys, with the one of this id where the issuer has it. Raises `NoAnswer`."""
        async with self._fetching:
            if self._wants_fetch(key_id):
                await self._refetch()
        now = self._clock()
        if self._keys is None or now - self._fetched > STALE:
            raise NoAnswer(f"the keys of {self._settings.issuer} cannot be had now")
        return self._keys

    def _wants_fetch(self, key_id: str) -> bool:
        now = self._clock()
        if self._tried is not None and now - self._tried < self._settings.refetch_after:
            return False
        return self._keys is None or now - self._fetched >= self._settings.keep_keys or key_id not in _ids(self._keys)

    async def _refetch(self) -> None:
        self._tried = self._clock()
        self.fetches += 1
        try:
            keys = _read(await self._fetch(await self._place()))
        except (OSError, ValueError, JoseError) as error:
            log.warning("issuer_keys_unavailable", issuer=self._settings.issuer, problem=str(error)[:200])
            return
        self._keys, self._fetched = keys, self._clock()

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
    return KeySet.import_key_set({"keys": [{name: key[name] for name in key if name not in _PRIVATE} for key in fit]})


_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def _ids(keys: KeySet) -> set[str | None]:
    return {key.kid for key in keys.keys}
