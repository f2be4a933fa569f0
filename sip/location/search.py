"""One search for the hops of a URI (RFC 3263 §4), without any I/O: it says what to ask, takes the answers, and ends with hops.

 NAPTR ──► SRV ──► ADDRESSES ──► OVER      each stage is left when all of its questions are answered

- NAPTR is asked where the URI names neither transport nor port, and is no address itself (§4.1). A domain that has NAPTR records for
  SIP is believed: what they do not offer is not tried. Without any, each of our transports is looked for.
- SRV is asked where the URI names no port (§4.2). Its servers come in the order of RFC 2782; a service whose only server is the
  root is decidedly not there. Without any, the host itself is taken, at the transport's port.
- Each host is asked for in the families that we are bound to, the better one first; its addresses come in any order.
- maddr takes the host's place (§4); a certificate must show the host all the same.
- sips is TLS at each turn (RFC 3261 §26.2.2); what we do not have is left out, and nothing takes its place.
"""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from sip.location.records import NOTHING, Answer, Hop, Kind, Naptr, Question, Srv, as_name
from sip.location.services import Service, allowed, asked_transport, default_transport, is_about_sip, offered, service_of
from sip.location.weighing import ranked, shuffled
from sip.transport.flow import DEFAULT_PORTS
from sip.uri import Uri

MOST_SERVICES: Final = 6
MOST_SERVERS: Final = 16
MOST_HOPS: Final = 16
MOST_ALIASES: Final = 8
LONGEST_NAME: Final = 253


@dataclass(frozen=True, slots=True)
class Means:
    """What we can, and what a search needs of the world."""

    transports: tuple[str, ...]
    """Those that we speak, preferred first."""
    families: tuple[Kind, ...]
    """``A``, ``AAAA`` or both, preferred first."""
    below: Callable[[int], int]
    """A random number from 0 to n - 1."""
    local: Callable[[str], tuple[str, ...]] = lambda name: ()
    """Addresses of names that are known without DNS; no service is asked for under these."""


class Stage(Enum):
    """How far a search is."""

    NAPTR = auto()
    SRV = auto()
    ADDRESSES = auto()
    OVER = auto()


@dataclass(frozen=True, slots=True)
class _Server:
    """A host that serves SIP over a transport."""

    transport: str
    host: str
    port: int


class Search:
    """Ask `questions` until there are none, then read `hops`."""

    def __init__(self, uri: Uri, means: Means) -> None:
        self._uri = uri
        self._means = means
        self._domain = as_name((uri.parameter("maddr") or uri.host).strip("[]"))
        self._transports = allowed(uri, means.transports)
        self._services: list[Service] = []
        self._servers: list[_Server] = []
        self._asked: dict[Question, Question] = {}
        """What is asked for this stage, and under which name by now, for aliases are followed."""
        self._answers: dict[Question, Answer] = {}
        self._aliases = 0
        self.stage = Stage.OVER
        self.hops: tuple[Hop, ...] = ()
        """In the order in which to try them."""
        self.problem = ""
        """Why there are none."""
        self._begin()

    def questions(self) -> list[Question]:
        """What to ask now; all may be asked at once. Empty: the search is over."""
        return list(dict.fromkeys(now for first, now in self._asked.items() if first not in self._answers))

    def answer(self, question: Question, answer: Answer) -> None:
        """Take an answer; one to a question that is not open is nothing."""
        for first in [first for first, now in self._asked.items() if now == question and first not in self._answers]:
            alias = as_name(answer.alias)
            if alias and not answer.records and self._aliases < MOST_ALIASES:
                self._aliases += 1
                self._asked[first] = Question(alias, question.kind)
            else:
                self._answers[first] = answer
        self._go_on()

    def give_up(self) -> None:
        """There will be no more answers in time: what is open has failed."""
        while questions := self.questions():
            for question in questions:
                self.answer(question, Answer(has_failed=True))

    # -- the stages

    def _begin(self) -> None:
        """Where to begin (§4.1, §4.2)."""
        uri, named = self._uri, asked_transport(self._uri)
        transport = named or default_transport(uri)
        knows_place = bool(uri.port) or _is_address(self._domain) or bool(self._means.local(self._domain))
        if not self._domain or len(self._domain) > LONGEST_NAME:
            self._end("there is no host in it")
        elif (named and named not in self._transports) or not self._transports or (knows_place and transport not in self._transports):
            self._end(f"no {named or transport} is spoken here")
        elif knows_place:
            self._look_up([_Server(transport, self._domain, uri.port or DEFAULT_PORTS[transport])])
        elif named:
            self._ask_services([service_of(self._domain, named)])
        else:
            self._ask(Stage.NAPTR, [Question(self._domain, "NAPTR")])

    def _ask(self, stage: Stage, questions: Iterable[Question]) -> None:
        self.stage = stage
        self._asked = {question: question for question in questions}
        self._answers = {}
        self._go_on()

    def _go_on(self) -> None:
        """Leave a stage that is answered."""
        if self.stage is Stage.OVER or len(self._answers) < len(self._asked):
            return
        _LEAVE[self.stage](self)

    def _leave_naptr(self) -> None:
        records = [record for answer in self._answers.values() for record in answer.records if isinstance(record, Naptr)]
        if any(map(is_about_sip, records)):
            services = offered(records, self._transports)
        else:
            services = [service_of(self._domain, transport) for transport in self._transports]
        if services:
            self._ask_services(services)
        else:
            self._end("its domain offers no transport that is spoken here")

    def _ask_services(self, services: list[Service]) -> None:
        self._services = services[:MOST_SERVICES]
        self._ask(Stage.SRV, [Question(service.name, "SRV") for service in self._services])

    def _leave_srv(self) -> None:
        servers: list[_Server] = []
        has_records = False
        for service in self._services:
            records = [record for record in self._answers[Question(service.name, "SRV")].records if isinstance(record, Srv)]
            has_records = has_records or bool(records)
            there = [record for record in ranked(records, self._means.below) if as_name(record.target)]
            servers += [_Server(service.transport, as_name(record.target), record.port) for record in there]
        if servers:
            self._look_up(servers[:MOST_SERVERS])
        elif has_records:
            self._end("its domain says that there is no such service")
        else:
            self._look_up([self._host_itself()])

    def _host_itself(self) -> _Server:
        """What is left where DNS knows of no services (§4.2)."""
        default = default_transport(self._uri)
        offers = [service.transport for service in self._services]
        transport = default if default in offers else offers[0]
        return _Server(transport, self._domain, DEFAULT_PORTS[transport])

    def _look_up(self, servers: list[_Server]) -> None:
        self._servers = servers
        unknown = [server.host for server in servers if not _is_address(server.host) and not self._means.local(server.host)]
        self._ask(Stage.ADDRESSES, [Question(host, family) for host in unknown for family in self._means.families])

    def _leave_addresses(self) -> None:
        name = self._uri.host
        hops = [
            Hop(server.transport, address, server.port, name if server.transport == "tls" else "")
            for server in self._servers
            for address in self._addresses(server.host)
            if server.port
        ]
        self.hops = tuple(dict.fromkeys(hops))[:MOST_HOPS]
        has_failed = any(answer.has_failed for answer in self._answers.values())
        self._end("" if self.hops else "DNS does not answer" if has_failed else "it has no address")

    def _addresses(self, host: str) -> list[str]:
        """A host's addresses in our families, those of the better one first."""
        if _is_address(host):
            return [host] if _family(host) in self._means.families and _is_of_use(host) else []
        local = self._means.local(host)
        found: list[str] = []
        for family in self._means.families:
            known = local or self._answers.get(Question(host, family), NOTHING).records
            usable = [text for text in known if isinstance(text, str) and _family(text) == family and _is_of_use(text)]
            found += shuffled(usable, self._means.below)
        return found

    def _end(self, problem: str) -> None:
        self.stage = Stage.OVER
        self.problem = problem
        self._asked = {}


_LEAVE: Final[dict[Stage, Callable[[Search], None]]] = {
    Stage.NAPTR: Search._leave_naptr,
    Stage.SRV: Search._leave_srv,
    Stage.ADDRESSES: Search._leave_addresses,
}


def _is_address(host: str) -> bool:
    return _family(host) != ""


@lru_cache(maxsize=4096)
def _family(host: str) -> str:
    """``A``, ``AAAA``, or empty for what is no address."""
    try:
        return "AAAA" if ipaddress.ip_address(host).version == 6 else "A"
    except ValueError:
        return ""


@lru_cache(maxsize=4096)
def _is_of_use(text: str) -> bool:
    """Whether it is the address of a single machine, wherever one stands: not one that means something on one link only."""
    address = ipaddress.ip_address(text)
    return not address.is_multicast and not address.is_unspecified and "%" not in text
