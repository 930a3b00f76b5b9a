"""The schema: created and migrated on first use, refused when it is newer than the program.

Alembic is imported only when something is to be done: the usual start reads one number from one
row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from monitor.errors import StoreError
from monitor.store.db import Store

if TYPE_CHECKING:
    from alembic.config import Config

#: The newest migration. tests/store/test_migrations.py holds it equal to alembic/versions.
HEAD = "0003"

#: The name of a duty that nobody has, longer than a page of SQLite: writing it needs new pages.
_PADDING = "probe".ljust(8192, "-")
_FILL = text("INSERT INTO duty (name, done_at) VALUES (:name, '1970-01-01 00:00:00+00:00')")
_ERASE = text("DELETE FROM duty WHERE name = :name")


def migrations() -> Path:
    """Where the migrations are: inside the package when installed, at the top of a source tree."""
    inside = Path(__file__).parent / "_alembic"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "alembic"


def revision(store: Store) -> str | None:
    """The migration that a database is at; None for an empty one. Raises StoreError for somebody
    else's tables.
    """
    with store.read() as session:
        names = set(inspect(session.connection()).get_table_names())
        if "alembic_version" in names:
            found: str | None = (
                session.connection()
                .execute(text("SELECT version_num FROM alembic_version"))
                .scalar()
            )
            return found
    if names:
        raise StoreError(
            f"{store}: holds other tables ({', '.join(sorted(names)[:3])} ...); give Lastcall its "
            "own database"
        )
    return None


def ready(store: Store) -> Store:
    """The store with the schema this program needs, made or migrated if need be."""
    if current(store):
        return store
    upgrade(store)
    return store


def upgrade(store: Store) -> tuple[str | None, str]:
    """Bring the schema to HEAD; returns the revisions before and after.

    Raises StoreError if a newer program has been here: going on could lose what it wrote.
    """
    before = revision(store)
    versions = {path.name.split("_")[0] for path in (migrations() / "versions").glob("*.py")}
    if before and before not in versions:
        raise StoreError(
            f"{store}: its schema {before} is newer than this program knows ({HEAD}); install the "
            "newer Lastcall again"
        )
    if before != HEAD:
        from alembic import command

        command.upgrade(_config(store), "head")
    return before, HEAD


def current(store: Store) -> bool:
    """Return True if the database exists with the schema that this program needs."""
    if store.path and not store.path.exists():
        return False
    try:
        with store.read() as session:
            return (
                session.connection()
                .execute(text("SELECT version_num FROM alembic_version"))
                .scalar()
                == HEAD
            )
    except StoreError as error:
        if "alembic_version" in str(error):
            return False
        raise


def fault(store: Store) -> str:
    """Why a program that has begun can no longer use a database: another one has changed it. Empty
    if it can.
    """
    found = revision(store)
    return (
        ""
        if found == HEAD
        else f"{store}: its schema is {found or 'gone'}, not {HEAD}; restart with the newer "
        "Lastcall"
    )


def probe(store: Store) -> None:
    """Write more than a page and take it back, so that a disk that is full says so; ends
    ``Store.trouble``.

    Raises StoreError while the database cannot be used, or is no longer of this program's schema.
    """
    if changed := fault(store):
        store.trouble = changed
        raise StoreError(changed)
    for statement in (_ERASE, _FILL, _ERASE):
        with store.write() as session:
            session.connection().execute(statement, {"name": _PADDING})
    store.trouble = ""


def _config(store: Store) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations()))
    config.attributes["store"] = store
    return config
