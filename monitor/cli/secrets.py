"""``lastcall secrets``: the keys that encrypt secrets in the database."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import output
from monitor.cli.options import PLAIN, AsJson, Db, opened

app = typer.Typer(
    no_args_is_help=True,
    help="Manage the keys that encrypt secrets in the database.",
    **PLAIN,
)


@app.command("new-key")
def new_key() -> None:
    """Print a new key, for LASTCALL_SECRET_KEYS or the file that LASTCALL_SECRET_KEYS_FILE names.

    Example: lastcall secrets new-key > keys
    """
    from monitor import vault

    print(vault.new_key())


@app.command()
def status(as_json: AsJson = False, db: Db = None) -> None:
    """List the keys by their ids, with the number of secrets that each encrypts.

    Keys and secrets themselves are never shown.

    Example: lastcall secrets status
    """
    from monitor.settings import load_settings
    from monitor.store import secrets

    how = output.form(as_json)
    with opened(db) as store:
        vault, used = secrets.find_vault(store, load_settings(db)), secrets.status(store)
    keys = {name: vault.has(name) for name in (*vault.names, *sorted(used)) if name}
    if how == "json":
        output.document(
            {
                "first": vault.first,
                "unsealed": used[""],
                "keys": [
                    {"key": name, "present": present, "secrets": used[name]}
                    for name, present in keys.items()
                ],
            }
        )
        return
    output.table(
        ("KEY", "IS", "SECRETS"),
        [
            (
                name,
                "first" if name == vault.first else "there" if present else "MISSING",
                str(used[name]),
            )
            for name, present in keys.items()
        ],
    )
    if not keys and not used[""]:
        output.say(
            "no key yet, and no secret: the first secret makes a key, or set LASTCALL_SECRET_KEYS"
        )
    if used[""]:
        output.say(
            f"{output.counted(used[''], 'secret')} not sealed yet: the next `lastcall run` or "
            "`secrets rotate` does"
        )


@app.command()
def rotate(
    new: Annotated[
        bool,
        typer.Option(
            "--new",
            help="Put a new key into the key file first (where there is no LASTCALL_SECRET_KEYS).",
        ),
    ] = False,
    db: Db = None,
) -> None:
    """Encrypt every secret with the first key. The service may run meanwhile, if it has that key.

    Safe to run again after an interruption. Once `lastcall secrets status` counts no secret under
    an old key, only old backups need that key.

    Example: lastcall secrets rotate
    """
    from monitor.cli import targets
    from monitor.store import secrets

    with targets.unlocked(db) as (store, vault):
        if new:
            vault.renew()
        count = secrets.rotate(store, vault)
    print(
        f"{output.counted(count, 'secret')} sealed anew"
        + (f", with the key {vault.first}" if vault.first else "")
    )
