"""Writes what the program knows of itself into docs/cli.md, docs/schemas and the README's table of
sources.

    python -m tests.tools.render_docs

Tests hold all equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer

from monitor.cli import app
from monitor.delivery.webhook.schema import MESSAGES, message
from sources import load

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cli.md"
README = ROOT / "README.md"
SCHEMAS = ROOT / "docs" / "schemas"

HEAD = """# The command line

Written by `python -m tests.tools.render_docs` from the program's own help.

Data goes to stdout, talk to stderr. Times are in UTC. Exit codes: 0 done; 1 findings (`check`); 2 usage;
3 a document could not be read or was refused; 4 the database or a setting is at fault; 5 something asked for does not
exist; 130 interrupted; 70 a fault of Lastcall itself.

`--json` prints one JSON document, `--jsonl` one object a line, `--csv` a table with a header line. `--db` may stand
before the command or after it.
"""


def page() -> str:
    program = typer.main.get_command(app)
    context = typer.Context(program, info_name="lastcall", terminal_width=100)
    return "\n".join([HEAD, *_help(program, context)])


def _help(command: Any, context: typer.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        inner = command.get_command(context, name)
        yield from _help(
            inner, typer.Context(inner, info_name=name, parent=context, terminal_width=100)
        )


def readme(text: str) -> str:
    """The README with the table of what is watched between its markers."""
    found = re.subn(
        r"(?<=<!-- sources -->\n).*?(?=<!-- /sources -->)",
        lambda _: watched(),
        text,
        flags=re.DOTALL,
    )
    assert found[1] == 1, "README.md needs <!-- sources --> and <!-- /sources -->, once"
    return found[0]


def watched() -> str:
    """Every source of the package, without what tests and private modules declare beside them."""
    ours = [
        one
        for one in load().values()
        if one.provider != "example" and one.parse.__module__.startswith(f"sources.{one.provider}")
    ]
    lines = [
        f"| [{one.id}]({one.url}) | {one.kind} | {', '.join(fact.fact for fact in one.facts)} | "
        f"{_cadence(one.every)}"
        f" | {f'`{one.access.key}`' if one.access else ''} |\n"
        for one in sorted(ours, key=lambda one: one.id)
    ]
    providers = {one.provider for one in ours if one.kind == "official"}
    return (
        f"{len(ours)} sources, of {len(providers)} providers and of those who write about them."
        " Any RSS or Atom feed goes beside them: `lastcall sources add-feed URL`.\n\n"
        "| source | kind | facts | every | key |\n|---|---|---|---|---|\n" + "".join(lines)
    )


def _cadence(every: timedelta) -> str:
    hours = every / timedelta(hours=1)
    return f"{hours:g} h" if hours >= 1 else f"{hours * 60:g} min"


def schemas() -> dict[Path, str]:
    """The published schema of every type of message, by its file."""
    return {
        SCHEMAS / f"{kind}.json": json.dumps(message(kind), indent=1) + "\n" for kind in MESSAGES
    }


if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for path, text in schemas().items():
        path.write_text(text, encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(README.read_text("utf-8")), encoding="utf-8")
