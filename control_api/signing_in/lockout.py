"""Repeated failure: who guesses is locked out for a time. Pure.

- Failures count for the name at that address, for the address, and for the name wherever it is tried from, with rising patience. What
  names nobody (a token, a link) counts at its address as one name does, and for the address.
- A try counts as wrong until it proved right, so that tries side by side get no more than their number. One that could not be judged does
  not count.
- A right one clears the name at that address; what the address as a whole did wrong stays.
- Nobody is told whether the name exists: names that do not are locked like the others.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from config.identities import SigningInSettings

ADDRESS_FACTOR: Final = 4
"""An address may fail so many times as often as a name there: people share addresses."""
NAME_FACTOR: Final = 10
"""A name from everywhere together: strangers who lock somebody out must try hard."""
EVERY: Final = "*"
"""Stands for whichever name, or address."""
MOST_KEPT: Final = 10_000
SUBSCRIBER_BITS: Final = 64


@dataclass(slots=True)
class _Failures:
    since: float
    count: int = 0
    locked_until: float = 0.0


def source_of(address: str) -> str:
    """What counts as one source: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((address, SUBSCRIBER_BITS), strict=False))


class Lockout:
    """Failures by name and address; times in seconds of one monotonic clock."""

    def __init__(self, settings: SigningInSettings) -> None:
        self._settings = settings
        self._kept: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def begin(self, who: str, address: str, now: float) -> float:
        """One try. Seconds for which it is not even looked at; 0: look, and say whether it `succeeded` or was `not_judged`. who: empty for
        what names nobody."""
        limits = list(self._limits(who, source_of(address)))
        wait = max(self._locked(key, now) for key, _ in limits)
        if wait > 0:
            return wait
        for key, limit in limits:
            failures = self._failures(key, now)
            failures.count += 1
            if failures.count >= limit:
                failures.locked_until = now + self._settings.lock
        return 0.0

    def succeeded(self, who: str, address: str) -> None:
        """The try was right: it was none of the failures."""
        self.not_judged(who, address)
        self._kept.pop((who, source_of(address)), None)

    def not_judged(self, who: str, address: str) -> None:
        """Whether the try was right could not be found out: it does not count, and those before it do."""
        for key, _ in self._limits(who, source_of(address)):
            if failures := self._kept.get(key):
                failures.count = max(0, failures.count - 1)
                failures.locked_until = 0.0

    def _limits(self, who: str, source: str) -> Iterator[tuple[tuple[str, str], int]]:
        each = self._settings.failures
        yield (who, source), each
        yield (EVERY, source), each * ADDRESS_FACTOR
        if who:
            yield (who, EVERY), each * NAME_FACTOR

    def _locked(self, key: tuple[str, str], now: float) -> float:
        failures = self._kept.get(key)
        return 0.0 if failures is None else max(0.0, failures.locked_until - now)

    def _failures(self, key: tuple[str, str], now: float) -> _Failures:
        failures = self._kept.get(key)
        if failures is None or now - failures.since >= self._settings.failure_window or 0 < failures.locked_until <= now:
            failures = self._kept[key] = _Failures(now)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return failures
