"""``lastcall db``: the database itself."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import output
from monitor.cli.options import PLAIN, AsJson, Db, clock, moment, opened
from monitor.errors import StoreError

app = typer.Typer(
    no_args_is_help=True, help="Manage the database: migrate, check, prune, copy.", **PLAIN
)


@app.command()
def upgrade(db: Db = None) -> None:
    """Migrate the database to the schema of this program. Every command does so on first use.

    Example: lastcall db upgrade
    """
    from monitor.settings import database
    from monitor.store import schema
    from monitor.store.db import Store

    store = Store(database(db))
    try:
        before, after = schema.upgrade(store)
    finally:
        store.close()
    print(f"schema {after}" if before == after else f"schema {before or 'none'} -> {after}")


@app.command()
def check(as_json: AsJson = False, db: Db = None) -> None:
    """Check that the database is whole. Exit code 4 if it is not.

    Example: lastcall db check
    """
    from monitor.store import maintenance, schema

    how = output.form(as_json)
    with opened(db) as store:
        faults, counts = maintenance.faults(store), maintenance.counts(store)
    if how == "json":
        output.document({"schema": schema.HEAD, "rows": counts, "faults": faults})
    else:
        output.table(("TABLE", "ROWS"), [(name, str(count)) for name, count in counts.items()])
    if faults:
        raise StoreError(
            "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        )
    output.say(f"schema {schema.HEAD}, no faults")


@app.command()
def prune(
    keep: Annotated[
        str,
        typer.Option("--keep", metavar="TIME", help="Keep what is newer than 90d, or than a date."),
    ] = "90d",
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Delete old polls, ended deliveries and unused documents. Events and facts are kept.

    Example: lastcall db prune --keep 180d
    """
    from monitor.store import maintenance

    how = output.form(as_json)
    before = moment(keep, clock())
    with opened(db) as store, store.write() as session:
        deleted = maintenance.prune(session, before)
    if how == "json":
        output.document({"before": output.stamp(before), "deleted": deleted})
    else:
        print("deleted: " + ", ".join(f"{count} of {name}" for name, count in deleted.items()))


@app.command()
def copy(
    target: Annotated[
        str,
        typer.Argument(metavar="URL_OR_PATH", help="A new database, for example postgresql://..."),
    ],
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Copy everything into a new database, for example from SQLite to PostgreSQL. Stop the service
    first.

    Example: lastcall db copy postgresql://lastcall@localhost/lastcall
    """
    from monitor.store import maintenance, secrets
    from monitor.store.db import database_url

    how = output.form(as_json)
    with opened(db) as store:
        if store.url == database_url(target):
            raise typer.BadParameter("source and target are the same database")
        with opened(target) as new:
            copied = maintenance.copy(store, new)
        used = secrets.status(store)
    if how == "json":
        output.document({"rows": copied})
    else:
        output.table(("TABLE", "ROWS"), [(name, str(count)) for name, count in copied.items()])
    if used:
        file = f" (LASTCALL_SECRET_KEYS_FILE={store.path}.key if it has none)" if store.path else ""
        output.say(
            "its secrets need the same keys: give it the LASTCALL_SECRET_KEYS of the old database"
            f"{file}"
        )
