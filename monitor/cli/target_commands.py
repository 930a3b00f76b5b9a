"""The commands that email and Apprise targets share: list, test, enable, disable, remove."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, clock, opened

Target = Annotated[
    str, typer.Argument(metavar="TARGET", help="The target's id (sub_...) or address.")
]


def common(kind: str) -> typer.Typer:
    """Return the commands of one type of target, all but ``add``."""
    group = typer.Typer(no_args_is_help=True, **PLAIN)

    @group.command(
        "list", help=f"List the targets and their filters.\n\nExample: lastcall {kind} list"
    )
    def list_targets(
        as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None
    ) -> None:
        how = output.form(as_json, as_jsonl, as_csv)
        with opened(db) as store, store.read() as session:
            targets.print_targets(how, targets.rows(session, kind))

    @group.command(help=f"Send a test message.\n\nExample: lastcall {kind} test sub_1f2e3d4c5b6a")
    def test(target: Target, db: Db = None) -> None:
        from monitor.settings import load_settings

        with targets.unlocked(db) as (store, vault):
            with store.read() as session:
                row = targets.find(session, kind, target, vault)
            targets.send_test(store, load_settings(db), row)

    @group.command(
        help="Enable a target. Its held deliveries are sent first."
        f"\n\nExample: lastcall {kind} enable "
        "sub_1f2e3d4c5b6a"
    )
    def enable(target: Target, db: Db = None) -> None:
        from monitor.delivery import target_health

        with targets.unlocked(db) as (store, vault), store.write() as session:
            row = targets.find(session, kind, target, vault)
            due = target_health.resume(session, row.id, clock())
        print(f"{row.id}: enabled, {output.are(due, 'held delivery')} due")

    @group.command(
        help="Disable a target. Its deliveries are held."
        f"\n\nExample: lastcall {kind} disable sub_1f2e3d4c5b6a"
    )
    def disable(target: Target, db: Db = None) -> None:
        from monitor.delivery import target_health

        with targets.unlocked(db) as (store, vault), store.write() as session:
            row = targets.find(session, kind, target, vault)
            count = target_health.hold(session, row.id, "disabled", "disabled by hand")
        print(f"{row.id}: disabled, {output.are(count, 'delivery')} held")

    @group.command(
        help="Remove a target with its deliveries."
        f"\n\nExample: lastcall {kind} remove sub_1f2e3d4c5b6a"
    )
    def remove(target: Target, db: Db = None) -> None:
        with targets.unlocked(db) as (store, vault):
            print(f"{targets.remove(store, kind, target, vault)}: removed")

    return group
