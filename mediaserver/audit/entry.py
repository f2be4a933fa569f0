"""An entry of the audit log: a fact, its place in the chain, and the seal that ties it to the one before. Pure.

The sealed text is the JSON array of all fields but the seal, in the order in which they stand in the class; so it can be built again
from the columns of a database.
"""

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final

from mediaserver.secrecy.key import Key

GENESIS: Final = "0" * 64
"""What the first entry's seal is tied to."""
_LONGEST: Final = 256
"""Characters of a text; what is longer is cut, as it may come from outside."""
_DROPPED: Final = dict.fromkeys((*range(32), 127, *range(55296, 57344)), "�")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What happened, who did it, from where, and by which permission."""

    kind: str
    """As in docs/audit.md: ``command.permitted``, ``command.refused``, ``supervisor.joined`` …"""
    tenant: str = ""
    identity: str = ""
    """Who; empty: nobody who is known."""
    way: str = ""
    """By which door: ``api``, ``digit``, ``info``, ``dial_in``, ``replaces``; empty: the server itself."""
    address: str = ""
    permission: str = ""
    """What allows it, such as ``team:north mode:whisper``."""
    call: str = ""
    leg: int = 0
    agent: str = ""
    team: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """The rest, JSON-ready."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact in the log. The order of the fields is that of the sealed text."""

    chain: str
    """Names the log of one server."""
    sequence: int
    """1, 2, 3 … without holes."""
    at: int
    """Microseconds since 1970; never less than the entry before has."""
    kind: str
    tenant: str
    identity: str
    way: str
    address: str
    permission: str
    call: str
    leg: int
    agent: str
    team: str
    detail: str
    """JSON."""
    key: str
    """Names the key of the seal."""
    seal: str = ""
    """HMAC-SHA256 of the seal before and the sealed text, in hex."""

    @property
    def facts(self) -> dict[str, Any]:
        """The detail, read; empty where it cannot be."""
        try:
            found = json.loads(self.detail)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def place(self) -> str:
        """Chain and sequence."""
        return f"{self.chain}/{self.sequence}"

    def moment(self, name: str) -> int:
        """A time that the detail names, microseconds since 1970; the entry's own where it names none."""
        found = self.facts.get(name)
        return found if isinstance(found, int) and found > 0 else self.at

    def sealed_text(self) -> bytes:
        """What the seal is about."""
        return json.dumps(_values(self)[:-1], separators=(",", ":")).encode()

    def row(self) -> list[Any]:
        """The fields in their order, for a line of the journal."""
        return list(_values(self))


FIELDS: Final = tuple(Entry.__dataclass_fields__)
_values: Final[Callable[[Entry], tuple[Any, ...]]] = attrgetter(*FIELDS)


@dataclass(frozen=True, slots=True)
class AuditKey:
    """The key of the seals: derived from the server's key, so that one secret is to be kept."""

    id: str
    octets: bytes = field(repr=False)

    @classmethod
    def of(cls, key: Key) -> "AuditKey":
        """The audit log's key."""
        return cls(key.id, hmac.digest(key.octets, b"mediaserver audit log", sha256))

    def seal(self, before: str, text: bytes) -> str:
        """The seal of an entry that follows one with the seal ``before``."""
        return hmac.digest(self.octets, before.encode() + b"\n" + text, "sha256").hex()


def entry_of(row: Sequence[Any]) -> Entry | None:
    """An entry from the fields of a line; None where they are none."""
    if len(row) != len(FIELDS) or not all(
        isinstance(value, int if name in ("sequence", "at", "leg") else str) for name, value in zip(FIELDS, row, strict=True)
    ):
        return None
    return Entry(*row)


def made(fact: Fact, *, chain: str, sequence: int, at: int, before: str, key: AuditKey) -> Entry:
    """The entry of a fact, sealed."""
    entry = Entry(
        chain,
        sequence,
        at,
        fact.kind,
        clean(fact.tenant),
        clean(fact.identity),
        fact.way,
        clean(fact.address),
        clean(fact.permission),
        clean(fact.call),
        fact.leg,
        clean(fact.agent),
        clean(fact.team),
        json.dumps({name: _clean_value(value) for name, value in fact.detail.items()}, separators=(",", ":"), sort_keys=True),
        key.id,
    )
    return replace(entry, seal=key.seal(before, entry.sealed_text()))


def clean(text: str) -> str:
    """A text that every database takes: nothing that controls, no half of a surrogate pair, not too long."""
    return text[:_LONGEST] if text.isascii() and text.isprintable() else text[:_LONGEST].translate(_DROPPED)


def _clean_value(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value
