"""Where a URI leads: `sip.location` asked by questions to DNS, without holding anybody up.

Answers are kept as long as they are good, one question is asked once however many wait for it, and what leads nowhere is counted.
"""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from config.dns import DnsSettings
from mediaserver.observing.counters import Counters
from mediaserver.signalling.routing.nameservers import NameServers
from sip.location.cache import Cache
from sip.location.hosts import local_addresses, parse_hosts
from sip.location.records import Answer, Hop, Kind, Question
from sip.location.search import Means, Search
from sip.transport.flow import Flow
from sip.uri import Uri

_log = structlog.get_logger(__name__)

HOSTS_FILE: Final = Path("/etc/hosts")
MOST_SEARCHES: Final = 256
"""Under way; more lead nowhere."""
MOST_NAMES: Final = 4096
"""Answers that are kept."""
SEARCH_PATIENCE: Final = 4.0
"""A search may take so many times as long as one question."""
HOSTS_SECONDS: Final = 5.0
"""So often the hosts file is looked at."""

Found = Callable[[tuple[Flow, ...], str], None]
"""Gets the flows in the order in which to try them, and why there are none."""


class Resolver:
    """Turns URIs into flows."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        settings: DnsSettings,
        *,
        transports: tuple[str, ...],
        bind: tuple[str, ...],
        flow_toward: Callable[[Hop], Flow],
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``transports`` are those that we speak, ``bind`` are the addresses that SIP is bound to."""
        self._tasks = tasks
        self._settings = settings
        self._flow_toward = flow_toward
        self._counters = counters
        self._clock = clock
        self._servers = NameServers(settings.nameservers, settings.timeout)
        self._cache = Cache(shortest=settings.shortest_ttl, longest=settings.longest_ttl, negative=settings.negative_ttl, limit=MOST_NAMES)
        self._hosts = HostsFile(HOSTS_FILE)
        self._means = Means(transports, families_of(*bind), random.randrange, self._local)
        self._asked: dict[Question, asyncio.Task[Answer]] = {}
        self._running = 0

    def locate(self, uri: Uri, found: Found) -> None:
        """Call ``found`` once: at once where no look-up is needed."""
        search = Search(uri, self._means)
        self._recall(search)
        if not search.questions():
            self._tell(search, found)
        elif self._running >= MOST_SEARCHES:
            self._counters.add("locations", "too_many")
            found((), "too many look-ups are under way")
        else:
            self._running += 1
            self._tasks.create_task(self._run(search, uri, found))

    def _local(self, name: str) -> tuple[str, ...]:
        return local_addresses(name, self._hosts.read(self._clock()))

    def _recall(self, search: Search) -> None:
        """Answer what is known."""
        while known := [(question, answer) for question in search.questions() if (answer := self._cache.get(question, self._clock()))]:
            for question, answer in known:
                search.answer(question, answer)

    async def _run(self, search: Search, uri: Uri, found: Found) -> None:
        try:
            async with asyncio.timeout(SEARCH_PATIENCE * self._settings.timeout):
                while questions := search.questions():
                    for question, answer in zip(questions, await asyncio.gather(*map(self._ask, questions)), strict=True):
                        search.answer(question, answer)
                    self._recall(search)
        except TimeoutError:
            search.give_up()
        finally:
            self._running -= 1
        try:
            self._tell(search, found)
        except Exception:
            # The outermost place of a look-up: what goes wrong with one call must not take all others down.
            _log.exception("locate.follow_up_failed", host=uri.host)

    async def _ask(self, question: Question) -> Answer:
        """Ask, or wait with those who asked already."""
        task = self._asked.get(question)
        if task is None:
            task = self._asked[question] = self._tasks.create_task(self._ask_servers(question))
        return await asyncio.shield(task)

    async def _ask_servers(self, question: Question) -> Answer:
        try:
            answer = await self._servers.ask(question)
        finally:
            del self._asked[question]
        self._counters.add("dns_answers", "failed" if answer.has_failed else "some" if answer.records or answer.alias else "none")
        return self._cache.put(question, answer, self._clock())

    def _tell(self, search: Search, found: Found) -> None:
        self._counters.add("locations", "found" if search.hops else "nowhere")
        found(tuple(map(self._flow_toward, search.hops)), search.problem)


class HostsFile:
    """The system's own names, read again when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: dict[str, tuple[str, ...]] = {}
        self._looked_at = -HOSTS_SECONDS
        self._changed_at = 0.0

    def read(self, now: float) -> dict[str, tuple[str, ...]]:
        """Addresses by name, as they were a moment ago at the most."""
        if now - self._looked_at >= HOSTS_SECONDS:
            self._looked_at = now
            try:
                changed_at = self._path.stat().st_mtime
                if changed_at != self._changed_at:
                    self._names = parse_hosts(self._path.read_text("utf-8", "replace"))
                    self._changed_at = changed_at
            except OSError:
                self._names = {}
        return self._names


def families_of(*bind: str) -> tuple[Kind, ...]:
    """The families that sockets bound to these addresses can send to; IPv6 first where they can both (RFC 6724 §2.1)."""
    can_ipv6 = any(":" in address for address in bind)
    can_ipv4 = any(":" not in address or address == "::" for address in bind)
    return (*(("AAAA",) if can_ipv6 else ()), *(("A",) if can_ipv4 else ()))
