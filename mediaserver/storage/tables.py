"""The tables. Times are microseconds since 1970; what changes them is in `mediaserver.storage.migrations`."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text

METADATA: Final = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s"}
)


def _texts(*names: str) -> Iterator[Column[str]]:
    return (Column(name, Text, nullable=False, default="") for name in names)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


CALLS: Final = Table(
    "calls",
    METADATA,
    Column("id", String(64), primary_key=True),
    *_texts("server", "tenant", "trunk", "caller", "called", "agent", "team"),
    Column("metadata", JSON, nullable=False),
    _time("started_at"),
    _time("answered_at", nullable=True),
    _time("ended_at", nullable=True),
    *_texts("cause"),
    Index("ix_calls_started", "tenant", "started_at"),
    Index("ix_calls_agent", "tenant", "agent", "started_at"),
)

SUPERVISIONS: Final = Table(
    "supervisions",
    METADATA,
    Column("id", String(96), primary_key=True),
    *_texts("tenant", "identity", "call", "agent", "team", "way", "address", "permission"),
    _time("joined_at"),
    _time("left_at", nullable=True),
    *_texts("cause"),
    Index("ix_supervisions_joined", "tenant", "joined_at"),
    Index("ix_supervisions_call", "call"),
)
"""One for each time that a supervisor was in a call. The id is that of the audit entry by which he joined: chain/sequence."""

STRETCHES: Final = Table(
    "supervision_stretches",
    METADATA,
    Column("supervision", String(96), primary_key=True),
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    _time("until", nullable=True),
    *_texts("mode", "target", "agent", "team"),
)
"""The timeline of a supervision: which mode, toward whom, from when to when."""

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("chain", String(64), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _time("at"),
    *_texts("kind", "tenant", "identity", "way", "address", "permission", "call"),
    Column("leg", BigInteger, nullable=False),
    *_texts("agent", "team", "detail", "key", "seal"),
    Index("ix_audit_at", "at"),
    Index("ix_audit_identity", "tenant", "identity", "at"),
)
"""As `mediaserver.audit.entry.Entry`. Rows are added, never changed."""

NOTES: Final = Table(
    "notes",
    METADATA,
    Column("id", String(64), primary_key=True),
    *_texts("call", "tenant", "identity"),
    _time("at"),
    _time("about", nullable=True),
    *_texts("text"),
    Index("ix_notes_call", "call", "at"),
)
"""What supervisors wrote about a call; ``about``: the moment that is meant, where it is another one."""

FLAGS: Final = Table(
    "flags",
    METADATA,
    Column("id", String(64), primary_key=True),
    *_texts("call", "tenant", "identity"),
    _time("at"),
    _time("about", nullable=True),
    *_texts("label"),
    _time("taken_back_at", nullable=True),
    Column("taken_back_by", Text, nullable=True),
    Index("ix_flags_call", "call", "at"),
)
"""What supervisors marked; one that was taken back says when, and by whom."""

IDENTITIES: Final = Table(
    "identities",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("name", String(128), primary_key=True),
    *_texts("secret"),
    Column("role", Text, nullable=False, default="", server_default=""),
    Column("ceiling", JSON, nullable=False),
    *_texts("user"),
    Column("numbers", JSON, nullable=False),
    Column("is_disabled", Boolean, nullable=False, default=False),
    _time("changed_at"),
)
"""Supervisors who are not in the configuration: an argon2id hash of their password, and how far they may go, or their role."""

POLICIES: Final = Table(
    "policies",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
    _time("changed_at"),
)
"""What a tenant has otherwise than the configuration: one row for each key of `config.policies.PolicySettings`."""

REVISIONS: Final = Table(
    "revisions",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""How often something was changed; ``governing``: identities or policies."""

SET_ASIDE: Final = Table(
    "set_aside",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    *_texts("kind", "line", "problem"),
    _time("at"),
)
"""Lines of the journal that the database would not take."""
