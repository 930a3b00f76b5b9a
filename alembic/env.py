"""Alembic's entry: run by monitor.store.schema with an open Store, never with a URL of its own."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate.api import AutogenContext
from sqlalchemy import DateTime, String, Text, TypeDecorator
from sqlmodel import SQLModel

from alembic import context
from monitor.store import tables  # noqa: F401  the models register themselves


def plain(kind: str, item: Any, _context: AutogenContext) -> str | bool:
    """Migrations name the database's types, not the program's: they must run when those are long
    gone.
    """
    if kind == "type" and isinstance(item, TypeDecorator):
        for known, name in (
            (DateTime, "sa.DateTime(timezone=True)"),
            (Text, "sa.Text()"),
            (String, "sa.String()"),
        ):
            if isinstance(item.impl_instance, known):
                return name
    return False


store = context.config.attributes["store"]

with store.engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_item=plain,
        render_as_batch=True,  # SQLite alters a table by copying it
    )
    with context.begin_transaction():
        if (
            not store.sqlite
        ):  # workers that start together migrate one after the other; SQLite has one writer anyway
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('lastcall schema'))")
        context.run_migrations()
