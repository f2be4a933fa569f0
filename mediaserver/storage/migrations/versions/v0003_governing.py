"""Servers of one database learn that identities or policies changed; an identity may have a role by its name."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Count the changes, from none on."""
    op.create_table(
        "revisions",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_revisions"),
    )
    op.execute("insert into revisions (name, number) values ('governing', 0)")
    op.add_column("identities", sa.Column("role", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Forget them."""
    op.drop_column("identities", "role")
    op.drop_table("revisions")
