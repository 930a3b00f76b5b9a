"""An event knows the poll that found it"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # No foreign key: polls are pruned, events stay (store.maintenance.prune).
    op.add_column("event", sa.Column("poll_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    # Not in batch mode, which copies the table of SQLite and loses its AUTOINCREMENT.
    op.drop_column("event", "poll_id")
