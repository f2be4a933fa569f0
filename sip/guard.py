"""Who may send how much, and who is kept out for a time. Asked before a message is read, so that a flood costs little.

- Every source has a bucket of messages; what comes when it is empty is dropped without a word. A source is an IPv4 address, or an
  IPv6 network of 64 bits, which is what one subscriber has.
- Messages of a call that stands (or that we are placing) do not draw on it: each call has a bucket of its own.
- New requests of all sources together have a bucket too; beyond it they get 503. Its last quarter is kept for trusted sources.
- A wrong proof makes the next answer later; too many of them in a while keep their source out. Only a proof over a nonce that was given
  to that very address counts (`sip.digest`), so nobody can be kept out by forged datagrams.
- Trusted sources (trunks, proxies) have no bucket and are never kept out: behind them, and behind an address that a phone is registered
  from, it is the user who is. Whom we keep out by name is answered like anybody with a wrong secret.
- Every table is bounded, and forgets those not heard of for longest.
"""

import ipaddress
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sip.bucket import Bucket
from sip.transport.flow import Flow

RESERVE: Final = 0.25
"""Part of the bucket for new requests that only trusted sources may use."""
FIRST_DELAY: Final = 0.25
"""Seconds that the answer to a second wrong proof waits; doubled with each one more."""
LONGEST_NAME: Final = 64

_CALL_ID: Final = re.compile(rb"\n(?:call-id|i)[ \t]*:([^\r\n]*)", re.IGNORECASE)
"""One way only in which blanks can be matched: who sends a datagram of them must not cost more than another."""
_USUAL: Final = b"\nCall-ID:"
"""As nearly everybody spells it: found ten times as fast."""
_SUBSCRIBER_BITS: Final = 64

Key = tuple[str, str]
"""Source, and the user where it is he who is meant."""


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Limits; a rate of 0 is none. Rates are a second, times in seconds."""

    trusted: tuple[str, ...] = ()
    """Addresses and networks."""
    rate: float = 50
    """Messages of one source."""
    burst: float = 200
    """What it may send at once."""
    call_rate: float = 20
    """Messages of one call."""
    call_burst: float = 100
    new_rate: float = 1000
    """New requests outside of dialogs, of all sources."""
    new_burst: float = 2000
    failures: int = 10
    """Wrong proofs in ``failure_window`` that keep a source out; 0: none does."""
    failure_window: float = 300
    ban: float = 600
    slowest: float = 2
    """No answer waits for longer."""
    max_sources: int = 10_000
    """Entries of each table."""


@dataclass(frozen=True, slots=True)
class Ban:
    """Somebody who is kept out."""

    source: str
    """Address, or network of IPv6."""
    user: str
    """Empty: everybody there."""
    until: float
    """On the monotonic clock."""


@dataclass(slots=True)
class _Call:
    """A call that stands, or several sessions under one Call-ID."""

    bucket: Bucket
    sessions: int = 1


@dataclass(slots=True)
class _Failures:
    """Wrong proofs of somebody, since the first of them."""

    since: float
    count: int = 0


class Guard:
    """All buckets, failures and bans. Times are seconds of one monotonic clock."""

    def __init__(self, settings: GuardSettings) -> None:
        """Raises `ValueError` where a trusted source is neither address nor network."""
        self._settings = settings
        self._networks = [ipaddress.ip_network(text, strict=False) for text in settings.trusted]
        self._sources: dict[str, tuple[str, bool]] = {}
        """By address: its source, and whether it is trusted."""
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._calls: dict[str, _Call] = {}
        self._new = Bucket(settings.new_burst)
        self._failures: OrderedDict[Key, _Failures] = OrderedDict()
        self._bans: OrderedDict[Key, float] = OrderedDict()
        self.is_registered: Callable[[Flow], bool] = lambda flow: False
        """Whether a phone is registered from this very flow."""

    def __len__(self) -> int:
        return len(self._buckets) + len(self._failures) + len(self._bans)

    # -- what arrives

    def refuses(self, data: bytes, flow: Flow, now: float) -> str:
        """Why a message that arrived is to be dropped; empty where it may be read."""
        source, is_trusted = self._source(flow.remote[0])
        if is_trusted:
            return ""
        if self._calls and (call := self._call_of(data)) is not None:
            return "" if self._takes(call.bucket, self._settings.call_rate, now) else "flood_in_call"
        if self.shuts_out(flow, now):
            return "banned"
        return "" if self._takes(self._bucket(source), self._settings.rate, now) else "flood"

    def shuts_out(self, flow: Flow, now: float) -> bool:
        """Whether a source is kept out, and no phone is registered from this very flow."""
        if not self._bans:
            return False
        source, is_trusted = self._source(flow.remote[0])
        return not is_trusted and self._is_banned((source, ""), now) and not self.is_registered(flow)

    def takes_new(self, flow: Flow, now: float) -> bool:
        """Whether there is room for one more new request outside of dialogs."""
        reserve = 0.0 if self.is_trusted(flow.remote[0]) else RESERVE * self._new.size
        return self._takes(self._new, self._settings.new_rate, now, reserve)

    def is_trusted(self, host: str) -> bool:
        """Whether this address is a trunk's or a proxy's."""
        return self._source(host)[1]

    def trust(self, *texts: str) -> None:
        """Trust more addresses or networks. Raises `ValueError` where one is neither."""
        self._networks += [ipaddress.ip_network(text, strict=False) for text in texts]
        self._sources.clear()

    def stands(self, call_id: str) -> None:
        """A call was confirmed, or is placed by us."""
        call = self._calls.get(call_id)
        if call is None:
            self._calls[call_id] = _Call(Bucket(self._settings.call_burst))
        else:
            call.sessions += 1

    def ended(self, call_id: str) -> None:
        """It is over."""
        call = self._calls.get(call_id)
        if call is not None:
            call.sessions -= 1
            if call.sessions == 0:
                del self._calls[call_id]

    # -- who proves wrong

    def failed(self, flow: Flow, user: str, now: float) -> Ban | None:
        """Note a wrong proof; the ban that comes of it, if one does."""
        settings, key = self._settings, self._accountable(flow, user)
        found = self._failures.get(key)
        if found is None or now - found.since > settings.failure_window:
            found = self._failures[key] = _Failures(now)
        self._failures.move_to_end(key)
        self._forget_eldest(self._failures)
        found.count += 1
        if not settings.failures or found.count < settings.failures:
            return None
        del self._failures[key]
        self._bans[key] = now + settings.ban
        self._bans.move_to_end(key)
        self._forget_eldest(self._bans)
        return Ban(*key, self._bans[key])

    def delay(self, flow: Flow, user: str, now: float) -> float:
        """Seconds that the answer to a wrong proof is to wait."""
        key = self._accountable(flow, user)
        if self._is_banned(key, now):
            return self._settings.slowest
        found = self._failures.get(key)
        count = 0 if found is None or now - found.since > self._settings.failure_window else found.count
        return min(self._settings.slowest, FIRST_DELAY * 2.0 ** min(count - 2, 32)) if count > 1 else 0.0

    def keeps_out(self, flow: Flow, user: str, now: float) -> bool:
        """Whether this user is kept out where he comes from, whatever he proves."""
        return bool(self._bans) and self._is_banned(self._accountable(flow, user), now)

    def bans(self, now: float) -> list[Ban]:
        """Who is kept out now, the newest last."""
        return [Ban(*key, until) for key, until in self._bans.items() if until > now]

    def lift(self, source: str, user: str = "") -> bool:
        """Let somebody in again; False where he was not kept out."""
        self._failures.pop((source, user), None)
        return self._bans.pop((source, user), None) is not None

    # -- tables

    def _source(self, host: str) -> tuple[str, bool]:
        found = self._sources.get(host)
        if found is None:
            if len(self._sources) >= self._settings.max_sources:
                self._sources.clear()
            found = self._sources[host] = source_of(host), self._is_in_trusted_network(host)
        return found

    def _is_in_trusted_network(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def _accountable(self, flow: Flow, user: str) -> Key:
        """Who answers for a wrong proof: the source, or the user where many share it."""
        source, is_trusted = self._source(flow.remote[0])
        return source, user[:LONGEST_NAME] if is_trusted or self.is_registered(flow) else ""

    def _is_banned(self, key: Key, now: float) -> bool:
        until = self._bans.get(key)
        if until is None:
            return False
        if until <= now:
            del self._bans[key]
            return False
        return True

    def _call_of(self, data: bytes) -> _Call | None:
        start = data.find(_USUAL)
        if start >= 0:
            value = data[start + len(_USUAL) : data.find(b"\r", start + 1)].strip()
        elif (found := _CALL_ID.search(data)) is not None:
            value = found[1].strip()
        else:
            return None
        return self._calls.get(value.decode("utf-8", "surrogateescape"))

    def _bucket(self, source: str) -> Bucket:
        bucket = self._buckets.get(source)
        if bucket is None:
            bucket = self._buckets[source] = Bucket(self._settings.burst)
            self._forget_eldest(self._buckets)
        else:
            self._buckets.move_to_end(source)
        return bucket

    def _takes(self, bucket: Bucket, rate: float, now: float, reserve: float = 0.0) -> bool:
        return rate == 0 or bucket.take(rate, now, reserve)

    def _forget_eldest(self, table: "OrderedDict[str, Bucket] | OrderedDict[Key, _Failures] | OrderedDict[Key, float]") -> None:
        while len(table) > self._settings.max_sources:
            table.popitem(last=False)


def source_of(host: str) -> str:
    """What one subscriber sends from: the address, of IPv6 the network of 64 bits; a text that is neither stays as it is."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address) >> _SUBSCRIBER_BITS << _SUBSCRIBER_BITS, _SUBSCRIBER_BITS)))
