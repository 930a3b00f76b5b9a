"""``lastcall check``: for CI, whether models are retired or retire soon."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import output
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, Within, clock, horizon, opened
from monitor.errors import NotFound

app = typer.Typer(**PLAIN)

FIELDS = ("model", "status", "summary")


@app.command()
def check(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL", help="Ids or provider/model.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            help="One model a line, or a LiteLLM config; - is stdin.",
        ),
    ] = None,
    within: Within = "60d",
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Fail if any of these models is retired or retires soon. Unknown models are listed, and are
    never counted as safe.

    \b
    Exit code: 1 if any is retired or retires within the time, else 5 if any is unknown, else 0.
    Example: lastcall check gpt-4o claude-3-haiku-20240307 --within 90d
    """
    from monitor.answers import json_forms, model_lists
    from monitor.answers.check import check as check_models

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    names = list(models or [])
    if file:
        names += [model.name for model in model_lists.read(file)]
    if not names:
        raise typer.BadParameter("name a model, or a file of them with -f")
    until = horizon(within, now)
    with opened(db) as store, store.read() as session:
        checks = check_models(session, names, until, now)
    if not output.machine(how, [json_forms.check_json(check) for check in checks], FIELDS):
        output.table(
            ("MODEL", "STATUS", "WHY"),
            [(check.model, check.status, check.summary) for check in checks],
        )
    statuses = {check.status for check in checks}
    if statuses & {"retired", "retiring"}:
        raise typer.Exit(1)
    if "unknown" in statuses:
        raise typer.Exit(NotFound.exit_code)
