"""One question to DNS, by dnspython, and what comes back as `sip.location` has it. Nothing that DNS can do raises here."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdata
import dns.resolver
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from sip.location.records import NOTHING, Answer, Naptr, Question, Srv, as_name
from sip.uri import parse_hostport

MOST_RECORDS: Final = 64
"""Taken of one answer."""
MOST_AT_ONCE: Final = 64
"""Questions under way."""
_DNS_PORT: Final = 53
_TRIES: Final = 2
"""As often a silent server is asked within the time there is."""


class NameServers:
    """The system's name servers, or those of the settings."""

    def __init__(self, servers: Sequence[str], timeout: float) -> None:
        """``servers`` as ``address[:port]``, none for the system's own; ``timeout`` in seconds for one question."""
        self._timeout = timeout
        self._turnstile = asyncio.Semaphore(MOST_AT_ONCE)
        self._resolver = _resolver(servers)
        self._resolver.lifetime = timeout
        self._resolver.timeout = timeout / _TRIES

    async def ask(self, question: Question) -> Answer:
        """The answer, or that there is none."""
        # Only a host's name may be completed by the domains that the system looks through.
        is_host = question.kind in ("A", "AAAA")
        try:
            name = dns.name.from_text(question.name, None if is_host else dns.name.root)
            async with asyncio.timeout(2 * self._timeout), self._turnstile:
                found = await self._resolver.resolve(name, question.kind, raise_on_no_answer=False, search=is_host)
        except dns.resolver.NXDOMAIN as error:
            return Answer(ttl=_negative_ttl(error))
        except (dns.resolver.NoNameservers, dns.exception.Timeout, OSError):
            return Answer(has_failed=True)
        except (dns.exception.DNSException, UnicodeError):
            # A name that no question can hold.
            return NOTHING
        return _answer(found, question)


def _negative_ttl(error: dns.resolver.NXDOMAIN) -> float:
    """For how long nobody has the name (RFC 2308 §5)."""
    try:
        return min((response.resolve_chaining().minimum_ttl for response in error.kwargs["responses"].values()), default=0)
    except dns.exception.DNSException:
        return 0


def _answer(found: dns.resolver.Answer, question: Question) -> Answer:
    ttl = found.chaining_result.minimum_ttl
    if found.rrset is None:
        alias = as_name(found.canonical_name.to_text()) if found.chaining_result.cnames else ""
        return Answer(ttl=ttl, alias="" if alias == question.name else alias)
    return Answer(tuple(islice(_records(found.rrset), MOST_RECORDS)), ttl)


def _records(records: Iterable[dns.rdata.Rdata]) -> Iterator[Naptr | Srv | str]:
    for record in records:
        match record:
            case A() | AAAA():
                yield record.address
            case SRV():
                yield Srv(record.priority, record.weight, record.port, as_name(record.target.to_text()))
            case NAPTR():
                yield Naptr(
                    record.order, record.preference, _text(record.flags), _text(record.service), as_name(record.replacement.to_text())
                )
            case _:
                pass


def _text(data: bytes) -> str:
    return data.decode("ascii", "replace")


def _resolver(servers: Sequence[str]) -> dns.asyncresolver.Resolver:
    if not servers:
        try:
            return dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            # A machine without name servers: names outside the hosts file lead nowhere.
            return dns.asyncresolver.Resolver(configure=False)
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port or _DNS_PORT) for host, port in map(parse_hostport, servers)]
    return resolver
