"""The first tables: calls, supervision with its timeline, the audit log, notes, flags, identities, policies."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _key(name: str, length: int) -> "sa.Column[str]":
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    """Make them."""
    _calls_and_supervision()
    _audit()
    _said_about_calls()
    _administered()


def downgrade() -> None:
    """Throw them away."""
    for name in ("set_aside", "policies", "identities", "flags", "notes", "audit", "supervision_stretches", "supervisions", "calls"):
        op.drop_table(name)


def _calls_and_supervision() -> None:
    op.create_table(
        "calls",
        _key("id", 64),
        *map(_text, ("server", "tenant", "trunk", "caller", "called", "agent", "team")),
        sa.Column("metadata", sa.JSON, nullable=False),
        _time("started_at"),
        _time("answered_at", nullable=True),
        _time("ended_at", nullable=True),
        _text("cause"),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index("ix_calls_started", "calls", ["tenant", "started_at"])
    op.create_index("ix_calls_agent", "calls", ["tenant", "agent", "started_at"])
    op.create_table(
        "supervisions",
        _key("id", 96),
        *map(_text, ("tenant", "identity", "call", "agent", "team", "way", "address", "permission")),
        _time("joined_at"),
        _time("left_at", nullable=True),
        _text("cause"),
        sa.PrimaryKeyConstraint("id", name="pk_supervisions"),
    )
    op.create_index("ix_supervisions_joined", "supervisions", ["tenant", "joined_at"])
    op.create_index("ix_supervisions_call", "supervisions", ["call"])
    op.create_table(
        "supervision_stretches",
        _key("supervision", 96),
        _time("since"),
        _time("until", nullable=True),
        *map(_text, ("mode", "target", "agent", "team")),
        sa.PrimaryKeyConstraint("supervision", "since", name="pk_supervision_stretches"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        _key("chain", 64),
        _time("sequence"),
        _time("at"),
        *map(_text, ("kind", "tenant", "identity", "way", "address", "permission", "call")),
        sa.Column("leg", sa.BigInteger, nullable=False),
        *map(_text, ("agent", "team", "detail", "key", "seal")),
        sa.PrimaryKeyConstraint("chain", "sequence", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_identity", "audit", ["tenant", "identity", "at"])


def _said_about_calls() -> None:
    for table, said in (("notes", "text"), ("flags", "label")):
        op.create_table(
            table,
            _key("id", 64),
            *map(_text, ("call", "tenant", "identity")),
            _time("at"),
            _time("about", nullable=True),
            _text(said),
            sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        )
        op.create_index(f"ix_{table}_call", table, ["call", "at"])


def _administered() -> None:
    op.create_table(
        "identities",
        _key("tenant", 64),
        _key("name", 128),
        _text("secret"),
        sa.Column("ceiling", sa.JSON, nullable=False),
        _text("user"),
        sa.Column("numbers", sa.JSON, nullable=False),
        sa.Column("is_disabled", sa.Boolean, nullable=False),
        _time("changed_at"),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_identities"),
    )
    op.create_table(
        "policies",
        _key("tenant", 64),
        _key("name", 64),
        sa.Column("value", sa.JSON, nullable=False),
        _time("changed_at"),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_policies"),
    )
    op.create_table(
        "set_aside",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        *map(_text, ("kind", "line", "problem")),
        _time("at"),
        sa.PrimaryKeyConstraint("id", name="pk_set_aside"),
    )
