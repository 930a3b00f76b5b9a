"""What settling, several services, digests, threads and Slack workspaces remember"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "duty",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enterprise", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("enterprise", "team", "user"),
    )
    op.create_table(
        "acknowledgement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("retires", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subscription_id", "subject"),
    )
    op.create_table(
        "thread",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("ts", sa.String(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subscription_id", "subject"),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("message", sa.String(), nullable=False, server_default=sa.text("''"))
        )

    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("recent", sa.Text(), nullable=False, server_default=sa.text("'[]'"))
        )
        batch_op.add_column(
            sa.Column("stale", sa.Boolean(), nullable=False, server_default=sa.text("false"))
        )
        batch_op.add_column(sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("sealed_address", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("surfaces", sa.Text(), nullable=False, server_default=sa.text("'[]'"))
        )
        batch_op.add_column(sa.Column("reminders", sa.JSON(), nullable=True))
        batch_op.add_column(
            sa.Column("digest", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("quiet_from", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("quiet_to", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("timezone", sa.String(), nullable=False, server_default=sa.text("'UTC'"))
        )
        batch_op.add_column(sa.Column("muted_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("threads", sa.String(), nullable=False, server_default=sa.text("'updates'"))
        )
        batch_op.add_column(
            sa.Column("format", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("verify", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("ordered", sa.Boolean(), nullable=False, server_default=sa.text("false"))
        )
        batch_op.add_column(sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("old_secrets", sa.Text(), nullable=False, server_default=sa.text("'[]'"))
        )
        batch_op.add_column(
            sa.Column("failures", sa.Integer(), nullable=False, server_default=sa.text("0"))
        )


def downgrade() -> None:
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.drop_column("failures")
        batch_op.drop_column("old_secrets")
        batch_op.drop_column("probe_at")
        batch_op.drop_column("ordered")
        batch_op.drop_column("verify")
        batch_op.drop_column("format")
        batch_op.drop_column("threads")
        batch_op.drop_column("asked_at")
        batch_op.drop_column("muted_until")
        batch_op.drop_column("timezone")
        batch_op.drop_column("quiet_to")
        batch_op.drop_column("quiet_from")
        batch_op.drop_column("digest")
        batch_op.drop_column("reminders")
        batch_op.drop_column("surfaces")
        batch_op.drop_column("sealed_address")

    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.drop_column("lease_until")
        batch_op.drop_column("held_at")
        batch_op.drop_column("looked_at")
        batch_op.drop_column("stale")
        batch_op.drop_column("recent")

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_column("message")

    op.drop_table("thread")
    op.drop_table("acknowledgement")
    op.drop_table("installation")
    op.drop_table("duty")
