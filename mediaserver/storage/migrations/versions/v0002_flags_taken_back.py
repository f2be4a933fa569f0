"""Flags can be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Keep when, and by whom."""
    op.add_column("flags", sa.Column("taken_back_at", sa.BigInteger, nullable=True))
    op.add_column("flags", sa.Column("taken_back_by", sa.Text, nullable=True))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("flags", "taken_back_by")
    op.drop_column("flags", "taken_back_at")
