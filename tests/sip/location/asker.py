"""A DNS without a network: a zone as a table, and the searches that ask it."""

from collections.abc import Callable
from random import Random

from sip.location.records import NOTHING, Answer, Hop, Kind, Naptr, Question, Srv
from sip.location.search import Means, Search
from sip.uri import Uri

Zone = dict[tuple[str, Kind], tuple[Naptr | Srv | str, ...] | Answer]

HOST: Zone = {("example.com", "A"): ("192.0.2.1",)}


def first(bound: int) -> int:
    """Chance that always says 0."""
    return 0


def means(
    *transports: str,
    families: tuple[Kind, ...] = ("A",),
    below: Callable[[int], int] = first,
    local: dict[str, tuple[str, ...]] | None = None,
) -> Means:
    """What we can; UDP, TCP and TLS where nothing is said."""
    return Means(transports or ("udp", "tcp", "tls"), families, below, lambda name: (local or {}).get(name, ()))


def seeded(seed: int) -> Callable[[int], int]:
    """Chance that is the same in each run."""
    return Random(seed).randrange


def search(uri: str, zone: Zone, can: Means | None = None) -> tuple[Search, list[Question]]:
    """A search that is over, and what it asked."""
    found = Search(Uri.parse(uri), can or means())
    asked: list[Question] = []
    while questions := found.questions():
        for question in questions:
            asked.append(question)
            known = zone.get((question.name, question.kind), NOTHING)
            found.answer(question, known if isinstance(known, Answer) else Answer(known, 60))
        assert len(asked) < 200
    return found, asked


def hops(uri: str, zone: Zone, can: Means | None = None) -> list[str]:
    """Hops as text, such as ``udp 192.0.2.1:5060``; a TLS hop's name follows."""
    return [written(hop) for hop in search(uri, zone, can)[0].hops]


def asked(uri: str, zone: Zone, can: Means | None = None) -> list[str]:
    """Questions as text, such as ``SRV _sip._udp.example.com``."""
    return [f"{question.kind} {question.name}" for question in search(uri, zone, can)[1]]


def written(hop: Hop) -> str:
    """A hop as text."""
    host = f"[{hop.address}]" if ":" in hop.address else hop.address
    return f"{hop.transport} {host}:{hop.port}" + (f" {hop.name}" if hop.name else "")
